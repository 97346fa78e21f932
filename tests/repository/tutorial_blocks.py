"""The rules for the fenced blocks of TUTORIAL.md: BLOCK_RULES, at the end, has one for each kind.

A rule takes the text and a block, and returns the faults that it finds. Commands are run elsewhere: here a console block
is only looked at, as the bash of its chapter runs it with all others, tutorial_run.py.
"""
import difflib
import email
import email.policy
import functools
import re
import subprocess

import tutorial_run
from tutorial_code import diff_lines, file_names, is_function, is_name, options, program, step_named, steps
from tutorial_text import Fault, compare

EXCERPT_LINES_MAX = 45
PICTURE_COLUMNS_MAX = 76
BYTES_MIN = 4               # so many bytes in a row of a dump are no coincidence


# ---- blocks: excerpts

def check_c(text, block):
    """```c step03-data/maildir.c: lines of that file, one after the other; `...` stands for lines that are left out."""
    if len(block.words) != 2 or not (text.root / block.words[1]).is_file():
        return [Fault(block.line, "an excerpt names its file", "```c stepNN-name/file.c", "```" + block.info)]
    lines = (text.root / block.words[1]).read_text(encoding="utf-8").split("\n")
    faults = too_long(block)
    return faults + in_order(block, block.lines, lines, block.words[1])


def check_diff(text, block):
    """```diff step02-commands step03-data session.c: lines of diff -u of that file, hunk headers may be left out."""
    places = [step_named(text.root, name) for name in block.words[1:3]]
    if len(block.words) != 4 or None in places or not any((place / block.words[3]).is_file() for place in places):
        return [Fault(block.line, "a diff names two steps and a file", "```diff stepNN-old stepNN-new file.c", "```" + block.info)]
    lines = diff_lines(*places, block.words[3], context=100000)[2:]
    if block.lines[:1] and block.lines[0].startswith("--- "):
        return [Fault(block.line + 1, "a diff that shows names shows its own", block.info, "\n".join(block.lines[:2]))]
    body = ["..." if line.startswith("@@") else line or " " for line in block.lines]
    while body and body[0] == "...":
        body = body[1:]
        block = block._replace(line=block.line + 1)
    return too_long(block) + in_order(block, body, lines[1:], "diff -u %s/%s %s/%s" % tuple(
        word for name in block.words[1:3] for word in (name, block.words[3])))


def check_program(text, block):
    """```c program mine/echo.c: a whole program of the reader's own, which a command of the chapter builds. It compiles without a
    warning by itself; tutorial_run.py writes it to that place."""
    if len(block.words) != 3 or not re.fullmatch(r"[\w./-]+\.c", block.words[2]):
        return [Fault(block.line, "a program has a name", "```c program mine/name.c", "```" + block.info)]
    done = subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-fsyntax-only", "-xc", "-"], input="\n".join(block.lines) + "\n",
                          stderr=subprocess.PIPE, universal_newlines=True)
    faults = [Fault(block.line, "a program compiles without a warning", "", done.stderr.strip())] if done.stderr or done.returncode else []
    return faults + too_long(block) + is_used(text, block, block.words[2])


def check_edit(text, block):
    """```diff edit mine/main.c: lines that go (-), lines that come (+), and lines around them. tutorial_run.py makes the change."""
    if len(block.words) != 3:
        return [Fault(block.line, "an edit names its file", "```diff edit mine/name.c", "```" + block.info)]
    faults = [Fault(number, "a line of an edit begins with a blank, + or -", "", line)
              for number, line in enumerate(block.lines, block.line + block.names + 1) if line and line[0] not in " +-" and line.strip() != "..."]
    if not any(line[:1] in ("+", "-") for line in block.lines):
        faults.append(Fault(block.line, "an edit changes something", "+ or -", "nothing"))
    return faults + too_long(block) + is_used(text, block, block.words[2])


