#!/usr/bin/env python3
"""Which of the tools that the text and the tests use are missing here, and how to get them: what `make
doctor` calls.

Exit status: 0 nothing that a chapter needs is missing, 1 something is. Needs Python 3.6
and nothing beside it. The table is TOOLS; a tool is tried where its name alone says too
little.
"""
import os
import shutil
import socket
import subprocess
import sys
import threading

import run

WAIT = 4     # seconds for a netcat to come, and to go


def answer_of(command):
    """What it prints, or "" if it can't be run."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20,
                              universal_newlines=True)
        return done.stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def is_there(*names):
    return next((shutil.which(name) for name in names if shutil.which(name)), "")


def compiler():
    return is_there("cc", "gcc", "clang")


def gnu_make():
    return next((path for path in (is_there("make"), is_there("gmake")) if path
                 and "GNU" in answer_of([path, "--version"])), "")


def netcat():
    """One that sends CR LF with -C, and that goes when its input ends with -N: tried on a socket here."""
    nc, came = is_there("nc"), []
    if not nc:
        return ""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(WAIT)
        listener_thread = threading.Thread(target=take, args=(listener, came))
        listener_thread.start()
        try:
            subprocess.run([nc, "-C", "-N", "127.0.0.1", str(listener.getsockname()[1])], input=b"NOOP\n",
                           timeout=WAIT,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            pass
        listener_thread.join()
    return nc if came == [b"NOOP\r\n"] else ""


def take(listener, came):
    """Read what one client sends, to its end."""
    try:
        with listener.accept()[0] as sock:
            sock.settimeout(WAIT)
            came.append(sock.makefile("rb").read())
    except OSError:
        pass


def python():
    return next((path for path in run.interpreters() if run.can(path, "pass")), "")


def pytest():
    return run.with_pytest() or ""


# What, how it is found, what it is for, its package in Debian, elsewhere.
TOOLS = [
    ("a C compiler", compiler, "everything", "gcc libc6-dev", "gcc or clang"),
    ("GNU make", gnu_make, "everything", "make", "gmake on the BSDs"),
    ("Python 3.8 or later", python, "the tests and send.py", "python3", "python3"),
    ("pytest", pytest, "the tests; `make test` fetches it into build/venv", "python3-pytest",
     "pip install pytest"),
    ("nc with -C and -N", netcat, "chapters 1 to 4: to type lines that end in CR LF", "netcat-openbsd",
     "netcat of OpenBSD"),
    ("strace", lambda: is_there("strace"), "chapter 3: to watch the promise; only for Linux", "strace",
     "strace"),
    ("openssl", lambda: is_there("openssl"), "chapter 6: somebody else's TLS to try ours with", "openssl",
     "openssl"),
]
# What no chapter needs.
EXTRAS = [
    ("tshark", lambda: is_there("tshark"), "section 6.9: TLS in a capture", "tshark", "wireshark"),
    ("chromium", lambda: is_there("chromium"), "the test of the book in a browser", "chromium", "chromium"),
    ("clang", lambda: is_there("clang"), "make fuzz", "clang", "clang"),
    ("valgrind", lambda: is_there("valgrind"), "make ct", "valgrind", "valgrind"),
]


def look(tools):
    """Print a line for each. Returns the rows of those that are missing."""
    missing = []
    for row in tools:
        found = row[1]()
        print("  %-4s %-20s %s" % ("ok" if found else "no", row[0], found or "for " + row[2]))
        if not found:
            missing.append(row)
    return missing


def how_to_get(missing):
    if is_there("apt-get"):
        sudo = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
        return "  %sapt-get install %s" % (sudo, " ".join(row[3] for row in missing))
    return "\n".join("  %-20s %s" % (row[0], row[4]) for row in missing)


def main():
    print("What the text and the tests need:")
    missing = look(TOOLS)
    print("What helps, but is not needed:")
    extras = look(EXTRAS)
    for title, rows in (("To get what is missing:", missing), ("To get the rest:", extras)):
        if rows:
            print(title + "\n" + how_to_get(rows))
    if not sys.platform.startswith("linux"):
        print("Some tests look at what only Linux tells (segments, queues, system calls): they are skipped.")
    if not missing:
        print("Nothing is missing.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
