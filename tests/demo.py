#!/usr/bin/env python3
"""Start a step, send it a real multipart mail, and show what it made of it, on one screen.

    demo.py build/step05-multipart
    demo.py --verbose build/step05-multipart      nothing is left out

What `make demo` and `make demo VERBOSE=1` call. Needs nothing beside Python.
Everything it makes is in a temporary directory, and gone in the end.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
TEXT_SHOWN = 3      # lines of the message's text in the conversation

NEXT = """\
make run                 the same server on port 2525, for mails of your own
TUTORIAL.md, chapter 1   how it is made, beginning with an echo
make test                is it right? Every step is asked
make demo VERBOSE=1      all of the conversation above, and TLS in detail"""


def heading(text):
    print("--- %s %s" % (text, "-" * (72 - len(text))), flush=True)


def options_of(program):
    """The letters of the options that this step has, from its usage text."""
    usage = subprocess.run([program, "-?"], stderr=subprocess.PIPE, universal_newlines=True).stderr
    return set(re.findall(r"^  -(\w) ", usage, re.M))


def start(program, directory):
    """Start the program there. Returns it, and its port once it listens."""
    wanted = {"p": "0", "v": None, "m": "mail", "x": "parts", "c": "cert.pem", "k": "key.pem"}
    command = [program]
    for letter in sorted(options_of(program) & wanted.keys()):
        command += ["-" + letter] + ([wanted[letter]] if wanted[letter] else [])
    for part in ("tmp", "new", "cur"):
        (directory / "mail" / "you" / part).mkdir(parents=True)
    server = subprocess.Popen(command, cwd=str(directory), stdout=open(str(directory / "report"), "wb"),
                              stderr=open(str(directory / "conversation"), "wb"))
    while server.poll() is None:
        found = re.search(r"listening on \S+ port (\d+)\n", said(directory, "report"))
        if found:
            return server, found.group(1)
        time.sleep(0.01)
    sys.exit(said(directory, "conversation"))


def said(directory, name):
    return (directory / name).read_bytes().decode("utf-8", "backslashreplace")


def files(directory):
    """What is there now: the message, as it was stored, and its parts."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.parts[len(directory.parts)] in ("mail", "parts"):
            yield "%8d  %s" % (path.stat().st_size, path.relative_to(directory))


# ---- so that it fits on a screen

def short_report(lines):
    """From `message NAME to ...` on."""
    start = next((number for number, line in enumerate(lines) if line.startswith("message ")), 0)
    return short_paths(lines[start:])


def short_paths(lines):
    """A directory that is called after a message is only `...`."""
    return [re.sub(r"\bparts/\d+\.M[^/]*/", "parts/.../", line) for line in lines]


def short_conversation(lines):
    """A reply, and the text of the message, only with their first lines; all about TLS in one."""
    short, lines = [], [line for line in lines if re.match("[CS]: |TLS", line)]
    while lines:
        count = leading(lines, what_it_is(lines[0]))
        group, lines = lines[:count], lines[count:]
        if what_it_is(group[0]) == "TLS":
            if not any(line.startswith("TLS:") for line in short):
                short.append(about_tls(group))
        elif what_it_is(group[0]) == "reply":
            short.append(group[0] + (" ... %d lines more" % (count - 1) if count > 1 else ""))
        else:
            short += group
        if group[-1].startswith("S: 354"):
            text = [line for line in lines[:end_of_text(lines)] if line.startswith("C: ")]
            lines = lines[end_of_text(lines):]
            short += text[:TEXT_SHOWN]
            if len(text) > TEXT_SHOWN:
                short.append("   ... %d lines more" % (len(text) - TEXT_SHOWN))
    return short


def what_it_is(line):
    return "TLS" if line.startswith("TLS") else "reply" if line.startswith("S: ") else "command"


def leading(lines, kind):
    """How many of the first lines belong together. A reply of several lines has a hyphen in all but the
    last."""
    count = 1
    if kind == "TLS":
        while count < len(lines) and what_it_is(lines[count]) == "TLS":
            count += 1
    elif kind == "reply":
        while count < len(lines) and re.match(r"S: \d\d\d-", lines[count - 1]):
            count += 1
    return count


def end_of_text(lines):
    return next((number for number, line in enumerate(lines) if re.match(r"C: \.(\\r\\n)?$", line)),
                len(lines))


def about_tls(lines):
    suite = re.findall(r"cipher_suite: (\w+)", "\n".join(lines))
    group = re.findall(r"key_share\(51\): (\w+)$", "\n".join(lines), re.M)
    return "TLS: from here on encrypted, " + ", ".join(suite[-1:] + group[-1:] + ["TLS 1.3"])


# ----

def show(directory, verbose):
    report, conversation = (said(directory, name).splitlines() for name in ("report", "conversation"))
    sections = [("what came: its report (standard output)", report if verbose else short_report(report)),
                ("how it came: the conversation (standard error)",
                 conversation if verbose else short_conversation(conversation)),
                ("the files it has made",
                 list(files(directory)) if verbose else short_paths(files(directory))),
                ("what to do next", NEXT.splitlines())]
    if verbose:
        sections = [sections[1], sections[0], sections[2]]      # in the order in which it happened
    for title, lines in sections:
        heading(title)
        print("".join(line + "\n" for line in lines) + ("\n" if verbose else ""), end="")


def main():
    verbose = "--verbose" in sys.argv[1:]
    program = os.path.abspath(sys.argv[-1])
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    with tempfile.TemporaryDirectory(prefix="smtpd-demo-") as name:
        directory = Path(name)
        server, port = start(program, directory)
        try:
            client = subprocess.run(
                [sys.executable, str(TESTS / "send.py"), "--server", "127.0.0.1:" + port, "--to",
                 "you@localhost", "--eml", str(TESTS / "samples" / "demo.eml")], stdout=subprocess.DEVNULL)
        finally:
            server.send_signal(signal.SIGTERM)
            status = server.wait()
        show(directory, verbose)
        sys.exit(client.returncode or status)


if __name__ == "__main__":
    main()
