"""The checker of TUTORIAL.md finds what is wrong: a small text that is right is broken, one fault at a time.

The text and the repository that it speaks of are made here; in it a few lines of Python serve for the programs.
"""
import os
import subprocess
import sys
from pathlib import Path

import pytest

import stations
import tutorial
import tutorial_blocks
import tutorial_run
import tutorial_stations
from server import eventually
from tutorial_text import REPOSITORY, Text, compare, slug

# ---- a small repository

PROGRAM = '''#!%s
import socket, sys
usage = """usage: smtpd [options]
  -p port     default 2525; 0 takes any free port
  -v          show the conversation
"""
if "-?" in sys.argv:
    sys.exit(usage)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[2]) if "-p" in sys.argv else 2525))
listener.listen()
print("listening on %%s port %%d" %% listener.getsockname(), flush=True)
while True:
    client = listener.accept()[0]
    stream = client.makefile("rwb", 0)
    stream.write(b"220 mx.example.org ready\\r\\n")
    for line in stream:
        stream.write(b"250 " + repr(line).encode() + b"\\r\\n" if line != b"QUIT\\r\\n" else b"221 bye\\r\\n")
        if line == b"QUIT\\r\\n":
            break
    stream.close()
    client.close()
''' % sys.executable

HEAD = "/* %s - see TUTORIAL.md, chapter %d. */\n"

FILES = {
    "Makefile": "all:\n\ntest-%:  ## one step\n\ndiff-%:\n\nhelp:\n",
    "step01-echo/main.c": HEAD % ("main.c", 1) + "int main(void)\n{\n    return 0;\n}\n",
    "step02-commands/main.c": HEAD % ("main.c", 1) + "int main(void)\n{\n    verb_find();\n    return 0;\n}\n",
    "step02-commands/verb.c": HEAD % ("verb.c", 2) + "void verb_find(void)\n{\n    helper_name(550, \"5.1.1\", STATE_ONE);\n}\n",
    "step02-commands/verb.h": HEAD % ("verb.h", 2) + "void verb_find(void);\nstatic inline int aside(void)\n{\n    return 1;\n}\n",
    "tests/vectors.py": 'VECTOR = ("00010203 04050607"\n          "08090a0b")\n',
    "build/step01-echo": PROGRAM,
    "build/step02-commands": PROGRAM,
}

# ---- a text about it, with which nothing is wrong

TEXT = """\
# A small text

Links: [the chapter](#chapter-2-commands-more), [a file](step01-echo/main.c) and <https://www.rfc-editor.org/rfc/rfc5321>.

## Before you start

You know C.

## Chapter 2: Commands, more!

| | |
|---|---|
| Directory | `step02-commands` |
| Adds | 2 new files, 12 lines |
| Run | `build/step02-commands -v` |
| Test | `make test-02` |
| See the change | `make diff-02` |

<!-- checked: lines -->

| File | Lines added | Lines changed or removed |
|---|---|---|
| `main.c` | 1 | 0 |
| `verb.[ch]` | 11 | 0 |

<!-- checked: stations -->

| Station | What | Files | Lines added |
|---|---|---|---|
| [2.1](#21-the-code) | it | `main.c`, `verb.[ch]` | 8 |
| [2.2](#22-what-is-seen) | more | `verb.h` | 4 |

### 2.1 The code

It is `verb_find()` in `verb.c`, with `helper_name`. Try `make help`.

In Postfix it is `other_name()` in `other.c`, with `other_helper`.

```c step02-commands/main.c
int main(void)
{
...
    return 0;
```

```c step02-commands/verb.c
void verb_find(void)
{
    helper_name(550, "5.1.1", STATE_ONE);
}
```

```diff step01-echo step02-commands main.c
@@ -2,4 +2,5 @@
 {
+    verb_find();
     return 0;
```

### 2.2 What is seen

```c step02-commands/verb.h
static inline int aside(void)
{
    return 1;
```

```c program mine/hello.c
#include <stdio.h>

int main(void)
{
    puts("hello");
}
```

```console
$ cc -o mine/hello mine/hello.c
$ mine/hello
hello
```

```diff edit mine/hello.c
-    puts("hello");
+    puts("hello, you");
 }
```

```console
$ cc -o mine/hello mine/hello.c && mine/hello
hello, you
```

```console
$ build/step02-commands -v > log.txt 2>&1 &
[1] 4711
$ cat log.txt
listening on 127.0.0.1 port <port>
$ printf '%s\\n' 1 \\
> 2 3
1
...
3
$ echo 4711
<n>
$ kill %1
```

```eml note.eml
Subject: note

```

```console
$ cat note.eml | head -n 1
Subject: note
```

```smtp step02-commands -v
S: 220 mx.example.org ready
C: HELO
S: 250 b'HELO\\r\\n'
C: a\\x00\\r\\n
S: 250 b'a\\x00\\r\\n'
C: QUIT
S: 221 bye
```

```eml
From: you@localhost
Subject: hello

Hello.
```

```mermaid
sequenceDiagram
    participant C as Client
    participant S as verb.c
    C->>S: HELO
    Note over C,S: more
```

*Who says what.*

```mermaid
stateDiagram-v2
    [*] --> STATE_ONE: HELO
    state "Two words" as Two
    STATE_ONE --> Two
```

*The states.*

```mermaid
flowchart LR
    A[one] --> B["two (2)"]
    B -->|yes| C{three}
```

*The way.*

```text picture
+-----+
| box |
+-----+
```

*A box.*

The vector is that of RFC 8439 2.3.2:

```text bytes
00 01 02 03  first
.. 05 [2 bytes] 08 ...
```

```dns
example.org.     3600 IN MX  10 mx.example.org.     ; who takes the mail
mx.example.org.  A   192.0.2.25
25.2.0.192.in-addr.arpa.  PTR  mx.example.org.
```

```ini
[Service]
ExecStart=/usr/local/bin/smtpd -p 25 -v
```

```text mta-sts
version: STSv1
mode: enforce
mx: mx.example.org
max_age: 86400
```

```sh
if true; then echo yes; fi
```

#### Exercise 2-a (10 minutes)

Do it.

*Hint:* try.

#### Exercise 2-b (20 minutes)

Do more.

*Hint:* try
again.

#### Exercise 2-c (20 minutes)

Do it all.

*Hint:* rest.

## Appendix A: Reply codes

| Code | Enhanced | Meaning |
|---|---|---|
| 550 | 5.1.1 | no such mailbox |
"""
STATIONS = [stations.station("2.1", "The code", {"main.c": "main", "verb.[ch]": "verb_find"}),
            stations.station("2.2", "What is seen", {"verb.h": "aside"})]

