#!/usr/bin/env python3
"""Check TUTORIAL.md: what it shows is what the programs do.

    python3 tests/repository/tutorial.py                     the text in the repository
    python3 tests/repository/tutorial.py part.md             another one, or a part of it
    python3 tests/repository/tutorial.py --chapter 3         only what stands in chapter 3; 0 is all before chapter 1

TEXT_RULES hold for any text or part, WHOLE_RULES only for the complete one, and each
fenced block has a rule in tutorial_blocks.py. tutorial_text.py reads the text,
tutorial_stations.py counts what it says of each station, tutorial_code.py knows the
code, tutorial_run.py runs what the text says, and test_tutorial.py makes tests of all
this. Start reading at check().
"""
import argparse
import concurrent.futures
import difflib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))     # for what the stages have, too

import tls_library              # noqa: E402
import tutorial_run             # noqa: E402
import tutorial_stations        # noqa: E402
from tutorial_blocks import check_block, names_in, unknown_options     # noqa: E402
from tutorial_code import (changes, chapter_step, is_name, make_targets, options, program, public_functions, replies,   # noqa: E402
                           sources, step_named, steps)
from tutorial_text import (CODE_SPAN, NUMBER_OF_CHAPTERS, REPOSITORY, Fault, Text, plain,      # noqa: E402
                           without_code)

WORDS_MIN, WORDS_MAX = 20000, 26000
EXERCISES_MIN = 3
SLOW_SECONDS = 0.5          # a command that takes as long is named by main()

SECTIONS = ["Before you start", *("Chapter %d" % n for n in range(1, NUMBER_OF_CHAPTERS + 1)), "Going live",
            "Questions readers ask", *("Appendix " + letter for letter in "ABCDE")]
OTHER_PROGRAMS = "Postfix|OpenSMTPD|OpenSSL|OpenSSH|Dovecot|Exim|qmail|BoringSSL|Monocypher|BearSSL|p256-m|Wireshark|rspamd"
CONTENTS = ("Contents", "Table of contents")


# ---- rules for the text or a part of it

def check_form(text):
    """What was wrong already while reading it."""
    return text.faults


def check_links(text):
    """An anchor is that of a heading, a relative link is a file, everything else is https."""
    anchors = {heading.anchor for other in (text, *text.neighbours()) for heading in other.headings}
    anchors |= set(re.findall(r'<a (?:id|name)="([^"]+)">', text.content))
    faults = []
    for link in text.links:
        place, _, anchor = link.target.partition("#")
        if link.target.startswith("https://"):
            continue
        if re.match(r"\w+:", link.target):
            faults.append(Fault(link.line, "a link is an anchor, a file or https", "", link.target))
        elif place and not (text.root / place).exists():
            faults.append(Fault(link.line, "a link leads to a file", "a file of the repository", place))
        elif anchor and place in ("", "TUTORIAL.md") and anchor not in anchors:
            near = difflib.get_close_matches(anchor, anchors, 1)
            faults.append(Fault(link.line, "an anchor is that of a heading", near[0] if near else "", "#" + anchor))
    return faults


def check_names(text):
    """Functions, files and steps that stand in code spans exist, unless the paragraph speaks of another program."""
    faults = []
    for start, paragraph in text.paragraphs():
        if re.search(OTHER_PROGRAMS, paragraph):
            continue
        for span in CODE_SPAN.finditer(paragraph):
            line = start + paragraph.count("\n", 0, span.start())
            faults += names_in(text, line, span.group(2)) + command_in(text, line, span.group(2))
            if "_" in span.group(2) and re.fullmatch(r"[A-Za-z]\w+", span.group(2)) and not is_name(text.root, span.group(2)):
                faults.append(Fault(line, "a name is one of the code", "", span.group(2)))
    return faults


