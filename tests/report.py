"""Read back what a program under test says about a message (design of the report: TUTORIAL.md, chapter 4 and
5).

    message 1763792557.M83120P4711Q1.mx to you@localhost, 48211 bytes
      From:    Alice <alice@example.org>
      Subject: Hello
      multipart/mixed
      ├─ 1 text/plain; charset=koi8-r, 312 bytes -> parts/.../1.1.txt
      └─ 2 application/pdf, 35120 bytes -> parts/.../2-report.pdf

Receiver delivers a message and returns its Report. Expected values never come from here.
"""
import re
from email.utils import getaddresses
from pathlib import Path

from client import Client

FIRST = re.compile(r"message (\S+) to (.+), (\d+) bytes$")
FIELD = re.compile(r"  (From|To|Cc|Subject|Date|Message-ID): *(.*)$", re.I)
NODE = re.compile(r"  [│├└─ ]*(?:(?P<number>\d+(?:\.\d+)*) )?(?P<type>[^ ;,]*/[^;,]*?)"
                  r"(?:; charset=(?P<charset>.*?))?"
                  r"(?:, (?P<size>\d+) bytes?)?(?P<rest> -> .*| \".*\")?$")
AS_IT_CAME = " (as it came)"
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SAMPLES = Path(__file__).resolve().parent / "samples"


def sample(name):
    return (SAMPLES / (name + ".eml")).read_bytes()


def header(*fields, body=b"body\r\n"):
    """A message of these fields, text or bytes, whose lines are ended with CRLF here."""
    lines = [field.encode() if isinstance(field, str) else field for field in fields]
    return b"".join(line.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
                    for line in lines) + b"\r\n" + body


def part_of(fields, body, boundary="b"):
    """A part with these header lines, as it stands inside a multipart."""
    return b"--" + boundary.encode() + b"\r\n" + header(*fields, body=body) + b"\r\n"


def mixed(*parts, boundary="b"):
    """A multipart/mixed message of (fields, body) pairs."""
    content = b"".join(part_of(fields, body, boundary)
                       for fields, body in parts) + b"--%s--\r\n" % boundary.encode()
    return header("From: alice@example.org", "MIME-Version: 1.0",
                  'Content-Type: multipart/mixed; boundary="%s"' % boundary, body=content)


def words(text):
    """Text with its white space made equal: how a fold was shown is a matter of taste."""
    return " ".join(text.split())


def people(text):
    """A shown list of addresses as [(name, address)], however the names are quoted."""
    try:
        return getaddresses([text], strict=False)
    except TypeError:       # before Python 3.12
        return getaddresses([text])


def unsafe(text):
    """The characters that must not reach a terminal: controls, and those that turn text around."""
    return UNSAFE.findall(text)


class Node:
    """A line of the tree."""

    def __init__(self, found, server):
        self.number = found["number"] or ""
        self.type = found["type"]
        self.charset = found["charset"]
        self.size = int(found["size"]) if found["size"] else None
        rest = found["rest"] or ""
        self.as_it_came = rest.endswith(AS_IT_CAME)
        rest = rest[:-len(AS_IT_CAME)] if self.as_it_came else rest
        self.path = server.directory / rest[4:] if rest.startswith(" -> ") else None
        self.name = rest[2:-1] if rest.startswith(' "') else None

    @property
    def is_leaf(self):
        return self.path is not None or not self.type.startswith(("multipart/", "message/rfc822"))

    def __repr__(self):
        return "%s %s %s" % (self.number, self.type, self.path.name if self.path else self.size)


class Report:
    def __init__(self, lines, server):
        self.lines = lines
        found = FIRST.match(lines[0])
        assert found, "expected: message NAME to ADDRESS, N bytes\ncame:     %s" % lines[0]
        self.id, self.to, self.size = found[1], found[2], int(found[3])
        self.fields, self.nodes = {}, []
        for line in lines[1:]:
            field, node = FIELD.match(line), NODE.match(line)
            if field and not self.nodes:
                self.fields.setdefault(field[1].lower(), []).append(field[2])
            elif node:
                self.nodes.append(Node(node, server))

    def __getitem__(self, name):
        """What is shown of a field, or None."""
        values = self.fields.get(name.lower())
        return values[0] if values else None

    @property
    def leaves(self):
        return [node for node in self.nodes if node.is_leaf]

    @property
    def tree(self):
        """[(number, type)] of the leaves."""
        return [(node.number, node.type) for node in self.leaves]

    def file(self, number):
        """The content of the file that a part was extracted to."""
        paths = [node.path for node in self.nodes if node.number == number and node.path]
        assert len(paths) == 1, "expected: part %s with a file\ncame:\n%s" % (number, self)
        return paths[0].read_bytes()

    def file_name(self, number):
        """The name of that file."""
        return [node.path.name for node in self.nodes if node.number == number and node.path][0]

    def check_safe(self):
        for line in self.lines:
            assert not unsafe(line), "expected: nothing that a terminal obeys\ncame:     %r" % line

    def __str__(self):
        return "\n".join(self.lines)


class Receiver:
    """receive(message) delivers it, each on a connection of its own, and returns the report. The server
    is started with the first one, so that a program which does not know an option fails in the test."""

    def __init__(self, start, *options, **popen):
        self.start = lambda: start(*options, **popen)
        self.count = 0

    @property
    def server(self):
        if self.start:
            self.started, self.start = self.start(), None
        return self.started

    def __call__(self, message, recipients=("you@localhost",), parameters=""):
        __tracebackhide__ = True
        client = self.server.connect()
        client.ehlo()
        client.deliver(message, recipients=recipients, parameters=parameters)
        self.goodbye(client)
        self.count += 1
        return Report(self.server.wait_for_report(self.count), self.server)

    @staticmethod
    def goodbye(client):
        """The report is written before the program reads the next command. A conversation that went well
        need not be shown where only the report is wrong."""
        client.quit()
        Client.conversations.remove(client)

    def all(self, messages):
        """The reports of many messages, delivered over one connection."""
        __tracebackhide__ = True
        client = self.server.connect()
        client.ehlo()
        for message in messages:
            client.deliver(message)
        self.goodbye(client)
        self.count += len(messages)
        self.server.wait_for_report(self.count)
        return [Report(lines, self.server) for lines in self.server.reports()[-len(messages):]]


class RowsDiffer(AssertionError):
    """Of a table: (how many rows were right, how many there are) is told to whoever gives marks."""

    def __init__(self, right, total, text):
        super().__init__(text)
        self.rows = right, total


def compare(rows):
    """Fail with the rows (what, expected, came) where the two differ, the first ten of them."""
    __tracebackhide__ = True
    wrong = ["%s\n    expected: %r\n    came:     %r" % row for row in rows if row[1] != row[2]]
    if wrong:
        raise RowsDiffer(len(rows) - len(wrong), len(rows),
                         "%d of %d differ:\n%s" % (len(wrong), len(rows), "\n".join(wrong[:10])))