# ---- the faults: (what is replaced, by what, what the checker says, the line that it names: the first that differs, or this one)

FAULTS = [
    # links and headings
    ("(#chapter-2-commands-more)", "(#chapter-2-commands)", "an anchor is that of a heading"),
    ("## Chapter 2: Commands, more!", "## Chapter 2: Verbs", "an anchor is that of a heading", "Links:"),
    ("(step01-echo/main.c)", "(step01-echo/gone.c)", "a link leads to a file"),
    ("<https://www", "<http://www", "a link is an anchor, a file or https"),
    ("(step01-echo/main.c)", "(step01-echo/main.c", "a link that does not end"),
    ("## Before you start", "##Before you start", "a heading has a blank after its #"),
    ("## Before you start", "## Before we start", "a section of the text"),
    ("## Before you start", "## Going live", "sections stand in order", "## Chapter 2"),
    ("### 2.2 What", "### 2.3 What", "parts are numbered without gaps"),
    ("### 2.1 The", "### 3.1 The", "a part has the number of its chapter"),
    ("[a file](step01", "[a file] (https://x.org) (step01", "a link is written in one piece"),
    ("[a file](step01-echo/main.c)", "[a file][main]", "a link is written in one piece"),
    ("Try `make help`.", "Try `make help`.\n---", "a heading begins with #"),
    ("Try `make help`.", "Try `make help.", "a backtick that has no partner"),
    ("Try `make help`.", "Try <port>.", "this is a tag"),
    ("You know C.\n", "| Placeholder | x |\n|---|---|\n", "the text has no table of placeholders", "| Placeholder"),
    # stations
    ("### 2.2 What is seen", "### 2.2 What one sees", "the sections of a chapter are the stations"),
    ("`verb.[ch]` | 8 |", "`verb.[ch]` | 9 |", "the lines that station 2.1 adds"),
    ("`verb.[ch]` | 8 |", "`verb.c` | 8 |", "the files of station 2.1"),
    ("`verb.h` | 4 |", "`verb.h`, `main.c` | 4 |", "the files of station 2.2"),
    ("| [2.2](#22-what-is-seen) | more | `verb.h` | 4 |\n", "", "the map has each station", "| Station"),
    ("<!-- checked: stations -->\n", "", "a chapter opens with its map", "## Chapter 2"),
    ("It is `verb_find()`", "It is `verb_find()`" + 1200 * " words", "a station is read in one go", "### 2.1"),
    ("    helper_name(550, \"5.1.1\", STATE_ONE);\n}\n", "...\n", "the excerpts of a station show its code", "### 2.1"),
    ("static inline int aside(void)\n{\n", "", "the excerpts of a station show its code", "### 2.2"),
    # what the reader makes
    ("c program mine/hello.c", "c program mine/hello", "a program has a name"),
    ("    puts(\"hello\");\n}\n", "    put(\"hello\");\n}\n", "a program compiles without a warning", "```c program"),
    ("int main(void)\n{\n    puts", "int main(int argc, char **argv)\n{\n    puts", "a program compiles without a warning", "```c program"),
    ("diff edit mine/hello.c", "diff edit", "an edit names its file"),
    ("-    puts(\"hello\");\n", "*    puts(\"hello\");\n", "a line of an edit begins with"),
    ("-    puts(\"hello\");\n+    puts(\"hello, you\");\n", "", "an edit changes something", "```diff edit"),
    ("$ cc -o mine/hello mine/hello.c && mine/hello\nhello, you\n", "$ true\n", "what has a name is used", "```diff edit"),
    # the tables of a chapter
    ("| Directory | `step02-commands` |", "| Directory | `step01-echo` |", "row Directory"),
    ("| Run | `build/step02-commands -v` |\n", "", "row Run", "| | |"),
    ("`build/step02-commands -v` |", "`build/step02-commands -q` |", "an option of the program"),
    ("make test-02", "make test-2", "row Test"),
    ("make diff-02", "make diff-03", "row See the change"),
    ("2 new files, 12 lines", "3 new files, 12 lines", "the real diff: new file"),
    ("2 new files, 12 lines", "2 new files, 13 lines", "the real diff: line"),
    ("2 new files, 12 lines", "2 new files, 2 files changed", "the real diff: changed file"),
    ("2 new files, 12 lines", "2 new files, 1 line removed", "the real diff: removed line"),
    ("| `main.c` | 1 | 0 |", "| `main.c` | 2 | 0 |", "the real diff of main.c"),
    ("| `main.c` | 1 | 0 |", "| `main.c` | 1 | 1 |", "the real diff of main.c"),
    ("| `main.c` | 1 | 0 |\n", "", "all files that are touched", "| File |"),
    ("| `main.c` | 1 | 0 |", "| `gone.c` | 1 | 0 |", "the real diff of gone.c"),
    ("| `main.c` | 1 | 0 |", "| `main.c` | 1 |", "as many cells"),
    ("<!-- checked: lines -->\n\n", "", "a table of lines is checked", "| File |"),
    (TEXT[TEXT.index("<!-- checked"):TEXT.index("### 2.1")], "", "a chapter has a table of its files", "## Chapter 2"),
    ("<!-- checked: lines -->", "<!-- checked: rows -->", "a known check", "| File |"),
    ("<!-- checked: lines -->", "<!-- checked: lines -->\n\nWords.", "stands right above a table", "<!-- checked"),
    # names
    ("`verb_find()`", "`verb_search()`", "a function that is named exists"),
    ("`verb.c`, with", "`verbs.c`, with", "a file that is named exists"),
    ("`helper_name`", "`helper_nam`", "a name is one of the code"),
    ("Directory | `step02-commands` |", "Directory | `step02-commands` after `step01-ohce` |", "a step that is named exists"),
    ("`make help`", "`make hlep`", "a target of the Makefile"),
    # fenced blocks in general
    ("```sh\n", "```python\n", "no rule covers this block"),
    ("```sh\n", "```\n", "no rule covers this block"),
    ("```text picture\n", "```text\n", "no rule covers this block"),
    ("```sh\n", " ```sh\n", "a fence begins at the first column"),
    ("| 550 | 5.1.1 | no such mailbox |\n", "```sh\n", "a fenced block that does not end"),
    # excerpts
    ("c step02-commands/main.c", "c step02-commands/man.c", "an excerpt names its file"),
    ("...\n    return 0;\n```", "...\n    return 1;\n```", "step02-commands/main.c has no such lines"),
    ("{\n...\n    return", "{\n    return", "step02-commands/main.c has no such lines", "    return 0;"),
    ("int main(void)\n{\n...\n    return 0;\n```", "...\n```", "an excerpt has lines", "```c"),
    ("    return 0;\n```\n", "    return 0;\n" + 45 * "...\n" + "```\n", "an excerpt is short", "```c"),
    ("```diff step01-echo", "```diff step00-echo", "a diff names two steps"),
    ("+    verb_find();", "+    verb_found();", "diff -u step01-echo/main.c step02-commands/main.c has no such lines"),
    ("+    verb_find();", "-    verb_find();", "diff -u step01-echo/main.c step02-commands/main.c has no such lines"),
    (" {\n+    verb_find();\n     return 0;", " {\n     return 0;", "diff -u step01-echo/main.c step02-commands/main.c has no such lines", "     return 0;"),
    # conversations
    ("S: 221 bye", "S: 221 good bye", "the server said something else"),
    ("S: 221 bye\n", "", "the server said more", "C: QUIT"),
    ("S: 221 bye\n", "S: 221 bye\nS: 250 ok\n", "the conversation ended otherwise"),
    ("C: QUIT", "c: QUIT", "begins with C: or S:"),
    ("C: HELO", "C: HELO\\n", "the server said something else", "S: 250 b'HELO"),
    ("S: 250 b'a\\x00", "S: 250 b'a\\x01", "the server said something else"),
    ("```smtp step02-commands -v", "```smtp step09-gone -v", "a conversation names its step"),
    ("```smtp step02-commands -v", "```smtp step02-commands -?", "the program does not start"),
    # messages
    ("From: you@localhost\nSubject: hello\n", "From: <you@localhost\nSubject: hello\n", "a message has no defects", "```eml\n"),
    ("From: you@localhost\nSubject: hello\n\n", "From: you@localhost\nHello.\n", "a message has no defects", "```eml\n"),
    ("$ cat note.eml |", "$ cat n* |", "a message with a name is used", "```eml note.eml"),
    # pictures
    ("sequenceDiagram\n", "sequencediagram\n", "a diagram of a known type"),
    ("C->>S: HELO", "C->>S HELO", "a line that a sequenceDiagram does not have"),
    ("C->>S: HELO", "C->>S: a; b", "a line that a sequenceDiagram does not have"),
    ("C->>S: HELO", "C->>T: HELO", "who speaks is declared"),
    ("participant S as verb.c", "participant S as verbs.c", "a file that is named exists"),
    ("STATE_ONE --> Two\n", "STATE_ONE -> Two\n", "a line that a stateDiagram-v2 does not have"),
    ("STATE_ONE --> Two", "STATE_OEN --> Two", "a state is one of the code"),
    ("[*] --> STATE_ONE", "[*] --> Three", "a state is one of the code", "    STATE_ONE --> Two"),
    ("Note over C,S", "Note over C,T", "who speaks is declared"),
    ("B -->|yes|", "b -->|yes|", "a node has a label", "    A[one]"),
    ('B["two (2)"]', "B[two (2)]", "a line that a flowchart does not have"),
    ("flowchart LR", "flowchart", "a diagram of a known type"),
    ("*The way.*\n", "The way.\n", "a picture has a caption", '```\n\nThe way.'),
    ("*A box.*\n", "", "a picture has a caption", "```\n\n\nThe vector"),
    ("| box |", "| box |" + 70 * " " + "x", "a picture is at most"),
    ("| box |", "| box() |", "a function that is named exists"),
    # bytes
    ("00 01 02 03", "00 01 02 04", "these bytes are neither", "```text bytes"),
    (".. 05 [2", ".. .. 05 [2", "these bytes are neither", "```text bytes"),
    ("that of RFC 8439 2.3.2", "well known", "names the document", "```text bytes"),
    ("00 01 02 03  first", "00 01 02 0  first", "a line of a dump"),
    ("00 01 02 03  first\n.. 05 [2 bytes] 08 ...", "00 01 02  first\n...", "a dump has bytes", "```text bytes"),
    # what can't be run
    ("10 mx.example.org. ", "mx.example.org. ", "a line of a zone"),
    ("192.0.2.25", "192.0.2", "a line of a zone"),
    ("10 mx.example.org. ", "10 mx.example.org ", "a line of a zone"),
    ("192.0.2.25", "8.8.8.8", "a line of a zone"),
    ("mx.example.org.  A", "mx.example.com.  A", "a host that a record points to", "example.org.     3600"),
    ("25.2.0.192.in", "26.2.0.192.in", "a PTR record is that"),
    ("mx.example.org.     ;", "mx.exmaple.org.     ;", "a host that a record points to"),
    ("[Service]", "[Sevrice]", "a section, a key"),
    ("ExecStart=", "ExecStrat=", "a section, a key"),
    ("smtpd -p 25 -v", "smtpd -p 25 -q", "an option of the program"),
    ("smtpd -p 25 -v", "smtpd -v -p", "an option of the program"),
    ("[Service]\n", "Type: simple\n[Service]\n", "a section, a key"),
    ("mode: enforce", "mode: strict", "a line of a policy"),
    ("mode: enforce\n", "", "a policy has all its keys", "```text mta-sts"),
    ("then echo yes; fi", "then echo yes", "sh -n takes it", "```sh"),
    # exercises
    ("#### Exercise 2-a (10 minutes)", "#### Exercise 2-a", "the heading of an exercise"),
    ("#### Exercise 2-a (10 minutes)", "#### Exercise 2-a (10 hours)", "the heading of an exercise"),
    ("#### Exercise 2-a (10 minutes)", "### Exercise 2-a (10 minutes)", "the heading of an exercise"),
    ("#### Exercise 2-b", "#### Exercise 2-d", "exercises have the letters"),
    ("#### Exercise 2-a (10", "#### Exercise 2-a (30", "exercises rise", "#### Exercise 2-b"),
    ("*Hint:* try.\n", "Hint: try.\n", "a task and then one hint", "#### Exercise 2-a"),
    ("*Hint:* rest.", "*Hint:*", "a task and then one hint", "#### Exercise 2-c"),
    ("Do it.\n\n", "", "a task and then one hint", "#### Exercise 2-a"),
    ("#### Exercise 2-c (20 minutes)\n\nDo it all.\n\n*Hint:* rest.\n", "", "a chapter has exercises", "## Chapter 2"),
]