def command_in(text, line, span):
    """A command that runs a step has options which that step knows."""
    found = re.search(r"(?:^|\s|/)build/(step\d\d-[\w-]+)((?:\s+[^\s&|;<>]+)*)", span)
    step = step_named(text.root, found.group(1)) if found else None
    return unknown_options(options(text.root, step), line, found.group(2).split()) if step and program(text.root, step).exists() else []


def check_marks(text):
    """Outside code spans no backtick is left over, and nothing in angle brackets but links: GitHub would not show it."""
    faults = []
    for start, paragraph in text.paragraphs():
        for offset, line in enumerate(without_code(paragraph).split("\n")):
            if "`" in line.replace("\\`", ""):
                faults.append(Fault(start + offset, "a backtick that has no partner", "", line.strip()))
            faults += [Fault(start + offset, "this is a tag, which is not shown", "`%s`" % tag, tag)
                       for tag in re.findall(r"<(?!https:|/?(?:a|br|sub|sup|kbd|details|summary)\b|!--)[a-zA-Z/][^>]*>", line)]
    return faults


def check_make_targets(text):
    """`make diff-03` in the text is a target of the Makefile."""
    faults, targets = [], make_targets(text.root)
    for number, line in enumerate(text.lines, 1):
        for found in re.finditer(r"(?:`|\$ )make ((?:[\w-]+ ?)+)", line):
            name = found.group(1).split()[0]
            if not name.startswith("-") and not any(re.fullmatch(target, name) for target in targets):
                faults.append(Fault(number, "a target of the Makefile", " ".join(targets), "make " + name))
    return faults


def check_headings(text):
    """The sections are those that are agreed on, in their order; a part need not have all of them."""
    faults, last = [], -1
    for heading in text.headings:
        if heading.level != 2 or heading.title in CONTENTS:
            continue
        at = next((at for at, name in enumerate(SECTIONS) if re.match(re.escape(name) + r"(: \S|$)", heading.title)), None)
        if at is None:
            faults.append(Fault(heading.line, "a section of the text", ", ".join(SECTIONS), heading.title))
        elif at <= last:
            faults.append(Fault(heading.line, "sections stand in order", "after " + SECTIONS[at - 1], heading.title))
        last = at if at is not None else last
    for heading in text.headings:
        part = re.match(r"(\d+)\.(\d+)\b", heading.title)
        chapter = re.match(r"Chapter (\d+)", text.chapter_at(heading.line))
        if heading.level == 3 and part and (not chapter or part.group(1) != chapter.group(1)):
            faults.append(Fault(heading.line, "a part has the number of its chapter", text.chapter_at(heading.line), heading.title))
    return faults + gaps(text)


def gaps(text):
    """The parts of a chapter are numbered without gaps."""
    seen, faults = {}, []
    for heading in text.headings:
        part = re.match(r"(\d+)\.(\d+)\b", heading.title)
        if heading.level == 3 and part:
            chapter, number = int(part.group(1)), int(part.group(2))
            if number != seen.get(chapter, 0) + 1:
                faults.append(Fault(heading.line, "parts are numbered without gaps", "%d.%d" % (chapter, seen.get(chapter, 0) + 1), heading.title))
            seen[chapter] = number
    return faults


def check_chapter_tables(text):
    """A chapter opens with a table: its directory, what it adds, how to run it, how to test it, how to see the change."""
    faults = []
    for heading in text.headings:
        if heading.chapter is None:
            continue
        step = chapter_step(text.root, heading.chapter)
        if step is None:
            faults.append(Fault(heading.line, "a chapter has a step", "step%02d-..." % heading.chapter, "none"))
            continue
        after = next((other.line for other in text.headings if other.line > heading.line and other.level <= 3), len(text.lines) + 1)
        table = next((table for table in text.tables if heading.line < table.line < after), None)
        if table is None:
            faults.append(Fault(heading.line, "a chapter opens with a table", "Directory, Adds, Run, Test, See the change", "none"))
            continue
        rows = {plain(row[0]).lower(): (line, " ".join(row[1:])) for line, row in [(table.line, table.header), *table.rows]}
        wanted = {"directory": step.name, "adds": "", "run": "build/" + step.name, "test": "make test-%02d" % heading.chapter,
                  "see the change": "make diff-%02d" % heading.chapter}
        for name, content in wanted.items():
            line, cell = rows.get(name, (table.line, ""))
            if not cell or content not in cell:
                faults.append(Fault(line, "the table of chapter %d, row %s" % (heading.chapter, name.capitalize()), content, cell or "no such row"))
        if "adds" in rows:
            faults += check_adds(text, step, *rows["adds"])
    return faults