def is_used(text, block, name):
    """A command after it in the chapter has the name of the file in it, or that of its directory."""
    later = [line for other in text.blocks if other.words[:1] == ["console"] and other.line > block.line
             and other.chapter == block.chapter for line in other.lines if line.startswith(("$ ", "> "))]
    words = (name, name.rpartition("/")[0] + "/") if "/" in name else (name,)
    return [] if any(word in line for word in words for line in later) else [
        Fault(block.line, "what has a name is used by a command after it", "$ ... " + name, "no such command")]


def too_long(block):
    count = len(block.lines)
    if not any(line.strip() not in ("", "...") for line in block.lines):
        return [Fault(block.line, "an excerpt has lines", "", "none")]
    return [] if count <= EXCERPT_LINES_MAX else [
        Fault(block.line, "an excerpt is short", "at most %d lines" % EXCERPT_LINES_MAX, "%d" % count)]


def in_order(block, wanted, lines, source):
    """Faults if the wanted lines are not lines of the source, consecutive but where `...` stands."""
    fault = compare(["...", *wanted, "..."], lines, {})
    if not fault:
        return []
    index, line, _ = fault
    near = difflib.get_close_matches(line, [other for other in lines if other.strip()], 1, 0.5)
    came = near[0] if near and near[0] != line.rstrip() else "it is there, but not next to the lines around it" if near else "no such line"
    return [Fault(block.line + block.names + index, "%s has no such lines" % source, line, came)]


# ---- blocks: conversations and messages

def check_smtp(text, block):
    """```smtp step02-commands: C: is sent, S: is what the server says. Further words are options of the program."""
    step = step_named(text.root, block.words[1]) if len(block.words) > 1 else None
    if step is None:
        return [Fault(block.line, "a conversation names its step", "```smtp stepNN-name", "```" + block.info)]
    return tutorial_run.run_conversation(text, block, program(text.root, step), int(step.name[4:6]))


def check_eml(text, block):
    """```eml: a message without defects. ```eml name.eml: one that the chapter's console blocks use by this name."""
    if len(block.words) > 1:
        later = [line for other in text.blocks if other.words[:1] == ["console"] and other.line > block.line
                 and other.chapter == block.chapter for line in other.lines if line.startswith(("$ ", "> "))]
        return [] if any(block.words[1] in line for line in later) else [
            Fault(block.line, "a message with a name is used by a command after it", "$ ... " + block.words[1], "no such command")]
    message = email.message_from_bytes("\r\n".join(block.lines + [""]).encode(), policy=email.policy.default)
    defects = [defect for part in message.walk() for defect in
               [*part.defects, *(defect for value in part.values() for defect in getattr(value, "defects", ()))]]
    if not message.keys():
        defects.append("no header")
    return [Fault(block.line, "a message has no defects", "", str(defect) or type(defect).__name__) for defect in defects]


# ---- blocks: pictures

NODE = r"[\w.-]+(?:\(\[{Q}\]\)|\[\[{Q}\]\]|\[\({Q}\)\]|\(\({Q}\)\)|\[{Q}\]|\({Q}\)|\{{Q}\})?".replace("{Q}", r"(?:\"[^\"]*\"|[^\"()\[\]{}|]+)")
ARROW = r"(?:<?(?:--+|==+|-\.+-?)[>xo]?(?:\|[^|]+\|)?)"
MESSAGE = r"(\w+)\s*--?(?:>>?|x|\))[+-]?\s*(\w+)\s*: ([^;]+)"
NOTE = r"[Nn]ote (?:over|left of|right of) (\w+)(?:,\s*(\w+))?: ([^;]+)"
TRANSITION = r"(\[\*\]|\w+) --> (\[\*\]|\w+)(?: ?: [^;]+)?"

