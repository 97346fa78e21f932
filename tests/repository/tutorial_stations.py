"""What the text says of the stations of a step, counted: lines, excerpts, words, and the functions that are born there.

tests/stations.py says which station brings a file, or a part of one: a function, a struct, an array. Each line that a
step adds belongs to one station. Start reading at owners().
"""
import fnmatch
import functools
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import stations     # noqa: E402
from tutorial_code import chapter_step, changes, diff_lines, sources    # noqa: E402
from tutorial_text import Fault, plain      # noqa: E402

STATIONS = stations.STATIONS
COUNTED_CHAPTERS = {1, 2, 3, 4, 5, 6}     # those whose sections are stations
SHARE_MIN = {1: 1 / 2, 2: 1 / 2, 3: 1 / 2, 4: 1 / 3, 5: 1 / 3}      # of the lines that a station adds, shown in its section
STATION_WORDS_MAX = 1200
FIRST_PROGRAM_WORDS, FIRST_PROGRAM_LINES = 1500, 40


# ---- the code: pieces of a file, and whose they are

@functools.lru_cache(maxsize=None)
def pieces(path):
    """[(name, first line, last line)] of the declarations of a file, each with the blank lines and the comment above it; "" is the
    rest. Lines count from 1."""
    found, held, depth = [], [], 0
    for number, line in enumerate(blank_comments(path.read_text(encoding="utf-8")).split("\n"), 1):
        held.append(line)
        depth += line.count("{") - line.count("}")
        if depth == 0 and re.search(r"[;}]\s*$", line) and not line.startswith("#"):
            found.append((name_of("\n".join(held)), number - len(held) + 1, number))
            held = []
        elif line.startswith("#"):
            held = []
    return found


def blank_comments(code):
    """The same lines without comments, strings and characters."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/', lambda found: re.sub(r"[^\n]", " ", found.group()), code, flags=re.S)


def name_of(code):
    """That of a function, of a struct or enum that is declared, or of a variable; "" if it has none."""
    head = re.split(r"=|\{(?!.*\bmain\b)", re.sub(r"^\s*#.*$", "", code, flags=re.M), maxsplit=1)[0]
    forms = (r"\b(\w+)\s*\(", r"^\s*(?:static )?(?:const )?(?:struct|enum) (\w+)\s*$", r"\b(\w+)\s*(?:\[[^\]]*\]\s*)*;?\s*$")
    return next((found.group(1) for form in forms for found in [re.search(form, head)] if found), "")


@functools.lru_cache(maxsize=None)
def functions(step):
    """The names of the functions that a step defines."""
    return {name for path in sources(step).values() if path.suffix == ".c" for name, first, last in pieces(path)
            if re.search(r"\b%s\s*\([^;]*\)\s*\{" % re.escape(name), "\n".join(blank_comments(path.read_text(encoding="utf-8")).split("\n")[first - 1:last]))}


def born(root, chapter):
    """The functions that a step defines and the one before it does not."""
    old = chapter_step(root, chapter - 1)
    return functions(chapter_step(root, chapter)) - (functions(old) if old else set())


@functools.lru_cache(maxsize=None)
def added(root, chapter, name):
    """{number of a line in the new file: its text} of what a step adds to a file."""
    number, lines = 0, {}
    for line in diff_lines(chapter_step(root, chapter - 1), chapter_step(root, chapter), name, context=100000)[3:]:
        number += line[:1] in ("+", " ")
        if line.startswith("+"):
            lines[number] = line[1:]
    return lines


def rows(chapter):
    return [row for row in STATIONS if row.number.split(".")[0] == str(chapter)]


def brought(row, name):
    """The names that a station brings to a file; None if it does not touch it."""
    found = [names for pattern, names in row.brings.items() if fnmatch.fnmatch(name, pattern)]
    return " ".join(found) if found else None


@functools.lru_cache(maxsize=None)
def owners(root, chapter):
    """{(file, line): station} of all lines that a step adds: that which names the piece, or else the first that has the file."""
    step, found = chapter_step(root, chapter), {}
    for name in changes(chapter_step(root, chapter - 1), step):
        first = next((row.number for row in rows(chapter) if brought(row, name) is not None), None)
        named = {piece: row.number for row in rows(chapter) for piece in (brought(row, name) or "").split()}
        for line in added(root, chapter, name):
            piece = next((piece for piece, first, last in pieces(sources(step)[name]) if first <= line <= last), "") if name in sources(step) else ""
            found[name, line] = named.get(piece, first)
    return found


# ---- the text: what it shows

def section(text, number):
    """(first line, last line) of the section of a station, or None."""
    starts = [at for at, heading in enumerate(text.headings) if heading.level == 3 and heading.title.split(" ")[0] == number]
    if not starts:
        return None
    start = text.headings[starts[0]]
    return start.line, next((heading.line - 1 for heading in text.headings[starts[0] + 1:] if heading.level <= 3), len(text.lines))


def positions(wanted, lines):
    """The indexes of those lines that an excerpt shows; `...` stands for lines that are left out."""
    found, at, segment = [], 0, []
    for line in [*wanted, "..."]:
        if line.strip() != "...":
            segment.append(line.rstrip())
        elif segment:
            start = next((start for start in range(at, len(lines) - len(segment) + 1)
                          if all(lines[start + offset].rstrip() == other for offset, other in enumerate(segment))), None)
            if start is None:
                return found        # check_c() says so
            found += range(start, start + len(segment))
            at, segment = start + len(segment), []
    return found


def shown(text, chapter, first, last):
    """{(file, line)} of the step's files that excerpts in these lines of the text show."""
    step, found = chapter_step(text.root, chapter), set()
    for block in text.blocks:
        if not first <= block.line <= last:
            continue
        if block.words[:1] == ["c"] and len(block.words) == 2 and block.words[1].startswith(step.name + "/"):
            name = block.words[1].partition("/")[2]
            if name in sources(step):
                lines = sources(step)[name].read_text(encoding="utf-8").split("\n")
                found |= {(name, at + 1) for at in positions(block.lines, lines)}
        elif block.words[:1] == ["diff"] and len(block.words) == 4 and block.words[2] == step.name and block.words[1] != "edit":
            found |= {(block.words[3], line) for line in shown_by_diff(text.root, chapter, block)}
    return found