def check_adds(text, step, line, cell):
    """The numbers before "new files", "files changed", "files" (all of them), "lines" or "lines added", "lines changed" or "removed"."""
    old = chapter_step(text.root, int(step.name[4:6]) - 1)
    counts = changes(old, step)
    new = [name for name in counts if old is None or name not in sources(old)]
    added, removed = (sum(count[at] for count in counts.values()) for at in (0, 1))
    real = {"file": len(counts), "new file": len(new), "added file": len(new), "changed file": len(counts) - len(new),
            "old file": len(counts) - len(new), "line": added, "new line": added, "added line": added,
            "changed line": removed, "removed line": removed, "old line": removed}
    faults = []
    for found in re.finditer(r"(\d[\d,]*) (new |old )?(file|line)s?(?: (changed|removed|added))?", plain(cell)):
        number, kind = int(found.group(1).replace(",", "")), (found.group(2) or (found.group(4) or "") + " ") + found.group(3)
        if number != real.get(kind.strip()):
            faults.append(Fault(line, "the real diff: %s" % kind.strip(), str(real.get(kind.strip())), found.group()))
    return faults


def check_line_tables(text):
    """A table under <!-- checked: lines --> has each file that the chapter touches, and its lines added and removed."""
    faults = []
    for table in text.tables:
        if table.before == "<!-- checked: stations -->":
            continue        # tutorial_stations.check_maps() looks at it
        if table.before.startswith("<!-- checked:"):
            faults += check_line_table(text, table) if table.before == "<!-- checked: lines -->" else [
                Fault(table.line, "a known check", "<!-- checked: lines -->, <!-- checked: stations -->", table.before)]
        elif "lines added" in " ".join(table.header).lower():
            faults.append(Fault(table.line, "a table of lines is checked", "<!-- checked: lines --> or <!-- checked: stations --> above it", table.before))
    chapters = {text.chapter_at(table.line) for table in text.tables if table.before.startswith("<!-- checked:")}
    faults += [Fault(heading.line, "a chapter has a table of its files and lines", "<!-- checked: lines -->", "none")
               for heading in text.headings if heading.chapter is not None and heading.title not in chapters]
    comments = sum("<!-- checked:" in line for line in text.prose)
    used = sum(table.before.startswith("<!-- checked:") for table in text.tables)
    return faults + ([] if comments == used else [Fault(
        next(number for number, line in enumerate(text.prose, 1) if "<!-- checked:" in line), "a comment `checked` stands right above a table")])


def check_line_table(text, table):
    chapter = re.match(r"Chapter (\d+)", text.chapter_at(table.line))
    if not chapter:
        return [Fault(table.line, "a table of lines stands in a chapter", "", text.chapter_at(table.line))]
    number = int(chapter.group(1))
    left = dict(changes(chapter_step(text.root, number - 1), chapter_step(text.root, number)))
    everything, faults = dict(left), []
    for line, row in table.rows:
        names = plain(row[0])
        if names.lower() in ("all", "total", "sum", "together"):
            chosen = list(everything)
        else:
            chosen = [name for name in left for word in re.split(r",\s*|\s+and\s+|\s+", names) if matches(name, word)]
        real = [sum(everything[name][column] for name in chosen) for column in (0, 1)]
        stated = [int(re.sub(r"\D", "", cell) or 0) for cell in (row[1:] + ["", ""])[:2]]
        if not chosen or real != stated:
            faults.append(Fault(line, "the real diff of %s" % names, "%d added, %d changed or removed" % tuple(real) if chosen else "a file that is touched",
                                "%d added, %d changed or removed" % tuple(stated)))
        for name in chosen:
            left.pop(name, None)
    return faults + ([Fault(table.line, "all files that are touched are in the table", ", ".join(left), "not there")] if left else [])


