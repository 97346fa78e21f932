"""Exercise 4-c: -r file reports the message in a file, and ends."""
import pytest

MESSAGE = b"""From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>
To: you@localhost
Subject: =?iso-8859-1?q?Gr=FC=DFe?=
Date: Sun, 22 Nov 2026 07:22:36 +0100

Subject: this one is no field
"""


@pytest.fixture
def report(run, tmp_path):
    """report(octets): what the program prints of a file with these, and its exit status."""
    def report(content):
        (tmp_path / "message.eml").write_bytes(content)
        done = run("-p", "0", "-r", "message.eml")
        return done.stdout, done.returncode
    return report


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_the_header_is_reported(report, end):
    """As of a mail that came: decoded, the date in UTC. Nothing listens. A saved file may have CRLF"""
    lines, status = report(MESSAGE.replace(b"\n", end))
    for words in ("From: Jürgen <juergen@example.org>", "Subject: Grüße", "Date: 2026-11-22T06:22:36Z"):
        assert words in " ".join(lines.split()), "expected: a line %r\ncame:     %s" % (words, lines)
    assert "listening" not in lines and "no field" not in lines, "expected: the header alone\ncame:     " + lines
    assert status == 0, "expected: exit status 0\ncame:     %d" % status


@pytest.mark.parametrize("content", [b"\n", b"Subject", b"Subject:", b"\0\xff" * 5000, b"=?" * 9999, b"a" * 99999])
def test_whatever_is_in_the_file(report, content):
    """A fuzzer writes such files; the program ends by itself"""
    lines, status = report(content)
    assert status == 0, "expected: exit status 0\ncame:     %d, %s" % (status, lines)


def test_a_file_that_is_not_there(run):
    """One line names it, and the exit status is 1"""
    done = run("-p", "0", "-r", "none.eml")
    assert done.returncode == 1 and "none.eml" in done.stderr, \
        "expected: none.eml named, exit status 1\ncame:     %d, %s" % (done.returncode, done.stderr)