def shown_by_diff(root, chapter, block):
    whole = diff_lines(chapter_step(root, chapter - 1), chapter_step(root, chapter), block.words[3], context=100000)[3:]
    body = ["..." if line.startswith(("@@", "--- ", "+++ ")) else line or " " for line in block.lines]
    numbers, number = [], 0
    for line in whole:
        number += line[:1] in ("+", " ")
        numbers.append(number)
    return [numbers[at] for at in positions(body, whole) if whole[at].startswith("+")]


def share(text, row):
    """(lines shown, lines added) of a station; empty lines do not count."""
    chapter, place = int(row.number.split(".")[0]), section(text, row.number)
    own = {place for place, owner in owners(text.root, chapter).items() if owner == row.number and added(text.root, chapter, place[0])[place[1]].strip()}
    return (len(own & shown(text, chapter, *place)) if place else 0), len(own)


def words(text, first, last):
    """Words of the prose between two lines of the text."""
    return sum(1 for line in text.prose[first - 1:last] for word in line.split() if re.search(r"\w", word))


# ---- the rules

def counted(text):
    """The chapters of the text whose sections are stations."""
    return [heading.chapter for heading in text.headings if heading.chapter in COUNTED_CHAPTERS and chapter_step(text.root, heading.chapter)]


def line_of(text, chapter):
    return next(heading.line for heading in text.headings if heading.chapter == chapter)


def check_stations(text):
    """A chapter has a section for each station, under its name; each line that the step adds belongs to one."""
    faults = []
    for chapter in counted(text):
        titles = [(heading.title, heading.line) for heading in text.headings
                  if heading.level == 3 and re.match(r"%d\.\d+ " % chapter, heading.title)]
        wanted = [row.section for row in rows(chapter)]
        if [title for title, _ in titles] != wanted:
            wrong = next((line for (title, line), right in zip(titles, wanted) if title != right), line_of(text, chapter))
            faults.append(Fault(wrong, "the sections of a chapter are the stations of tests/stations.py", "\n".join(wanted), "\n".join(title for title, _ in titles)))
        homeless = sorted({name for (name, _), owner in owners(text.root, chapter).items() if owner is None})
        faults += [Fault(line_of(text, chapter), "a file that a step touches belongs to a station", "tests/stations.py has " + name, "no station") for name in homeless]
    return faults