def matches(name, word):
    """`conn.c`, `conn.[ch]`, `tls/*.c`, `tls/`"""
    pattern = re.escape(word).replace(r"\*", "[^/]*").replace(r"\[", "[").replace(r"\]", "]")
    return bool(word) and bool(re.fullmatch(pattern + (".*" if word.endswith("/") else ""), name))


def check_exercises(text):
    """#### Exercise 3-b (30 minutes), the task, *Hint:* ...; at least three in a chapter, rising."""
    faults, seen = [], {}
    for at, heading in enumerate(text.headings):
        if not re.match(r"Exercise\b", heading.title) or heading.title == "Exercises":
            continue
        found = re.fullmatch(r"Exercise (\d+)-([a-z]) \((\d+) minutes\)", heading.title)
        if not found or heading.level != 4:
            faults.append(Fault(heading.line, "the heading of an exercise", "#### Exercise 3-b (30 minutes)", text.lines[heading.line - 1]))
            continue
        chapter, number, minutes = int(found.group(1)), ord(found.group(2)) - ord("a") + 1, int(found.group(3))
        before = seen.setdefault(chapter, [])
        if not text.chapter_at(heading.line).startswith("Chapter %d:" % chapter) or number != len(before) + 1:
            faults.append(Fault(heading.line, "exercises have the letters of their chapter, without gaps", text.chapter_at(heading.line), heading.title))
        if before and minutes < before[-1]:
            faults.append(Fault(heading.line, "exercises rise", "at least %d minutes" % before[-1], "%d" % minutes))
        before.append(minutes)
        end = text.headings[at + 1].line if at + 1 < len(text.headings) else len(text.lines) + 1
        faults += task_and_hint(text, heading.line, end)
    for heading in text.headings:
        if heading.chapter is not None and len(seen.get(heading.chapter, [])) < EXERCISES_MIN:
            faults.append(Fault(heading.line, "a chapter has exercises", "at least %d" % EXERCISES_MIN, "%d" % len(seen.get(heading.chapter, []))))
    return faults


def task_and_hint(text, start, end):
    body = [line for line in text.lines[start:end - 1] if line.strip()]
    hints = [at for at, line in enumerate(body) if line.startswith("*Hint:*")]
    if len(hints) != 1 or hints[0] == 0 or not body[hints[0]][len("*Hint:*"):].strip():
        return [Fault(start, "an exercise is a task and then one hint", "*Hint:* ...", body[-1] if body else "nothing")]
    return []


def check_placeholders(text):
    """Their expressions are no reading: they stand in tutorial_text.py."""
    return [Fault(table.line, "the text has no table of placeholders", "", "one")
            for table in text.tables if plain(table.header[0]).lower() == "placeholder"]


TEXT_RULES = [check_form, check_links, check_marks, check_names, check_make_targets, check_headings, check_chapter_tables, check_line_tables,
              check_exercises, check_placeholders, *tutorial_stations.STATION_RULES]


# ---- rules for the complete text

def check_sections(text):
    titles = [heading.title for heading in text.headings if heading.level == 2]
    faults = [Fault(1, "the text has this section", name, "it is not there") for name in SECTIONS
              if not any(re.match(re.escape(name) + r"(: \S|$)", title) for title in titles)]
    firsts = [heading for heading in text.headings if heading.level == 1]
    return faults + ([] if len(firsts) == 1 and firsts[0].line == 1 else [Fault(1, "one title, in the first line", "# Title", "%d" % len(firsts))])