# What a line of each kind of diagram may be, besides blank or a comment
MERMAID_LINES = {
    "sequenceDiagram": [
        r"(participant|actor) \w+( as [^;]+)?", r"autonumber|end|else", r"(loop|alt|opt|else|par|and|critical|option|break|rect) .+",
        r"(activate|deactivate) \w+", NOTE, MESSAGE],
    "stateDiagram-v2": [
        r"direction (LR|TB|RL|BT)", TRANSITION, r"state \"[^\"]+\" as \w+( \{)?|state \w+( <<\w+>>| \{)?|\}", r"\w+ ?: .+",
        r"note (left|right) of \w+( ?: .+)?", r"end note"],
    "flowchart": [
        r"subgraph .+|end|direction (LR|TB|TD|RL|BT)|(classDef|class|style) .+", "%s(\\s*%s\\s*%s)*" % (NODE, ARROW, NODE)],
    "packet-beta": [r"\d+(-\d+)?: \"[^\"]+\"", r"title .+"],
}


def check_mermaid(text, block):
    """```mermaid: a diagram of a known type, each line of which is one that this type has, and a caption below it."""
    faults = caption(text, block) + names_in(text, block.line + 1, "\n".join(block.lines))
    lines = [(number, line.strip()) for number, line in enumerate(block.lines, block.line + 1)
             if line.strip() and not line.strip().startswith("%%")]
    words = lines[0][1].split() if lines else [""]
    kind = "flowchart" if words[0] == "graph" else words[0]
    if kind not in MERMAID_LINES or (kind == "flowchart" and words[1:] not in [[way] for way in ("LR", "TB", "TD", "RL", "BT")]):
        return faults + [Fault(block.line + 1, "a diagram of a known type", ", ".join(MERMAID_LINES), " ".join(words))]
    faults += [Fault(number, "a line that a %s does not have" % kind, "", line) for number, line in lines[1:]
               if not any(re.fullmatch(form, line) for form in MERMAID_LINES[kind])]
    return faults + {"sequenceDiagram": undeclared, "stateDiagram-v2": unreachable, "flowchart": unlabelled}.get(kind, nothing)(text, lines[1:])


def undeclared(text, lines):
    """Who speaks in a sequence diagram is declared as a participant: a name with a slip would be one more column."""
    declared = {line.split()[1] for _, line in lines if re.match(r"(participant|actor) \w", line)}
    faults = []
    for number, line in lines:
        found = re.fullmatch(MESSAGE, line) or re.fullmatch(NOTE, line)
        faults += [Fault(number, "who speaks is declared", "participant " + name, line)
                   for name in (found.groups()[:2] if found else ()) if name and name not in declared]
    return faults


def unreachable(text, lines):
    """Each state can be reached from the start, and names in capital letters are those of the code."""
    ways = [(number, *found.groups()) for number, line in lines for found in [re.fullmatch(TRANSITION, line)] if found]
    reached, before = {"[*]"}, None
    while reached != before:
        before = set(reached)
        reached |= {state for _, origin, state in ways if origin in reached}
    return [Fault(number, "a state is one of the code, and can be reached from [*]", "", name) for number, *names in ways for name in names
            if name not in reached or (name.isupper() and not is_name(text.root, name))]


def unlabelled(text, lines):
    """A name of a node that has a label nowhere is a slip."""
    content = "\n".join(line for _, line in lines if not re.match(r"(subgraph|direction|classDef|class|style)\b", line))
    content = re.sub(r"\"[^\"]*\"|\|[^|]*\|", lambda quoted: '"x"' if quoted.group().startswith('"') else "", content)
    labelled = set(re.findall(r"(\w+)[\[({]", content)) | set(re.findall(r"subgraph (\w+)", "\n".join(line for _, line in lines)))
    content = re.sub(r"[\[({]+[^\[\](){}]*[\])}]+", "", content)
    return [Fault(lines[0][0], "a node has a label", "%s[...]" % name, "") for name in sorted(set(re.findall(r"\w+", content)) - labelled - {"end"})]


def nothing(text, lines):
    return []