# Those that show only when the commands are run
COMMAND_FAULTS = [
    ("port <port>\n", "port 25\n", "printed something else"),
    ("port <port>\n", "port <prot>\n", "no placeholder: <prot>"),
    ("hello, you\n```\n\n```console", "hello\n```\n\n```console", "printed something else"),
    ("-    puts(\"hello\");\n", "-    puts(\"helo\");\n", "the old lines of an edit stand in mine/hello.c once", "```diff edit"),
    ("    puts(\"hello\");\n}\n```\n\n```console", "    puts(\"hello\");\n}\n\nvoid again(void)\n{\n    puts(\"hello\");\n}\n```\n\n```console",
     "the old lines of an edit stand in mine/hello.c once", "```diff edit"),
    ("diff edit mine/hello.c", "diff edit mine/helo.c", "an edit changes a file that is there"),
    ("1\n...\n3\n", "1\n...\n4\n", "printed something else"),
    ("1\n...\n3\n", "1\n3\n", "printed something else"),
    ("1\n...\n3\n", "2\n...\n3\n", "printed something else"),
    ("$ cat log.txt\nlistening on 127.0.0.1 port <port>\n", "$ cat log.txt\n", "printed something else", "$ cat log.txt"),
    ("<n>\n", "<n>\nmore\n", "printed something else"),
    ("echo 4711\n", "echo c\n", "printed something else", "<n>\n$"),
    ("$ cat log.txt", "$ cat lgo.txt", "printed something else", "listening on"),
    ("$ kill %1\n", "", "a program still runs", "```console\n$ cat note.eml"),
    ("$ build/step02-commands -v >", "x\n$ build/step02-commands -v >", "a console block begins with a command"),
    ("$ cat note.eml | head -n 1\n", "$ exit\n", "is stuck"),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        if name.startswith("build/"):
            path.chmod(0o755)
    return root


@pytest.fixture(autouse=True)
def small_stations(monkeypatch):
    monkeypatch.setattr(tutorial_stations, "STATIONS", STATIONS)


def new_text(repository, content, whole=False):
    return Text("small.md", repository, whole, content)


def broken(old, new):
    assert TEXT.count(old) >= 1, old
    return TEXT.replace(old, new, 1)


def first_difference(content):
    for number, (line, other) in enumerate(zip(TEXT.split("\n"), content.split("\n")), 1):
        if line != other:
            return number


def line_of(content, words):
    """The line on which these words begin."""
    return content.count("\n", 0, content.index(words)) + 1


def assert_found(faults, what, line):
    shown = "\n".join(fault.show("small.md") for fault in faults)
    assert any(what in fault.what for fault in faults), "expected: %s\ncame:     %s" % (what, shown or "no fault")
    assert line is None or any(what in fault.what and fault.line == line for fault in faults), "expected: line %d\ncame:     %s" % (line, shown)


def name_of_fault(fault):
    return "".join(c if c.isalnum() else "-" for c in "%s %s" % (fault[2], fault[1].strip()))[:60]


def static_faults(text, known=()):
    """All that is found without running commands. Conversations that are known to be right are not held again."""
    faults = [fault for rule in tutorial.TEXT_RULES for fault in rule(text)]
    blocks = [block for block in text.blocks if block.words[:1] != ["smtp"] or block.lines not in known or block.info not in TEXT]
    return faults + [fault for block in blocks for fault in tutorial_blocks.check_block(text, block)]


def command_faults(text, scratch):
    futures = tutorial.run_chapters(text, tutorial.console_chapters(text), scratch)
    return [fault for future in futures.values() for fault in future.result()[0]]


# ---- the text as it is, and broken

def test_nothing_is_wrong_with_the_small_text(repository, tmp_path):
    text = new_text(repository, TEXT)
    assert static_faults(text) == []
    assert command_faults(text, tmp_path) == []


@pytest.mark.parametrize("fault", FAULTS, ids=name_of_fault)
def test_a_fault_is_found(fault, repository):
    old, new, what, *at = fault
    content = broken(old, new)
    line = line_of(content, at[0]) if at else first_difference(content)
    known = [block.lines for block in new_text(repository, TEXT).blocks]
    assert_found(static_faults(new_text(repository, content), known), what, line)


@pytest.mark.parametrize("fault", COMMAND_FAULTS, ids=name_of_fault)
def test_a_command_that_prints_something_else_is_found(fault, repository, tmp_path, monkeypatch):
    monkeypatch.setattr(tutorial_run, "COMMAND_SECONDS", 5)
    old, new, what, *at = fault
    content = broken(old, new)
    assert_found(command_faults(new_text(repository, content), tmp_path), what, line_of(content, at[0]) if at else first_difference(content))


def test_every_rule_is_tried():
    """Each kind of block stands in the small text."""
    kinds = {tutorial_blocks.rule_of(block) for block in Text("small.md", REPOSITORY, False, TEXT).blocks}
    assert kinds == set(tutorial_blocks.BLOCK_RULES)


# ---- the complete text

def complete(repository):
    """A text for which the rules of the complete one hold."""
    titles = [name + ": words" if name.startswith(("Chapter", "Appendix")) else name for name in tutorial.SECTIONS]
    contents = "".join("- [%s](#%s)\n" % (title, slug(title)) for title in titles)
    sections = "".join("\n## %s\n\n%s\n" % (title, "550 5.1.1 `verb_find`" if title.startswith("Appendix A") else "words " * 1000) for title in titles)
    return "# Title\n\n## Contents\n\n" + contents + sections


WHOLE_FAULTS = [
    ("\n## Going live\n", "\n", "the text has this section"),
    ("\n## Chapter 6: words\n", "\n", "the text has this section"),
    ("# Title\n", "Title\n", "one title"),
    ("- [Chapter 3: words](#chapter-3-words)\n", "", "the table of contents links each section"),
    ("## Contents\n", "", "the text has a table of contents"),
    ("`verb_find`", "", "every public function is mentioned"),
    ("550 5.1.1", "550", "the appendix has each reply"),
    ("550 5.1.1", "| Code | Words |\n|---|---|\n| 550 | 5.1.1 |\n| 551 | 5.1.1 |\n", "a reply that the program knows"),
    ("words " * 1000, "", "the length of the text"),
    ("# Title\n", "# Title\n\n" + "words " * 21000, "the length of the text"),
    ("## Chapter 2: words", "## Chapter 7: words", "the head of each file of step02-commands"),
]


def whole_faults(text):
    return [fault for rule in tutorial.WHOLE_RULES for fault in rule(text)]


def test_nothing_is_wrong_with_the_complete_text(repository):
    content = complete(repository).replace("words " * 1000, "words " * 1800)
    assert whole_faults(new_text(repository, content, True)) == []


@pytest.mark.parametrize("fault", WHOLE_FAULTS, ids=name_of_fault)
def test_a_fault_of_the_complete_text_is_found(fault, repository):
    old, new, what = fault
    content = complete(repository)
    assert old in content
    content = content.replace(old, new) if what.startswith("the length") else content.replace(old, new, 1)
    assert_found(whole_faults(new_text(repository, content, True)), what, None)


def test_a_part_uses_its_neighbours(repository, tmp_path):
    """Headings of the other parts, and nothing that only the complete text has to have"""
    (tmp_path / "1.md").write_text("# T\n\n## Before you start\n")
    (tmp_path / "2.md").write_text("## Going live\n\n[back](#before-you-start)\n")
    text = Text(tmp_path / "2.md", repository)
    assert not text.whole
    assert static_faults(text) == []


def test_the_text_of_the_repository_is_always_the_complete_one(tmp_path):
    (tmp_path / "TUTORIAL.md").write_text("# T\n\n## Before you start\n")
    assert Text(tmp_path / "TUTORIAL.md", tmp_path).whole


# ---- stations

def station_text(chapter, first, second=""):
    return "## Chapter %d: x\n\n### %d.1 The code\n\n%s\n\n### %d.2 What is seen\n\n%s\n" % (chapter, chapter, first, chapter, second)


def test_a_function_is_named_where_it_is_born(repository):
    """In the section of its station, if the table names it; or else in the chapter"""
    assert tutorial_stations.check_born(new_text(repository, station_text(2, "`verb_find`"))) == []
    faults = tutorial_stations.check_born(new_text(repository, station_text(2, "", "`verb_find`")))
    assert [(fault.line, fault.what, fault.came) for fault in faults] == [(3, "a function is named where it is born", "not in this section")]
    faults = tutorial_stations.check_born(new_text(repository, station_text(1, "")))
    assert [(fault.expected, fault.came) for fault in faults] == [("main", "not in this chapter")]


def test_a_file_of_no_station(repository, monkeypatch):
    monkeypatch.setattr(tutorial_stations, "STATIONS", [STATIONS[0]._replace(brings={"main.c": ""})])
    tutorial_stations.owners.cache_clear()
    faults = tutorial_stations.check_stations(new_text(repository, "## Chapter 2: x\n\n### 2.1 The code\n"))
    tutorial_stations.owners.cache_clear()
    assert [fault.expected for fault in faults] == ["tests/stations.py has verb.c", "tests/stations.py has verb.h"]


def test_a_chapter_that_is_not_counted_yet(repository, monkeypatch):
    monkeypatch.setattr(tutorial_stations, "COUNTED_CHAPTERS", {1})
    text = new_text(repository, broken("`verb.[ch]` | 8 |", "`verb.[ch]` | 9 |"))
    assert [fault for rule in tutorial_stations.STATION_RULES for fault in rule(text)] == []


@pytest.mark.parametrize("words, lines, what", [
    (1400, 40, None), (1600, 40, "the first C of the reader's own comes early"), (1400, 41, "the first C of the reader's own is short")])
def test_the_first_program(words, lines, what, repository):
    text = new_text(repository, words * "word " + "\n\n```c program a.c\n" + lines * "\n" + "```\n", True)
    assert [fault.what for fault in tutorial_stations.check_first_program(text)] == ([what] if what else [])


def test_one_chapter_alone(repository):
    """Its faults and no other's, and its commands"""
    text = new_text(repository, "# T\n\n<tag>\n\n## Chapter 1: x\n\n<tag>\n\n## Chapter 2: x\n\n```console\n$ echo a\nb\n```\n\n## Going live\n\n<tag>\n")
    assert {fault.line for fault in tutorial.check(text, 0)[0]} == {3}
    assert 7 in {fault.line for fault in tutorial.check(text, 1)[0]} and 13 not in {fault.line for fault in tutorial.check(text, 1)[0]}
    assert 13 in {fault.line for fault in tutorial.check(text, 2)[0]} and 7 not in {fault.line for fault in tutorial.check(text, 2)[0]}


def test_pieces_of_a_file(tmp_path):
    """Each declaration with the comment above it; strings, characters and comments do not count"""
    (tmp_path / "a.c").write_text(
        '#include <a.h>\n\n/* a {; */\nstatic int one(void)\n{\n    return \'{\';\n}\n\nstruct two {\n    int a;\n};\n\n'
        'static const char *const three[] = {\n    "}",\n};\n\nenum { FOUR };\nint five(int a,\n         int b);\n')
    assert tutorial_stations.pieces(tmp_path / "a.c") == [("one", 2, 7), ("two", 8, 11), ("three", 12, 15), ("enum", 16, 17), ("five", 18, 19)]


# ---- the pieces

@pytest.mark.parametrize("title, anchor", [
    ("Chapter 1: An echo", "chapter-1-an-echo"), ("6.1 The command", "61-the-command"), ("`conn.c`, a *buffer*", "connc-a-buffer"),
    ("Exercise 3-b (30 minutes)", "exercise-3-b-30-minutes"), ("Über [RFC](https://x.org) A_b", "über-rfc-a_b")])
def test_anchors_are_those_of_github(title, anchor):
    assert slug(title) == anchor


def test_equal_headings_have_different_anchors(repository):
    assert [heading.anchor for heading in new_text(repository, "# A\n\n# A\n\n# A\n").headings] == ["a", "a-1", "a-2"]


@pytest.mark.parametrize("expected, came, fits", [
    ("", "", True), ("a", "a  ", True), ("a", "b", False), ("a", "a|b", False), ("a|b", "a", False), ("...", "", True), ("...", "a|b", True),
    ("a|...", "a", True), ("a|...|c", "a|b|b|c", True), ("a|...|c", "a|c|b", False), ("...|b", "a|b", True), ("...|b", "b|a", False),
    ("...|b|...|d", "a|b|c|d", True), ("...|d|...|b", "a|b|c|d", False), ("a|...|a", "a", False), ("a.c", "abc", False),
    ("<n>x", "12x", True), ("<n>x", "x", False), ("<m>", "<m>", True)])
def test_outputs_are_compared_by_line(expected, came, fits):
    def lines(text):
        return text.split("|") if text else []
    assert (compare(lines(expected), lines(came), {"<n>": "[0-9]+"}) is None) == fits


def test_a_message_names_the_line(repository):
    """What is shown of a fault: the line of the text, what was expected, what came"""
    fault = static_faults(new_text(repository, broken("S: 221 bye", "S: 222 bye")))[0]
    assert fault.show("small.md") == "small.md:%d: the server said something else\n    expected: S: 222 bye\n    came:     S: 221 bye" % fault.line


# ---- running commands

def run_blocks(repository, tmp_path, blocks, **patches):
    text = new_text(repository, "## Chapter 2: x\n\n" + "\n".join("```console\n%s\n```\n" % block for block in blocks))
    template = tutorial_run.copy_repository(repository, tmp_path / "template")
    return tutorial_run.run_chapter(text, text.blocks, template, tmp_path / "run" / "smtpd")


def test_nothing_runs_in_the_working_tree(repository, tmp_path):
    before = sorted(repository.rglob("*"))
    assert run_blocks(repository, tmp_path, ["$ touch step01-echo/new; rm Makefile", "$ ls step01-echo\nmain.c\nnew"])[0] == []
    assert sorted(repository.rglob("*")) == before


def test_a_command_can_ask_how_the_one_before_ended(repository, tmp_path):
    assert run_blocks(repository, tmp_path, ["$ false\n$ echo $?\n1\n$ echo $?\n0"])[0] == []


def test_a_server_is_waited_for_though_its_log_has_old_lines(repository, tmp_path):
    block = "$ build/step02-commands > log &\n$ cat log\nlistening on 127.0.0.1 port 2525\n$ kill %1"
    assert run_blocks(repository, tmp_path, 5 * [block])[0] == []


def test_a_command_that_hangs_is_named_and_ended(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(tutorial_run, "COMMAND_SECONDS", 0.5)
    faults, _, _ = run_blocks(repository, tmp_path, ["$ echo $$ > pid; sleep 1000"])
    assert_found(faults, "`echo $$ > pid; sleep 1000` is stuck", 4)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells who was started by whom")
@pytest.mark.parametrize("own_network", [True, False])
@pytest.mark.parametrize("command", ["sleep 1000 & echo $! > pid", "(setsid sleep 1000 & echo $! > pid)", "setsid sh -c 'echo $$ > pid; sleep 1000'"])
def test_whatever_is_started_is_ended(command, own_network, repository, tmp_path, monkeypatch):
    """Also what has a session of its own, lost its parent, or is waited for"""
    if not own_network:
        monkeypatch.setattr(tutorial_run, "has_own_network", lambda: False)
        monkeypatch.setattr(tutorial_run, "PORT", 0)
    for seconds in (0.5, 5, 50):        # what is waited for must have been started by then
        monkeypatch.setattr(tutorial_run, "COMMAND_SECONDS", seconds)
        place = tmp_path / str(seconds)
        run_blocks(repository, place, ["$ " + command])
        pid = (place / "run" / "smtpd" / "pid").read_text().strip() if (place / "run" / "smtpd" / "pid").exists() else ""
        if pid:
            break
    assert pid
    assert eventually(lambda: not Path("/proc", pid, "cmdline").exists() or not Path("/proc", pid, "cmdline").read_bytes())


def test_a_program_left_running_is_named(repository, tmp_path):
    assert_found(run_blocks(repository, tmp_path, ["$ sleep 1000 &"])[0], "a program still runs", 3)


def test_a_program_that_is_not_installed_skips_its_block(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(tutorial_run, "TOOLS", {"no-such-tool"})
    monkeypatch.delenv("CHECK_ALL", raising=False)
    blocks = ["$ echo a", "$ no-such-tool > file", "$ cat file\nsomething", "$ echo b\nb"]
    faults, skipped, _ = run_blocks(repository, tmp_path, blocks)
    assert [fault.line for fault in faults] == [4]      # before the skipped block
    assert "small.md:7: not installed: no-such-tool" in skipped[0] and "small.md:12" in skipped[1] and len(skipped) == 2


def test_with_check_all_a_program_that_is_not_installed_is_a_fault(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(tutorial_run, "TOOLS", {"no-such-tool"})
    monkeypatch.setenv("CHECK_ALL", "1")
    assert_found(run_blocks(repository, tmp_path, ["$ echo | no-such-tool"])[0], "not installed: no-such-tool", 3)


def test_chapters_have_port_2525_for_themselves(repository, tmp_path):
    text = "".join("## Chapter %d: x\n\n```console\n$ build/step02-commands > log &\n$ cat log\nlistening on 127.0.0.1 port 2525\n$ kill %%1\n```\n" % n
                   for n in (1, 2, 3))
    assert command_faults(new_text(repository, text), tmp_path) == []


def test_without_a_network_of_their_own_they_run_one_after_another(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(tutorial_run, "has_own_network", lambda: False)
    monkeypatch.setattr(tutorial_run, "PORT", 0)
    text = "".join("## Chapter %d: x\n\n```console\n$ build/step02-commands -p 0 > log &\n$ cat log\nlistening on 127.0.0.1 port <n>\n$ kill %%1\n```\n" % n
                   for n in (1, 2, 3))
    assert command_faults(new_text(repository, text), tmp_path) == []


@pytest.mark.skipif(not tutorial_run.has_own_network(), reason="namespaces are not allowed here")
def test_in_a_network_of_its_own_a_reader_is_not_root(repository, tmp_path):
    blocks = ["$ test $(id -u) -ne 0 && echo not root\nnot root\n$ hostname 2>/dev/null || uname -n\nreader-1.example.net",
              "$ %s -c 'import socket; socket.socket().bind((\"127.0.0.1\", 25))' 2>&1 | tail -n 1\nPermissionError: [Errno 13] Permission denied" % sys.executable]
    assert run_blocks(repository, tmp_path, blocks)[0] == []


# ---- with pytest, and on the real programs

def run_pytest(text, *arguments):
    environment = {**os.environ, "TUTORIAL": str(text)}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-c", "tests/pytest.ini", "tests/repository/test_tutorial.py", *arguments], cwd=REPOSITORY, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return done.stdout


def test_with_pytest_a_fault_is_a_failure_that_names_the_line(tmp_path):
    (tmp_path / "broken.md").write_text("## Going live\n\n```python\nprint(1)\n```\n\n```sh\necho\n```\n")
    output = run_pytest(tmp_path / "broken.md")
    assert "broken.md:3: no rule covers this block" in output and "1 failed" in output, output


def test_the_bytes_of_a_real_handshake(tmp_path):
    """A handshake with our own step 6: what never changes in a ServerHello, and what no ServerHello has"""
    program = REPOSITORY / "build" / "step06-starttls"
    if not program.exists():
        pytest.skip("step 6 is not built")
    text = "From a handshake:\n\n```text bytes\n16 03 03 00 7a  the record\n02 00 00 76 03 03 [32 bytes] 20 ...\n13 03 00\n```\n"
    assert tutorial_blocks.check_block(*text_and_block(text)) == []
    assert tutorial_blocks.check_block(*text_and_block(text.replace("13 03 00", "13 04 00"))) != []


def text_and_block(content):
    text = Text("small.md", REPOSITORY, False, content)
    return text, text.blocks[0]
