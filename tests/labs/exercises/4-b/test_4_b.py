"""Exercise 4-b: a mail's journey, a line for each Received field, the oldest first."""
import re

import pytest

from report import Receiver, header, unsafe

FIELDS = ["Received: from two.example by three.example; Sun, 22 Nov 2026 12:00:09 +0300",
          "Received: from one.example\r\n by two.example (a;b); Sun, 22 Nov 2026 09:00:02 +0000 (UTC)",
          "Received: from home.example by one.example; Sun, 22 Nov 2026 01:00:00 -0800",
          "From: alice@example.org"]


@pytest.fixture
def lines_of(start):
    """lines_of(fields): what the report has on stations, but not its own, which is the last."""
    receive = Receiver(start)

    def lines_of(fields):
        lines = [line for line in receive(header(*fields)).lines[1:] if "by " in line]
        assert lines, "expected: a line for each Received field\ncame:     none"
        return lines[:-1]
    return lines_of


def test_a_line_for_each_the_oldest_first(lines_of):
    """Each server puts its field on top of the others"""
    by = [re.search(r"by (\S+)", line).group(1) for line in lines_of(FIELDS)]
    assert by == ["one.example", "two.example", "three.example"], \
        "expected: one, two, three\ncame:     %s" % by


def test_the_time_that_passed(lines_of):
    """Two seconds, then seven, whatever zones their clocks have"""
    lines = lines_of(FIELDS)
    for number, line in zip(("2", "7"), lines[1:]):
        assert re.search(r"(?<!\d)0*%s ?s" % number, line), \
            "expected: %s s, or seconds\ncame:     %s" % (number, line)


def test_a_field_without_a_date_is_a_station_as_well(lines_of):
    """Whoever wrote it: nothing can be relied on"""
    assert len(lines_of(["Received: by one.example", "Received: by two.example; yesterday"])) == 2, \
        "expected: two lines"


def test_nothing_of_it_reaches_a_terminal_raw(lines_of):
    """A stranger wrote this, too"""
    for line in lines_of(["Received: from \x1b[2J by one.example; Sun, 22 Nov 2026 09:00:02 +0000"]):
        assert not unsafe(line), "expected: nothing that a terminal obeys\ncame:     %r" % line


def test_ninety_fields_are_shown(lines_of):
    """So many a message may well have"""
    came = len(lines_of(["Received: by s%d.example; Sun, 22 Nov 2026 09:00:02 +0000" % i for i in range(90)]))
    assert came == 90, "expected: 90 lines\ncame:     %d" % came