def check_picture(text, block):
    """```text picture: at most 76 columns, and a caption below it."""
    faults = caption(text, block) + names_in(text, block.line + 1, "\n".join(block.lines))
    return faults + [Fault(number, "a picture is at most %d columns wide" % PICTURE_COLUMNS_MAX, "", "%d: %s" % (len(line), line))
                     for number, line in enumerate(block.lines, block.line + 1) if len(line) > PICTURE_COLUMNS_MAX or "\t" in line]


def caption(text, block):
    end = block.line + len(block.lines) + 1
    after = text.line_after(end)
    return [] if re.match(r"\*[^*\s]", after) else [
        Fault(end, "a picture has a caption in italics below it", "*What it shows.*", after or "the end of the text")]


def names_in(text, line, content):
    """Functions, files and steps that are named exist."""
    faults = []
    for at, row in enumerate(content.split("\n"), line):
        for name in re.findall(r"(?<![\w./-])([a-z]\w*)\(\)", row):
            if not is_function(text.root, name):
                faults.append(Fault(at, "a function that is named exists", "", name + "()"))
        for name in re.findall(r"(?<![\w./@-])((?:[\w-]+/)*[\w-]+\.[ch]|tests/[\w./-]*\w)(?![\w/])", row):
            if name not in file_names(text.root) | own_files(text) and not (text.root / name).exists():
                faults.append(Fault(at, "a file that is named exists", "", name))
        for name in re.findall(r"\bstep\d\d-[\w-]+", row):
            if step_named(text.root, name) is None:
                faults.append(Fault(at, "a step that is named exists", ", ".join(step.name for step in steps(text.root)), name))
    return faults


def own_files(text):
    """The files that the reader makes, with their directory and without."""
    made = {block.words[2] for block in text.blocks if len(block.words) == 3 and block.words[:2] in (["c", "program"], ["diff", "edit"])}
    return made | {name.rpartition("/")[2] for name in made}


# ---- blocks: bytes

def check_bytes(text, block):
    """```text bytes: a hex dump. Each line: bytes, then two blanks and words. `..` is any byte, `...` any number of them.

    The bytes are in a handshake of the last step, or are a published vector which the tests have too and which the
    paragraph above names."""
    faults, pieces = [], []
    for number, line in enumerate(block.lines, block.line + 1):
        found = re.match(r"\s*(?:[0-9a-f]{4,8}:?  )?((?:(?:(?:[0-9a-f]{2})+|\.\.\.?|\[\d+ bytes\])(?: |$))*)(?: .*)?$", line)
        if not found or (line.strip() and not found.group(1).strip() and not re.match(r"\s{2,}", line)):
            faults.append(Fault(number, "a line of a dump", "17 03 03 00 1a  what it is", line))
            continue
        pieces += re.findall(r"\[\d+ bytes\]|\S+", found.group(1))
    if faults:
        return faults
    count = sum(len(piece) // 2 for piece in pieces if re.fullmatch("[0-9a-f]+", piece))
    if count < BYTES_MIN:
        return [Fault(block.line, "a dump has bytes", "at least %d" % BYTES_MIN, "%d" % count)]
    pattern = re.compile("(?:..)*?" + "".join(map(bytes_pattern, pieces)))
    above = text.paragraph_before(block.line)
    if any(map(pattern.match, published_vectors(text.root))):
        return [] if re.search(r"RFC \d+|FIPS|SP 800", above) else [
            Fault(block.line, "the paragraph above a published vector names the document", "RFC 8448 section 3", above)]
    if any(map(pattern.match, tutorial_run.handshake_bytes(program(text.root, steps(text.root)[-1])))):
        return []
    return [Fault(block.line, "these bytes are neither in a handshake of the last step nor in a vector that the tests have",
                  "", " ".join(pieces)[:200])]


def bytes_pattern(piece):
    """Hexadecimal digits; `..`, `...` or `[32 bytes]` as a regular expression."""
    count = re.match(r"\[(\d+)", piece)
    return "(?:..)*?" if piece == "..." else "(?:..){%s}" % count.group(1) if count else piece


@functools.lru_cache(maxsize=None)
def published_vectors(root):
    """The hexadecimal strings in the tests. Blanks and ends of lines within them, and between them, do not count."""
    found = []
    for path in sorted((root / "tests").glob("*.py")):
        content = path.read_text(encoding="utf-8")
        literals = re.finditer(r'"""((?:[0-9a-fA-F]|\s)+)"""|((?:"[0-9a-fA-F ]+"\s*)+)', content)
        found += [re.sub(r"[^0-9a-f]", "", (one.group(1) or one.group(2)).lower()) for one in literals]
    return [literal for literal in found if len(literal) >= 2 * BYTES_MIN]


# ---- blocks that can't be run here

RECORD_DATA = {
    "A": r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}", "AAAA": r"2001:db8:[0-9a-f:]+", "MX": r"\d+ \S+\.", "PTR": r"\S+\.",
    "CNAME": r"\S+\.", "NS": r"\S+\.", "TXT": r'"[^"]{0,255}"( "[^"]{0,255}")*', "TLSA": r"[0-3] [01] [0-2] [0-9a-f]{64}",
    "SRV": r"\d+ \d+ \d+ \S+\.", "CAA": r'\d+ \w+ "[^"]*"',
}
RECORD_NAME = r"(?:[\w*-]+\.)*(?:example\.(?:org|net|com)|(?:in-addr|ip6)\.arpa)\."


