"""Stage 5: messages made to break a parser.

Each is delivered in two sizes, the second four times the first. Whatever is in it: the 250 is kept, the
connection goes on, what is stored is what was sent, and the time does not grow faster than the message.
The time of a program that is slow on purpose (sanitizers) says nothing of it: that one gets the smaller
size alone.
"""
import base64
import os
import resource

import pytest

from client import TIMEOUT_SCALE
from report import Receiver, header, mixed, part_of
from server import trace_and_content

# ======== 5.4 Files out of a mail

GROWTH = 8          # four times the size: linear is 4, quadratic would be 16
NOISE = 0.3         # seconds of CPU which mean nothing: what is quadratic takes many here
ATTEMPTS = 3        # a busy machine makes CPU time longer too, so the shortest counts
PLAIN = 3           # seconds which are measured well enough at once
SLOW = 0.3          # and a program that takes these for the first size is asked for less


def lines(*texts):
    return "".join(text + "\r\n" for text in texts).encode()


# ---- nesting

def nested_multiparts(n):
    opening = "".join("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
                      for i in range(n))
    return lines("Subject: nested") + opening.encode() + b"\r\nthe bottom\r\n"


def nested_and_closed(n):
    closing = "".join("--b%d--\r\n" % i for i in reversed(range(n)))
    return nested_multiparts(n) + closing.encode()


def nested_same_boundary(n):
    return (lines("Subject: x") + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * n
            + b"\r\nthe bottom\r\n")


def nested_prefixes(n):
    """Every boundary is the beginning of all that are inside it."""
    names = [b"b" * i for i in range(1, int(n ** 0.5))]
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n" % (name, name)
                       for name in names)
    return lines("Subject: x") + opening + b"\r\n" + b"".join(b"--%s\r\n" % name for name in names)


def nested_messages(n):
    return (lines("Subject: x") + b"Content-Type: message/rfc822\r\n\r\n" * n
            + b"Subject: the bottom\r\n\r\nbody\r\n")


def messages_in_base64(n):
    message = header("Subject: the bottom", body=b"x" * n)
    for _ in range(12):
        message = header("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64",
                         body=base64.encodebytes(message).replace(b"\n", b"\r\n"))
    return message


def nested_digests(n):
    return header("Content-Type: multipart/digest; boundary=b",
                  body=b"--b\r\n\r\nSubject: x\r\n\r\nx\r\n" * n)


# ---- many of something

def many_parts(n):
    return mixed(*[((), b"x")] * n)


def many_parts_never_closed(n):
    return header("Content-Type: multipart/mixed; boundary=b", body=b"--b\r\n" * n)


