"""Exercise 5-c: the attachments in a winmail.dat are named below its line (MS-OXTNEF 2.1)."""
import base64
import struct

import pytest

from report import Receiver, header, mixed

BOX = ["Content-Type: application/ms-tnef; name=winmail.dat", "Content-Transfer-Encoding: base64"]
VERSION, REND_DATA, TITLE, DATA = 0x89006, 0x69002, 0x18010, 0x6800F


def attribute(number, data, level=2, length=None):
    return (struct.pack("<BII", level, number, len(data) if length is None else length) + data
            + struct.pack("<H", sum(data) & 0xFFFF))


def box(*attributes, signature=0x223E9F78):
    return (struct.pack("<IH", signature, 1) + attribute(VERSION, struct.pack("<I", 0x10000), level=1)
            + b"".join(attributes))


def attachment(name, size):
    return (attribute(REND_DATA, bytes(14)) + attribute(TITLE, name + b"\0")
            + attribute(DATA, bytes(range(256)) * (size // 256) + bytes(size % 256)))


@pytest.fixture
def lines_of(start):
    """lines_of(octets): the lines of the report that stand below the line of such a box."""
    receive = Receiver(start)

    def lines_of(content):
        body = base64.encodebytes(content).replace(b"\n", b"\r\n")
        lines = receive(mixed((["Content-Type: text/plain"], b"see there"), (BOX, body),
                              (["Content-Type: image/png"], b"after"))).lines
        first, = [number for number, line in enumerate(lines) if "application/ms-tnef" in line]
        last, = [number for number, line in enumerate(lines) if "image/png" in line]
        return lines[first + 1:last]
    return lines_of


def expect(lines, *wanted):
    assert len(lines) == len(wanted) and all(
        name in line and "%d bytes" % size in line for line, (name, size) in zip(lines, wanted)), \
        "expected: a line each for %s\ncame:     %s" % (wanted, lines)


def test_each_attachment_has_a_line(lines_of):
    """Its name and its size, in their order, and the next part after them"""
    expect(lines_of(box(attachment(b"report.pdf", 1234), attachment(b"photo.jpg", 70000))),
           ("report.pdf", 1234), ("photo.jpg", 70000))


def test_the_data_may_come_before_the_name(lines_of):
    expect(lines_of(box(attribute(REND_DATA, bytes(14)), attribute(DATA, b"12345"),
                        attribute(TITLE, b"late.txt\0"), attachment(b"next.txt", 7))),
           ("late.txt", 5), ("next.txt", 7))


def test_a_box_without_attachments(lines_of):
    expect(lines_of(box()))


def test_what_only_says_that_it_is_a_box(lines_of):
    """The signature is another one"""
    expect(lines_of(box(attachment(b"no.txt", 5), signature=0x12345678)))


@pytest.mark.parametrize("length", [6, 1000, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFF0])
def test_a_length_that_can_not_be(lines_of, length):
    """What came before is shown; the program does not read past the end"""
    expect(lines_of(box(attachment(b"whole.txt", 300), attribute(DATA, b"", length=length))),
           ("whole.txt", 300))


def test_a_name_is_shown_harmless(lines_of):
    """A control character does not reach a terminal"""
    line, = lines_of(box(attachment(b"a\x1b[2Jb.txt", 5)))
    assert "\x1b" not in line and "b.txt" in line, "expected: the escape escaped\ncame:     %r" % line


@pytest.mark.parametrize("size", range(0, 60, 7))
def test_a_box_that_is_cut_short(lines_of, size):
    assert len(lines_of(box(attachment(b"cut.txt", 20))[:size])) <= 1