def check_dns(text, block):
    """```dns: lines of a zone file: name, perhaps TTL and class, type, data; `;` begins a comment. Names and addresses are
    those that documents may use (RFC 2606, 5737, 3849). A host that a record points to has an address in the text."""
    faults = []
    for number, line in enumerate(block.lines, block.line + 1):
        found = read_record(line)
        if re.sub(r"(^|\s);.*", "", line).strip() and not found:
            faults.append(Fault(number, "a line of a zone", "name type data, as: example.org. MX 10 mx.example.org.", line))
        elif found and found[1] in ("MX", "PTR", "SRV") and found[2].split()[-1] not in hosts(text):
            faults.append(Fault(number, "a host that a record points to has an address", " ".join(sorted(hosts(text))), line))
        elif found and found[1] == "PTR" and found[0] != reverse(hosts(text)[found[2]]):
            faults.append(Fault(number, "a PTR record is that of the host's address", reverse(hosts(text)[found[2]]), line))
    return faults


def read_record(line):
    """(name, type, data) or None."""
    found = re.fullmatch(r"(%s)\s+(?:\d+\s+)?(?:IN\s+)?([A-Z]+)\s+(.+)" % RECORD_NAME, re.sub(r"(^|\s);.*", "", line).strip())
    data = found and " ".join(found.group(3).split())
    return (found.group(1), found.group(2), data) if found and re.fullmatch(RECORD_DATA.get(found.group(2), "(?!)"), data) else None


def hosts(text):
    """{name: IPv4 address} of the A records in the text."""
    records = [read_record(line) for block in text.blocks if block.words[:1] == ["dns"] for line in block.lines]
    return {record[0]: record[2] for record in records if record and record[1] == "A"}


def reverse(address):
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa."


UNIT_KEYS = set("""
    Description Documentation After Before Wants Requires Conflicts ConditionPathExists Type ExecStart ExecStartPre ExecReload Restart
    RestartSec User Group DynamicUser WorkingDirectory StateDirectory StateDirectoryMode RuntimeDirectory LogsDirectory CacheDirectory
    LoadCredential Environment EnvironmentFile UMask StandardOutput StandardError SyslogIdentifier LimitNOFILE LimitNPROC TasksMax MemoryMax
    AmbientCapabilities CapabilityBoundingSet NoNewPrivileges ProtectSystem ProtectHome ProtectKernelTunables ProtectKernelModules
    ProtectKernelLogs ProtectControlGroups ProtectClock ProtectHostname ProtectProc PrivateTmp PrivateDevices PrivateUsers ReadWritePaths
    ReadOnlyPaths RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality MemoryDenyWriteExecute
    SystemCallFilter SystemCallArchitectures KillMode TimeoutStopSec WantedBy ListenStream Accept OnCalendar Persistent Unit
""".split())