def candidates(n):
    """Lines that begin as a boundary does, while many multiparts are open."""
    opening = "".join("Content-Type: multipart/mixed; boundary=%s%d\r\n\r\n--%s%d\r\n"
                      % ("x" * 60, i, "x" * 60, i) for i in range(90))
    return lines("Subject: x") + opening.encode() + b"\r\n" + b"--\r\n" * n + (b"--" + b"x" * 60
                                                                               + b"\r\n") * (n // 10)


def long_boundary(n):
    boundary = b"b" * (n - 1)
    return b"Content-Type: multipart/mixed; boundary=" + boundary + b"x\r\n\r\n" + (b"--" + boundary
                                                                                    + b"y\r\n") * 8


def preamble_lines(n):
    return header("Content-Type: multipart/mixed; boundary=b", body=b"\r\n" * n)


def fields(name):
    return lambda n: (name + b": x\r\n") * n + b"\r\nbody\r\n"


def one_field(name, begin, unit, end=b""):
    """A field whose value is one unit, repeated."""
    return lambda n: b"From: a@example.org\r\n" + name + b": " + begin + unit * n + end + b"\r\n\r\nbody\r\n"


def folded(n):
    return b"Subject: x\r\n" + b" y\r\n" * n + b"\r\nbody\r\n"


def junk_lines(n):
    return b"no field at all\r\n" * n + b"\r\nbody\r\n"


def no_line_end(n):
    return b"x" * n


def nul_bytes(n):
    return b"Subject: a\0b\r\nX\0Y: " + b"\0" * n + b"\r\n\r\n" + b"\0" * n + b"\r\n"


def continuations(order, form):
    def build(n):
        numbers = list(range(n))[::order]
        return header("Content-Type: application/x-a;\r\n " + ";\r\n ".join(form % i for i in numbers),
                      "Subject: x")
    return build


def words_of_many_charsets(n):
    names = ["utf-8", "koi8-r", "iso-8859-2", "big5", "x-none"]
    return ("Subject: " + "\r\n ".join("=?%s?Q?=41?=" % names[i % 5] for i in range(n))
            + "\r\n\r\nbody\r\n").encode()


# ---- bodies

def body(encoding, unit, charset="utf-8", end=b""):
    return lambda n: header("Content-Type: text/plain; charset=" + charset,
                            "Content-Transfer-Encoding: " + encoding, body=unit * n + end + b"\r\n")


ATTACKS = {     # name: (what builds it, the larger size)
    "nested multiparts": (nested_multiparts, 10000),
    "nested multiparts, closed": (nested_and_closed, 10000),
    "nested multiparts with one boundary": (nested_same_boundary, 20000),
    "nested boundaries, each a prefix": (nested_prefixes, 1000000),
    "nested messages": (nested_messages, 30000),
    "nested messages in base64": (messages_in_base64, 40000),
    "a digest": (nested_digests, 40000),
    "parts": (many_parts, 100000),
    "parts never closed": (many_parts_never_closed, 100000),
    "boundary candidates": (candidates, 200000),
    "a long boundary": (long_boundary, 200000),
    "an empty preamble": (preamble_lines, 400000),
    "fields": (fields(b"X-Field"), 100000),
    "Subject fields": (fields(b"Subject"), 100000),
    "From fields": (fields(b"From"), 100000),
    "Content-Type fields": (fields(b"Content-Type"), 100000),
    "a long header line": (one_field(b"Subject", b"", b"x"), 1000000),
    "a long name of a field": (lambda n: b"X" * n + b": x\r\nSubject: x\r\n\r\nbody\r\n", 1000000),
    "a folded line": (folded, 200000),
    "lines that are no fields": (junk_lines, 100000),
    "a message without a line end": (no_line_end, 1000000),
    "NUL": (nul_bytes, 400000),
    "encoded words": (one_field(b"Subject", b"", b"=?utf-8?Q?=C3=A4?=\r\n "), 100000),
    "encoded words in a comment": (one_field(b"To", b"a@b.test (", b"=?utf-8?Q?=C3=A4?= ", b")"), 100000),
    "encoded words in many charsets": (words_of_many_charsets, 20000),
    "encoded words, halves of characters": (one_field(b"Subject", b"", b"=?utf-8?Q?=C3?= =?utf-8?Q?=A4?= "),
                                            50000),
    "encoded words that never end": (one_field(b"Subject", b"", b"=?utf-8?Q?x "), 100000),
    "beginnings of encoded words": (one_field(b"Subject", b"", b"=?"), 500000),
    "beginnings of encoded words in addresses": (one_field(b"To", b"", b"=?a?Q?,"), 150000),
    "beginnings of encoded words in a list of groups": (one_field(b"To", b"", b"=?a?Q?:"), 150000),
    "blanks in a subject": (one_field(b"Subject", b"x", b" ", b"y"), 60000),
    "blanks in a name": (one_field(b"To", b"", b'"x' + b" " * 7000 + b'y" <a@b.test>,\r\n '), 60),
    "blanks in a parameter": (one_field(b"Content-Type", b'text/plain; name="x', b" ", b'y"'), 60000),
    "question marks": (one_field(b"Subject", b"=?", b"?="), 500000),
    "open comments": (one_field(b"From", b"", b"("), 1000000),
    "open comments in a type": (one_field(b"Content-Type", b"text/plain ", b"("), 1000000),
    "open comments in a date": (one_field(b"Date", b"", b"("), 1000000),
    "comments": (one_field(b"To", b"", b"(x) ", b"a@b.test"), 250000),
    "comments, each a little deeper": (one_field(b"To", b"", b"(x) (", b"a@b.test"), 250000),
    "quotes": (one_field(b"To", b"", b'"'), 1000000),
    "backslashes": (one_field(b"To", b'"', b"\\"), 1000000),
    "angle brackets": (one_field(b"To", b"", b"<"), 1000000),
    "square brackets": (one_field(b"To", b"a@", b"["), 1000000),
    "commas": (one_field(b"To", b"", b","), 1000000),
    "at signs": (one_field(b"To", b"", b"@"), 1000000),
    "groups": (one_field(b"To", b"", b"g:"), 500000),
    "dots": (one_field(b"To", b"a", b"."), 1000000),
    "atoms": (one_field(b"To", b"", b"a "), 500000),
    "addresses": (one_field(b"To", b"", b"Ann <a@b.test>,\r\n ", b"z@b.test"), 100000),
    "digits in a date": (one_field(b"Date", b"", b"1"), 1000000),
    "parameters": (one_field(b"Content-Type", b"text/plain", b"; a=b"), 200000),
    "charset parameters": (one_field(b"Content-Type", b"text/plain", b"; charset=utf-8"), 100000),
    "semicolons": (one_field(b"Content-Type", b"text/plain", b";"), 1000000),
    "continuations": (continuations(1, "name*%d=x"), 100000),
    "continuations, last one first": (continuations(-1, "name*%d*=%%41"), 100000),
    "continuations, all number 0": (continuations(1, "name*0=x%d"), 100000),
    "a long name of a part": (one_field(b"Content-Disposition", b"attachment; filename*=utf-8''", b"%C3%A4"),
                              150000),
    "soft line breaks": (body("quoted-printable", b"=\r\n"), 200000),
    "blanks in quoted-printable": (body("quoted-printable", b" "), 1000000),
    "blanks that stay in quoted-printable": (body("quoted-printable", b" ", end=b"x"), 1000000),
    "lines of blanks in quoted-printable": (body("quoted-printable", b" " * 99 + b"\r\n"), 10000),
    "equals signs in quoted-printable": (body("quoted-printable", b"="), 500000),
    "equals signs in base64": (body("base64", b"="), 500000),
    "junk in base64": (body("base64", b"!\x80\r\n"), 200000),
    "wrong UTF-8": (body("8bit", b"\xff"), 1000000),
    "wrong Shift_JIS": (body("8bit", b"\x81", "shift_jis"), 1000000),
    "escapes of ISO-2022-JP": (body("7bit", b"\x1b$B\x1b(B", "iso-2022-jp"), 200000),
}
MANY_FILES = ("parts", "parts never closed",
              "a digest")        # as many as are allowed; they are not what is measured


def deliver(start, message, *options):
    """Deliver to a fresh server, and end it. Returns the CPU seconds it took, start and end included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    receive = Receiver(start, *options)
    if message is not None:
        report = receive(message)
        report.check_safe()
        assert trace_and_content(receive.server.only_message())[2] == stored(message)
    receive.server.expect_end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(after[:2]) - sum(before[:2])


IDLE = []


def idle_time(start):
    """What a server costs that is started and ended."""
    if not IDLE:
        IDLE.append(deliver(start, None))
    return IDLE[0]


def stored(message):
    """The bytes that arrive: with the line end that the last line must have."""
    return (message if message.endswith(b"\r\n") else message + b"\r\n").replace(b"\r\n", b"\n")


@pytest.mark.robust
@pytest.mark.parametrize("name", ATTACKS)
def test_time_grows_with_the_message_and_no_faster(start, name, request):
    """Four times the message takes about four times the time, whatever is in it"""
    build, size = ATTACKS[name]
    options = () if name in MANY_FILES else ("-x", "parts")
    if TIMEOUT_SCALE > 1 and not request.config.getoption("--prog"):      # a sanitizer's time says nothing
        deliver(start, build(size // 4), *options)
        return
    idle = idle_time(start)
    while size > ATTACKS[name][1] // 8 and deliver(start, build(size // 4), *options) - idle > SLOW:
        size //= 2
    message, larger = build(size // 4), build(size)
    times = [float("inf")] * 2
    for _ in range(ATTEMPTS):
        times = [min(t, deliver(start, m, *options) - idle) for t, m in zip(times, (message, larger))]
        if times[1] <= GROWTH * times[0] + NOISE or times[1] > PLAIN:
            break
    assert times[1] <= GROWTH * max(times[0], 0) + NOISE, \
        "four times the size took %.3f s of CPU, the message itself %.3f s" % (times[1], times[0])


def names_in_many_charsets(n):
    """n octets of names; for each word of them there is another charset to be got ready."""
    charsets = ["koi8-r", "big5", "euc-kr", "iso-8859-7", "ibm037", "ibm500", "macintosh", "iso-8859-5"]
    name = " ".join("=?%s?Q??=" % charsets[i % 8] for i in range(250))
    field = "From: " + ",\r\n ".join([name + " <a>"] * 14) + "\r\n"
    return (field * (n // len(field)) + "\r\nbody\r\n").encode()


@pytest.mark.robust
def test_charsets_that_cost_time(start):
    """However many charsets the addresses of a header name, to read them takes no more than moments"""
    cost = deliver(start, names_in_many_charsets(2000000))
    assert TIMEOUT_SCALE > 1 or cost < 3, "%.1f s of CPU" % cost


@pytest.mark.robust
def test_a_loop_is_refused_however_long(start):
    """A header of 100,000 Received fields is refused in good time (RFC 5321 6.3)"""
    server = start()
    client = server.connect()
    client.ehlo()
    client.envelope()
    client.send_message(b"Received: from a by b; 1 Jan 2020 00:00:00 +0000\r\n" * 100000 + b"\r\nbody\r\n")
    client.expect(554, 250)
    client.deliver(header("Subject: after it"))
    client.quit()
    assert server.wait_for_report()


@pytest.mark.robust
@pytest.mark.parametrize("name", ["nested multiparts, closed", "nested messages",
                                  "nested messages in base64", "a digest", "boundary candidates",
                                  "continuations, last one first", "wrong UTF-8", "soft line breaks",
                                  "a long name of a part", "NUL"])
def test_extraction_stays_in_its_directory(start, tmp_path, name):
    """Whatever the message, nothing is written outside of -x DIR, and nothing but plain files in it"""
    (tmp_path / "in").mkdir()
    build, size = ATTACKS[name]
    deliver(lambda *options: start(*options, directory=tmp_path / "in"), build(size // 20), "-x", "parts")
    found = {path.relative_to(tmp_path / "in").parts[0] for path in (tmp_path / "in").rglob("*")}
    assert found <= {"mail", "parts", "stderr.txt", "certificate.pem", "key.pem"}
    for directory in (tmp_path / "in" / "parts").iterdir():
        assert all(path.is_file() and not path.is_symlink() for path in directory.iterdir())
    assert len(list(tmp_path.iterdir())) <= 3


@pytest.mark.robust
def test_many_parts_are_bounded_on_disk(start, tmp_path):
    """A message of 100,000 parts does not make that many files"""
    receive = Receiver(start, "-x", tmp_path / "parts")
    report = receive(many_parts(100000))
    assert len(os.listdir(tmp_path / "parts" / report.id)) <= 20000


@pytest.mark.station("5.1")
def test_the_bottom_is_reached_within_reason(start):
    """A mail forwarded five times over is read to its bottom"""
    message = header("Content-Type: multipart/mixed; boundary=b0",
                     body=part_of((), b"the bottom", "b0") + b"--b0--\r\n")
    for level in range(1, 6):
        enclosed = (b"--b%d\r\nContent-Type: message/rfc822\r\n\r\n" % level + message
                    + b"\r\n--b%d--\r\n" % level)
        message = header("Content-Type: multipart/mixed; boundary=b%d" % level, body=enclosed)
    assert Receiver(start)(message).tree == [("1.1.1.1.1.1", "text/plain")]


@pytest.mark.station("5.1")
def test_as_many_parts_as_people_send(start):
    """A mail with 200 attachments is shown whole"""
    report = Receiver(start)(many_parts(200))
    assert report.tree == [(str(number), "text/plain") for number in range(1, 201)]


@pytest.mark.robust
def test_hostile_messages_side_by_side(start):
    """No hostile message harms the one after it on the same connection"""
    receive = Receiver(start)
    messages = [build(max(size // 1000, 2)) for build, size in ATTACKS.values()]
    reports = receive.all(messages)
    assert len(reports) == len(ATTACKS)
    assert sorted(trace_and_content(data)[2]
                  for data in receive.server.messages()) == sorted(map(stored, messages))
