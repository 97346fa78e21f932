"""Exercise 5-a: the Content-ID of each part that has one is shown in its line."""
import pytest

from report import Receiver, mixed, unsafe


@pytest.fixture
def lines_of(start):
    """lines_of(parts...): the lines of the tree that have a number."""
    receive = Receiver(start)

    def lines_of(*parts):
        return [line for line in receive(mixed(*parts)).lines if "─" in line]
    return lines_of


def test_the_id_is_shown(lines_of):
    """RFC 2392: what HTML calls cid:logo@example.org"""
    lines = lines_of((["Content-Type: text/html"], b"<img src='cid:logo@example.org'>"),
                     (["Content-Type: image/png", "Content-ID: <logo@example.org>"], b"picture"))
    assert "logo@example.org" in lines[1], "expected: logo@example.org in the line\ncame:     %s" % lines[1]
    assert "logo" not in lines[0], "expected: no id in the line\ncame:     %s" % lines[0]


def test_a_part_that_has_parts_can_have_one(lines_of):
    """A message in the message, for one"""
    lines = lines_of((["Content-Type: message/rfc822", "Content-ID: <inner@example.org>"],
                      b"Subject: x\r\n\r\nx"))
    assert "inner@example.org" in lines[0], "expected: inner@example.org\ncame:     %s" % lines[0]


def test_nothing_of_it_reaches_a_terminal_raw(lines_of):
    """A stranger wrote this, too, and it may be long"""
    for line in lines_of((["Content-ID: <\x1b[2J@example.org>"], b"x"),
                         (["Content-ID:\r\n <" + "x" * 900 + ">"], b"x")):
        assert not unsafe(line), "expected: nothing that a terminal obeys\ncame:     %r" % line