def check_ini(text, block):
    """```ini: sections and keys of a unit file (systemd.exec(5)), or `name = value` without any section. The options of an
    ExecStart that runs our program exist."""
    faults = []
    has_sections = any(line.startswith("[") for line in block.lines)
    form = r"\[(Unit|Service|Install|Socket|Timer)\]|(%s)=.*" % "|".join(sorted(UNIT_KEYS)) if has_sections else r"\w+ = .*"
    for number, line in enumerate(block.lines, block.line + 1):
        if line.strip() and not line.startswith(("#", ";")):
            if not re.fullmatch(form, line):
                faults.append(Fault(number, "a section, a key with its value, or a comment", "Key=value", line))
            elif line.startswith("ExecStart=") and "smtpd" in line:
                faults += unknown_options(options(text.root, steps(text.root)[-1]), number, line.split("=", 1)[1].split()[1:])
    return faults


def unknown_options(known, number, words):
    at = 0
    while at < len(words):
        word = words[at]
        if word not in known or (known[word] and at + 1 >= len(words)):
            return [Fault(number, "an option of the program, with its argument", " ".join(sorted(known)), word)]
        at += 2 if known[word] else 1
    return []


def check_sh(text, block):
    """```sh: a shell could read it."""
    done = subprocess.run(["sh", "-n"], input="\n".join(block.lines) + "\n", stderr=subprocess.PIPE, universal_newlines=True)
    return [Fault(block.line, "sh -n takes it", "", done.stderr.strip())] if done.returncode else []


def check_policy(text, block):
    """```text mta-sts: the file of RFC 8461 3.2."""
    wanted = {"version": "STSv1", "mode": "enforce|testing|none", "mx": r"(\*\.)?[\w.-]+", "max_age": r"\d{1,8}"}
    faults, seen = [], set()
    for number, line in enumerate(block.lines, block.line + 1):
        key, _, value = line.partition(": ")
        seen.add(key)
        if key not in wanted or not re.fullmatch(wanted[key], value):
            faults.append(Fault(number, "a line of a policy", " ".join(wanted), line))
    return faults + ([] if seen >= set(wanted) else [Fault(block.line, "a policy has all its keys", " ".join(wanted), " ".join(sorted(seen)))])


def check_console(text, block):
    """```console: here only its form; run_chapters() runs it."""
    commands, faults = tutorial_run.read_commands(block)
    return faults + ([] if commands else [Fault(block.line, "a console block has a command", "$ command", "none")])


# ---- the rules: what stands after the fence, and who checks such a block

BLOCK_RULES = {
    "c program": check_program,
    "c": check_c,
    "diff edit": check_edit,
    "diff": check_diff,
    "console": check_console,
    "smtp": check_smtp,
    "eml": check_eml,
    "mermaid": check_mermaid,
    "text picture": check_picture,
    "text bytes": check_bytes,
    "text mta-sts": check_policy,
    "dns": check_dns,
    "ini": check_ini,
    "sh": check_sh,
}


def rule_of(block):
    words = block.words
    return next((name for name in (" ".join(words[:2]), " ".join(words[:1])) if name in BLOCK_RULES), None)


def check_block(text, block):
    rule = rule_of(block)
    if rule is None:
        return [Fault(block.line, "no rule covers this block", ", ".join(BLOCK_RULES), "```" + block.info)]
    return BLOCK_RULES[rule](text, block)
