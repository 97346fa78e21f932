"""What a visitor types first: make demo, make run, make diff-01, make doctor."""
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import doctor

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COLUMNS = 80


def make(*arguments, status=0):
    """What is printed on standard output, as lines."""
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=str(REPOSITORY), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode().splitlines()


def place(lines, pattern):
    """The number of the first line in which this is found."""
    found = [number for number, line in enumerate(lines, 1) if re.search(pattern, line)]
    assert found, "expected: a line with %s\ncame:\n%s" % (pattern, "\n".join(lines))
    return found[0]


# ---- make demo

@pytest.fixture(scope="module")
def demo():
    return make("demo")


def test_the_demo_fits_on_a_screen(demo):
    """50 lines, with the command above and the prompt below; no line is wrapped"""
    assert len(demo) <= 48, "\n".join(demo)
    host = socket.gethostname()
    assert [line for line in demo if len(line.replace(host, "mx.example")) > COLUMNS] == []


def test_the_demo_begins_with_what_came(demo):
    """The report and the tree, the conversation, the files, what to do next"""
    places = [place(demo, pattern) for pattern in (
        "^message .* to you@localhost", "Subject: Привет", "└─ 3 image/png", r"^C: EHLO", r"^C: MAIL FROM", r"^S: 354", r"^S: 250 .*stored",
        r"^ +\d+  mail/you/new/", r"^ +\d+  parts/.*\.png", r"^make run", r"TUTORIAL.md", "^make test")]
    assert places == sorted(places)


def test_the_demo_cuts_the_text_of_the_message(demo):
    """The first lines, how many more there are, and the dot that ends it"""
    start, end = place(demo, "^S: 354"), place(demo, r"^C: \.")
    assert 3 <= end - start <= 6
    left_out = int(re.fullmatch(r"   \.\.\. (\d+) lines more", demo[end - 2]).group(1))
    sample = (REPOSITORY / "tests" / "samples" / "demo.eml").read_bytes().count(b"\n")
    assert left_out + (end - start - 2) == sample


def test_the_demo_tells_of_tls_in_a_line(demo):
    """Which suite and which group were agreed on; the rest is for VERBOSE=1"""
    lines = [line for line in demo if line.startswith("TLS")]
    assert len(lines) == 1 and re.search(r"TLS_\w+, x25519", lines[0]), lines


def test_the_whole_demo():
    """VERBOSE=1: nothing is left out of the conversation"""
    lines = make("demo", "VERBOSE=1")
    conversation = lines[:place(lines, "^message ")]
    assert sum(line.startswith("TLS") for line in conversation) > 40
    text = [line[3:] for line in conversation[place(conversation, "^S: 354"):] if line.startswith("C: ")]
    sample = (REPOSITORY / "tests" / "samples" / "demo.eml").read_bytes()
    assert text.index(r".\r\n") == sample.count(b"\n")
    assert not any("lines more" in line for line in lines)


# ---- make run, make diff-01

def test_run_says_how_to_send_a_mail():
    """Before anything else is printed; an option that is unknown ends the server at once"""
    lines = make("run", "OPTIONS=-?", status=2)
    assert place(lines[:4], "tests/send.py --to you@localhost") and place(lines[:4], "nc -C localhost 2525")


def test_the_first_diff_is_the_first_step():
    """There is nothing before it, so each of its lines is new"""
    lines = make("diff-01")
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++ ")]
    step, = REPOSITORY.glob("step01-*")
    assert sorted(added) == sorted(line for path in step.glob("*") for line in path.read_text().splitlines())


# ---- make doctor

def directory_of_tools(directory, **scripts):
    """A directory for PATH, with what every machine has and these scripts."""
    directory.mkdir()
    for name in ("sh", "uname"):
        (directory / name).symlink_to(shutil.which(name))
    for name, text in scripts.items():
        (directory / name).write_text("#!/bin/sh\n" + text)
        (directory / name).chmod(0o755)
    return str(directory)


def run_doctor(path):
    done = subprocess.run([sys.executable, str(REPOSITORY / "tests" / "doctor.py")], env={**os.environ, "PATH": path},
                          stdout=subprocess.PIPE, universal_newlines=True)
    return done.returncode, done.stdout.splitlines()


def test_a_tool_that_is_missing_is_named(tmp_path):
    """With what it is for, and how to get it"""
    status, lines = run_doctor(directory_of_tools(tmp_path / "bin"))
    assert status == 1
    for name in ("C compiler", "nc with -C and -N", "strace", "openssl"):
        assert re.match("  no .*for ", lines[place(lines, name) - 1])
    text = "\n".join(lines)
    assert text.index("To get what is missing") < text.rindex("netcat")


def test_a_tool_that_is_there_is_not_missed(tmp_path):
    status, lines = run_doctor(directory_of_tools(tmp_path / "bin", strace="exit 0\n", cc="exit 0\n"))
    for name in ("C compiler", "strace"):
        assert lines[place(lines, name) - 1].startswith("  ok ")


@pytest.mark.parametrize("script", ["exit 1\n", "cat\n", 'echo "usage: nc [-46CN]"; exit 1\n'])
def test_a_netcat_that_does_not_know_the_options(tmp_path, monkeypatch, script):
    """It is not asked what it knows, it is tried."""
    monkeypatch.setenv("PATH", directory_of_tools(tmp_path / "bin", nc=script))
    monkeypatch.setattr(doctor, "WAIT", 0.2)
    assert doctor.netcat() == ""


SENDS = """exec %s -c '
import socket, sys
sock = socket.create_connection((sys.argv[-2], int(sys.argv[-1])))
sock.sendall(sys.stdin.buffer.read()%s)
' "$@"
"""


@pytest.mark.parametrize("ends, works", [("", False), ('.replace(b"\\n", b"\\r\\n")', True)], ids=["LF", "CR LF"])
def test_a_netcat_is_known_by_what_it_sends(tmp_path, monkeypatch, ends, works):
    monkeypatch.setenv("PATH", directory_of_tools(tmp_path / "bin", nc=SENDS % (sys.executable, ends)))
    assert bool(doctor.netcat()) == works