def check_contents(text):
    """The table of contents, before the first section, links each section."""
    if not any(heading.title in CONTENTS for heading in text.headings):
        return [Fault(1, "the text has a table of contents", "## Contents", "none")]
    start = next((heading.line for heading in text.headings if heading.title == "Before you start"), 1)
    linked = {link.target for link in text.links if link.line < start}
    return [Fault(heading.line, "the table of contents links each section", "[%s](#%s)" % (heading.title, heading.anchor), "no link")
            for heading in text.headings if heading.level == 2 and heading.title not in CONTENTS and "#" + heading.anchor not in linked]


def check_functions(text):
    """Every public function of the last step is mentioned."""
    words = set(re.findall(r"\w+", text.content))
    return [Fault(1, "every public function is mentioned", name + "()", "not in the text, declared in " + header)
            for name, header in public_functions(steps(text.root)[-1]).items() if name not in words]


def check_replies(text):
    """Appendix A has each reply that the last step knows, and no other."""
    start = next((heading.line for heading in text.headings if heading.title.startswith("Appendix A")), None)
    if start is None:
        return []       # check_sections() has said so
    lines = [(number, line) for number, line in enumerate(text.prose, 1) if text.chapter_at(number).startswith("Appendix A")]
    known = replies(steps(text.root)[-1])
    faults = [Fault(start, "the appendix has each reply", "%s %s" % reply, "no such line") for reply in sorted(known)
              if not any(all(re.search(r"(?<![\d.])%s(?![\d.]*\d)" % re.escape(part), line) for part in reply if part) for _, line in lines)]
    for table in text.tables:
        for line, row in table.rows if text.chapter_at(table.line).startswith("Appendix A") else ():
            code = re.match(r"\d{3}", plain(row[0]))
            if code and not any(code.group() == reply for reply, _ in known):
                faults.append(Fault(line, "a reply that the program knows", "", row[0]))
    return faults


def check_length(text):
    count = text.words_count()
    return [] if WORDS_MIN <= count <= WORDS_MAX else [
        Fault(1, "the length of the text", "%d to %d words outside fenced blocks" % (WORDS_MIN, WORDS_MAX), "%d" % count)]


def check_head_comments(text):
    """The comment at the head of each file of the steps points to a chapter that exists and is not a later one."""
    chapters = {str(heading.chapter) for heading in text.headings if heading.chapter is not None}
    chapters |= {found.group() for heading in text.headings if heading.level == 3 for found in [re.match(r"\d+\.\d+", heading.title)] if found}
    faults = []
    for step in steps(text.root):
        came = [(name, chapter_of(path)) for name, path in sources(step).items()]
        wrong = ["%s: %s" % (name, chapter or "none") for name, chapter in came
                 if chapter not in chapters or int(chapter.split(".")[0]) > int(step.name[4:6])]
        if wrong:
            faults.append(Fault(1, "the head of each file of %s points to its chapter" % step.name, "TUTORIAL.md, chapter N", "\n".join(wrong)))
    return faults


def chapter_of(path):
    """The number after "TUTORIAL.md, chapter" in the first comment of a file."""
    head = re.search(r"/\*.*?\*/", path.read_text(encoding="utf-8"), re.S)
    found = head and re.search(r"TUTORIAL\.md,[\s*]+ch(?:apter|\.)[\s*]+(\d+(?:\.\d+)?)", head.group())
    return found.group(1) if found else ""


WHOLE_RULES = [check_sections, check_contents, check_functions, check_replies, check_length, check_head_comments, tutorial_stations.check_first_program]


def text_rules(text):
    return TEXT_RULES + (WHOLE_RULES if text.whole else [])


# ---- all of it

