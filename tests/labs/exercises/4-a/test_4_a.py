"""Exercise 4-a: Reply-To is shown, and marked where it is not the address in From."""
import pytest

from report import Receiver, header


@pytest.fixture
def line_of(start):
    """line_of(fields...): the line that the report of such a message has on Reply-To, or None."""
    receive = Receiver(start)

    def line_of(*fields):
        found = [line for line in receive(header(*fields)).lines if "reply-to" in line.lower()]
        return found[0] if found else None
    return line_of


def mark_of(line, address):
    assert line and address in line, "expected: a line with Reply-To and %s\ncame:     %s" % (address, line)
    return line.split(address, 1)[1].strip(" >")


def test_another_address_is_marked(line_of):
    """Something stands after it that is not there where both are the same"""
    line = line_of("From: Alice <alice@example.org>", "Reply-To: mallory@example.net")
    assert mark_of(line, "mallory@example.net"), "expected: a mark\ncame:     %s" % line


@pytest.mark.parametrize("value", ["alice@example.org", "Office <alice@example.org>", "<ALICE@example.org>"])
def test_the_same_address_is_not_marked(line_of, value):
    """A name counts for nothing, and neither do capital letters"""
    line = line_of("Reply-To: " + value, "From: Alice <alice@example.org>")
    address = value.split("<")[-1].strip(">")
    assert not mark_of(line, address), "expected: no mark\ncame:     %s" % line


def test_a_name_that_looks_like_the_sender_does_not_help(line_of):
    """The address is what counts"""
    line = line_of("From: Alice <alice@example.org>", 'Reply-To: "alice@example.org" <mallory@example.net>')
    assert mark_of(line, "mallory@example.net"), "expected: a mark\ncame:     %s" % line


def test_without_the_field_there_is_no_line(line_of):
    """Nothing is shown of what is not there"""
    line = line_of("From: Alice <alice@example.org>")
    assert line is None, "expected: no line on Reply-To\ncame:     %s" % line
