"""Exercise 5-b: the text of a mail below its tree, at most twenty lines."""
import base64

import pytest

from report import Receiver, header, mixed, unsafe

PLAIN = ["Content-Type: text/plain; charset=utf-8"]


@pytest.fixture
def below(start):
    """below(message): what the report has after the tree."""
    receive = Receiver(start)

    def below(message):
        lines = receive(message).lines
        last = max(i for i, line in enumerate(lines)
                   if "text/" in line or "─" in line or "multipart/" in line)
        return "\n".join(lines[last + 1:])
    return below


def check(text, *there, absent=()):
    for words in there:
        assert words in text, "expected: %r below the tree\ncame:     %r" % (words, text)
    for words in absent:
        assert words not in text, "expected: no %r\ncame:     %r" % (words, text)


def test_the_text_is_printed_line_by_line(below):
    """A line end is a line end, and no escape"""
    text = below(header(*PLAIN, body=b"first line\r\nsecond line\r\n"))
    check(text, "first line", "second line", absent=["\\x0a", "first line second"])


def test_it_is_the_plain_text_that_is_no_attachment(below):
    """The first one, wherever it stands in the tree"""
    text = below(mixed((["Content-Type: text/plain", "Content-Disposition: attachment"], b"not me"),
                       (["Content-Type: text/html"], b"<p>nor me"), (PLAIN, b"but me"), (PLAIN, b"too late")))
    check(text, "but me", absent=["not me", "nor me", "too late"])


def test_it_is_decoded(below):
    """base64 and KOI8-R"""
    body = base64.b64encode("Привет, мир\r\n".encode("koi8-r"))
    check(below(header("Content-Type: text/plain; charset=koi8-r", "Content-Transfer-Encoding: base64",
                       body=body)), "Привет, мир")


def test_twenty_lines_are_enough(below):
    """A report is no mail reader"""
    text = below(header(*PLAIN, body=b"".join(b"line %d.\r\n" % i for i in range(1, 1000))))
    check(text, "line 1.", "line 20.", absent=["line 21.", "line 999."])


def test_a_line_without_an_end_does_not_flood(below):
    """Twenty lines can be a megabyte"""
    text = below(header(*PLAIN, body=b"begin " + b"x" * 2 ** 20))
    check(text, "begin")
    assert len(text) < 2 ** 17, "expected: less than 128 KiB\ncame:     %d" % len(text)


def test_nothing_of_it_reaches_a_terminal_raw(below):
    """Whatever is in it"""
    text = below(header(*PLAIN, body=b"begin \x1b[2J \xc2\x9b31m \xe2\x80\xae end\r\n"))
    check(text, "begin", "end")
    assert not unsafe(text.replace("\n", "")), "expected: nothing that a terminal obeys\ncame:     %r" % text