def console_chapters(text):
    """{chapter: its console blocks, and the messages, programs and edits that they use}"""
    chapters = {}
    for block in text.blocks:
        if block.words[:1] in (["console"], ["eml"]) or block.words[:2] in (["c", "program"], ["diff", "edit"]):
            chapters.setdefault(block.chapter, []).append(block)
    return {name: blocks for name, blocks in chapters.items() if any(block.words[0] == "console" for block in blocks)}


def run_chapters(text, chapters, scratch, up_to=None):
    """Run the console blocks of chapters side by side: {chapter: future of (faults, skipped, {line: seconds})}."""
    scratch = Path(scratch)
    template = tutorial_run.copy_repository(text.root, scratch / "repository", up_to)
    if "tls_library" in text.content and text.root == REPOSITORY and up_to is None:     # or each chapter that uses it would compile it
        shutil.copy2(tls_library.build(), template / "build" / "libtls.so")
    pool = concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1))     # they wait more than they work
    futures = {name: pool.submit(tutorial_run.run_chapter, text, blocks, template, scratch / ("run%d" % number) / "smtpd")
               for number, (name, blocks) in enumerate(sorted(chapters.items(), key=lambda chapter: -len(chapter[1])))}
    pool.shutdown(wait=False)
    return futures


def chapter_of_line(text, line):
    """The number of the chapter that a line stands in: 0 before chapter 1, None after the last one."""
    found = re.match(r"Chapter (\d+)", text.chapter_at(line))
    first = next((heading.line for heading in text.headings if heading.chapter is not None), len(text.lines) + 1)
    return int(found.group(1)) if found else 0 if line < first else None


def check(text, only=None):
    """(faults, what was skipped, {line: seconds} of commands). `only`: the number of a chapter; what asks for the whole text is then
    left out, and so are the steps after it."""
    faults, skipped, seconds = [], [], {}
    chapters = {name: blocks for name, blocks in console_chapters(text).items() if only is None or chapter_of_line(text, blocks[0].line) == only}
    scratch = tempfile.mkdtemp(prefix="smtpd-tutorial-")
    try:
        futures = run_chapters(text, chapters, scratch, None if only is None else max(only, 1)) if chapters else {}
        for rule in text_rules(text) if only is None else TEXT_RULES:
            faults += rule(text)
        for block in text.blocks:
            if only is None or chapter_of_line(text, block.line) == only:
                faults += check_block(text, block)
        for future in futures.values():
            faults += future.result()[0]
            skipped += future.result()[1]
            seconds.update(future.result()[2])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sorted(fault for fault in faults if only is None or chapter_of_line(text, fault.line) == only), skipped, seconds


def main(arguments):
    parser = argparse.ArgumentParser(description="Check TUTORIAL.md: what it shows is what the programs do.")
    parser.add_argument("text", nargs="?", default=os.environ.get("TUTORIAL", REPOSITORY / "TUTORIAL.md"))
    parser.add_argument("--chapter", type=int, help="only this one; 0 is all before chapter 1")
    parser.add_argument("--stations", action="store_true", help="words and excerpts of each station, and nothing else")
    options = parser.parse_args(arguments)
    text = Text(options.text)
    if options.stations:
        print("\n".join(tutorial_stations.report(text)))
        return 0
    faults, skipped, seconds = check(text, options.chapter)
    for reason in skipped:
        print("skipped: " + reason)
    for fault in faults:
        print(fault.show(text.name))
    for line in [line for line in sorted(seconds) if seconds[line] >= SLOW_SECONDS]:
        print("%s:%d: slow, %.1f seconds: %s" % (text.name, line, seconds[line], text.lines[line - 1]))
    print("%s: %d blocks, %d words, %s: %d faults" % (
        text.name, len(text.blocks), text.words_count(), "chapter %d" % options.chapter if options.chapter is not None else
        "the whole text" if text.whole else "a part", len(faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
