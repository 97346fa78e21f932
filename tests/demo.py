#!/usr/bin/env python3
"""Show a step at work: start it, send it a real multipart mail, show what it says, reports and extracts.

    demo.py build/step05-multipart

What `make demo` calls. Needs nothing beside Python. Everything it makes is in a
temporary directory, and gone in the end.
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


def heading(text):
    print("\n--- %s %s" % (text, "-" * (72 - len(text))), flush=True)


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
    server = subprocess.Popen(command, cwd=directory, stdout=open(directory / "report", "wb"),
                              stderr=open(directory / "conversation", "wb"))
    while server.poll() is None:
        found = re.search(r"listening on \S+ port (\d+)\n", (directory / "report").read_text())
        if found:
            return server, found.group(1)
        time.sleep(0.01)
    sys.exit((directory / "conversation").read_text())


def show_files(directory):
    """What is there now: the message, as it was stored, and its parts."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.parts[len(directory.parts)] in ("mail", "parts"):
            print("%8d  %s" % (path.stat().st_size, path.relative_to(directory)))


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="smtpd-demo-") as name:
        directory = Path(name)
        server, port = start(program, directory)
        try:
            client = subprocess.run(
                [sys.executable, str(TESTS / "send.py"), "--server", "127.0.0.1:" + port, "--to", "you@localhost",
                 "--eml", str(TESTS / "samples" / "demo.eml")], stdout=subprocess.DEVNULL)
        finally:
            server.send_signal(signal.SIGTERM)
            status = server.wait()
        heading("the conversation, as the server saw it (standard error)")
        print((directory / "conversation").read_text(), end="")
        heading("its report (standard output)")
        print((directory / "report").read_text(), end="")
        heading("the files it has made")
        show_files(directory)
        sys.exit(client.returncode or status)


if __name__ == "__main__":
    main()