def check_born(text):
    """Every function is named in the chapter that brings it; one that a station brings by its name, in the section of that."""
    faults = []
    for chapter in set(counted(text)) & set(SHARE_MIN):
        first = line_of(text, chapter)
        last = next((heading.line - 1 for heading in text.headings if heading.line > first and heading.level <= 2), len(text.lines))
        homes = {piece: row.number for row in rows(chapter) for names in row.brings.values() for piece in names.split()}
        for name in sorted(born(text.root, chapter)):
            place = section(text, homes.get(name, "")) or (first, last)
            if not re.search(r"\b%s\b" % name, "\n".join(text.lines[place[0] - 1:place[1]])):
                faults.append(Fault(place[0], "a function is named where it is born", name, "not in this " + ("section" if name in homes else "chapter")))
    return faults


def check_shares(text):
    """In the section of a station stands the greater part of the lines that it adds."""
    faults = []
    for chapter in counted(text):
        for row in rows(chapter):
            came, whole = share(text, row)
            if came < whole * SHARE_MIN.get(chapter, 0):
                faults.append(Fault((section(text, row.number) or (line_of(text, chapter),))[0], "the excerpts of a station show its code",
                                    "%d of its %d lines" % (-int(-whole * SHARE_MIN[chapter] // 1), whole), "%d" % came))
    return faults


def check_station_words(text):
    return [Fault(place[0], "a station is read in one go", "at most %d words" % STATION_WORDS_MAX, "%d" % words(text, *place))
            for chapter in counted(text) for row in rows(chapter)
            for place in [section(text, row.number)] if place and words(text, *place) > STATION_WORDS_MAX]


def check_first_program(text):
    """The reader's own first program comes early, and is short."""
    block = next((block for block in text.blocks if block.words[:2] == ["c", "program"]), None)
    if block is None or not text.whole:
        return []
    count = words(text, 1, block.line)
    faults = [] if count <= FIRST_PROGRAM_WORDS else [
        Fault(block.line, "the first C of the reader's own comes early", "within %d words" % FIRST_PROGRAM_WORDS, "%d" % count)]
    return faults + ([] if len(block.lines) <= FIRST_PROGRAM_LINES else [
        Fault(block.line, "the first C of the reader's own is short", "at most %d lines" % FIRST_PROGRAM_LINES, "%d" % len(block.lines))])


def check_maps(text):
    """A table under <!-- checked: stations --> has a row for each station of the chapter: its files, and the lines that it adds."""
    faults = []
    for chapter in counted(text):
        title = text.chapter_at(line_of(text, chapter))
        table = next((table for table in text.tables if table.before == "<!-- checked: stations -->" and text.chapter_at(table.line) == title), None)
        if table is None:
            faults.append(Fault(line_of(text, chapter), "a chapter opens with its map", "<!-- checked: stations --> and a table", "none"))
            continue
        listed = [plain(row[0]).split(" ")[0] for _, row in table.rows]
        if listed != [row.number for row in rows(chapter)]:
            faults.append(Fault(table.line, "the map has each station of the chapter", " ".join(row.number for row in rows(chapter)), " ".join(listed)))
            continue
        for line, row in table.rows:
            number = plain(row[0]).split(" ")[0]
            own = [place for place, owner in owners(text.root, chapter).items() if owner == number]
            files = set().union(*(spelt(word, own) for word in re.split(r",?\s+|\s+and\s+", plain(row[-2])) if word))
            if files != {name for name, _ in own}:
                faults.append(Fault(line, "the files of station " + number, " ".join(sorted({name for name, _ in own})) or "none", plain(row[-2])))
            if int(re.sub(r"\D", "", row[-1]) or 0) != len(own):
                faults.append(Fault(line, "the lines that station %s adds" % number, "%d" % len(own), row[-1]))
    return faults


def spelt(word, own):
    """`conn.[ch]`: the files that are meant; a word that fits none stands for itself."""
    pattern = re.escape(word).replace(r"\*", "[^/]*").replace(r"\[", "[").replace(r"\]", "]")
    return {name for name, _ in own if re.fullmatch(pattern, name)} or {word}


STATION_RULES = [check_stations, check_maps, check_born, check_shares, check_station_words]


def report(text):
    """A line for each station: words, lines shown of those added."""
    for chapter in counted(text):
        for row in rows(chapter):
            place = section(text, row.number)
            if place:
                came, whole = share(text, row)
                yield "%-5s %5d words, %3d of %3d lines shown, %3d %%" % (row.number, words(text, *place), came, whole, 100 * came // max(whole, 1))
