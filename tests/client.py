"""An SMTP client for tests: it can say anything, and it remembers the conversation.

A failed expectation raises ConversationError, whose text is the conversation so
far, what was expected and what came. Start reading at Client.expect().
"""
import functools
import os
import re
import socket
import ssl
import struct
import time

TIMEOUT_SCALE = float(os.environ.get("SMTPD_TEST_TIMEOUT_SCALE", "1"))
TIMEOUT = 10 * TIMEOUT_SCALE    # seconds: how long anything may take before it counts as a failure
LINE_MAX, REST_MAX = 2 ** 20, 2 ** 26           # more than that is not a line, or never ends
SHOWN_BYTES = 160               # of one entry of the conversation
SHOWN_ENTRIES = 40


class ConversationError(AssertionError):
    """The peer did not say what it should have said."""


def escape(data):
    """Bytes as a person can read them: nothing unprintable is left."""
    text = "".join(chr(b) if 32 <= b < 127 and b != 92 else
                   {9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\"}.get(b, "\\x%02x" % b)
                   for b in data[:SHOWN_BYTES])
    return text + (" ... (%d bytes in all)" % len(data) if len(data) > SHOWN_BYTES else "")


def crlf(text):
    """Text written with \\n in a test, as the bytes that go over the wire."""
    return text.replace("\n", "\r\n").encode()


def dot_stuff(message):
    """RFC 5321 4.5.2: a line that begins with a dot gets another one."""
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]


@functools.lru_cache(maxsize=None)
def trusting():
    """A context that does not ask who the server is. To make one takes longer than a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Keywords(dict):
    """A test that looks for a keyword which is not there fails."""

    def __missing__(self, keyword):
        raise AssertionError("expected: EHLO announces %s\ncame:     %s"
                             % (keyword, " ".join(self) or "nothing"))


class Reply:
    """One reply: its code, its enhanced status code ("" where there is none) and the text of each line."""

    def __init__(self, lines):
        self.code = int(lines[0][:3])
        self.lines = [line[4:].decode("utf-8", "replace") for line in lines]
        found = re.match(r"([245]\.\d{1,3}\.\d{1,3})( |$)", self.lines[-1])
        self.enhanced = found.group(1) if found else ""
        self.raw = b"".join(line + b"\r\n" for line in lines)

    @property
    def keywords(self):
        """The extensions in a reply to EHLO (RFC 5321 4.1.1.1), as {keyword: parameters}."""
        words = (line.split(" ", 1) for line in self.lines[1:])
        return Keywords((word[0].upper(), word[1] if len(word) > 1 else "") for word in words)

    def __repr__(self):
        return "<Reply %s>" % escape(self.raw)


class Client:
    conversations = []      # of the test that runs now; conftest.py empties it, and shows it where one fails
    heard = False           # has the program under test ever said anything?

    def __init__(self, sock):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(TIMEOUT)
        self.buffer = b""
        self.was_reset = False
        self.announces_codes = False    # ENHANCEDSTATUSCODES, in the last reply to EHLO
        self.log = []       # ("C" or "S", bytes)
        Client.conversations.append(self)

    # ---- what went over the wire

    def conversation(self):
        entries = ["%4d  %s: %s" % (number, who, escape(data))
                   for number, (who, data) in enumerate(self.log, 1)]
        if len(entries) > SHOWN_ENTRIES:
            entries = entries[:2] + ["      ..."] + entries[-SHOWN_ENTRIES:]
        return "\n".join(entries) or "      (nothing was said)"

    def fail(self, expected, came):
        __tracebackhide__ = True
        raise ConversationError("the conversation:\n%s\nexpected: %s\ncame:     %s"
                                % (self.conversation(), expected, came)) from None

    # ---- sending

    def send(self, line):
        """Send a line; the CRLF is added."""
        self.send_raw((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def send_raw(self, data):
        __tracebackhide__ = True
        self.log.append(("C", data))
        try:
            self.sock.sendall(data)
        except OSError as error:
            self.fail("the connection takes what is sent", error)

    def send_in_pieces(self, *pieces):
        """Send each piece only once the program has read the one before, so that each comes in a read of its
        own."""
        __tracebackhide__ = True
        for piece in pieces:
            self.send_raw(piece)
            self.wait_until_read()

    def send_byte_by_byte(self, data):
        __tracebackhide__ = True
        before = len(self.log)
        self.send_in_pieces(*(data[i:i + 1] for i in range(len(data))))
        self.log[before:] = [("C", data)]

    def wait_until_read(self):
        """Wait until the program has read all that was sent. Linux tells; elsewhere a moment must do."""
        deadline = time.monotonic() + TIMEOUT
        try:
            while unread_bytes(socket.socket.getpeername(self.sock), socket.socket.getsockname(self.sock)):
                if time.monotonic() > deadline:
                    return
        except (AttributeError, OSError):
            time.sleep(0.002)

    # ---- receiving

    def read_line(self, expected="a line"):
        """The next line, without its CRLF."""
        __tracebackhide__ = True
        while b"\n" not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                self.fail(expected, "nothing for %g seconds%s" % (TIMEOUT, self.unfinished()))
            except OSError as error:
                self.fail(expected, "%s%s" % (error, self.unfinished()))
            if not data:
                self.fail(expected, "the end of the connection%s" % self.unfinished())
            Client.heard = True
            self.buffer += data
            if len(self.buffer) > LINE_MAX and b"\n" not in self.buffer:
                self.fail(expected, "a line without an end" + self.unfinished())
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.log.append(("S", line + b"\n"))
        if not line.endswith(b"\r"):
            self.fail("a line that ends with CR LF", escape(line + b"\n"))
        return line[:-1]

    def unfinished(self):
        return ", after an unfinished line: " + escape(self.buffer) if self.buffer else ""

    def read_reply(self, expected="a reply"):
        """RFC 5321 4.2.1: 250-text, 250-text, 250 text."""
        __tracebackhide__ = True
        lines = [self.read_line(expected)]
        while re.match(rb"[2-5][0-9][0-9]-", lines[-1]):
            lines.append(self.read_line(expected))
        for line in lines:
            if not re.match(rb"[2-5][0-9][0-9][ -]", line) or line[:3] != lines[0][:3]:
                self.fail(expected, escape(line))
        return Reply(lines)

    def expect(self, *codes, enhanced=None):
        """The next reply has one of these codes. An enhanced status code is one of these, too (RFC 2034);
        a program that does not announce them may do without."""
        __tracebackhide__ = True
        wanted = (enhanced,) if isinstance(enhanced, str) else enhanced
        expected = " or ".join(map(str, codes)) + (" with " + " or ".join(wanted) if wanted else "")
        reply = self.read_reply(expected)
        if "ENHANCEDSTATUSCODES" in reply.keywords:
            self.announces_codes = True
        if reply.code not in codes or not self.is_right(reply.enhanced, wanted):
            self.fail(expected, escape(reply.raw))
        return reply

    def is_right(self, enhanced, wanted):
        """Is an enhanced status code one of these, or not asked for?"""
        return not wanted or enhanced in wanted or (not enhanced and not self.announces_codes)

    def expect_closed(self, orderly=False):
        """The peer closes the connection and says nothing more. Orderly: no reset comes after its last words
        either."""
        __tracebackhide__ = True
        rest = self.read_to_the_end()
        if rest:
            self.fail("the end of the connection", escape(rest))
        if orderly:
            time.sleep(0.1)     # a reset would come about now
            if self.was_reset or self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.fail("an orderly end of the connection", "a reset")

    def read_to_the_end(self, expected="the end of the connection"):
        """All that still comes, until the peer closes the connection."""
        __tracebackhide__ = True
        rest, self.buffer = self.buffer, b""
        while True:
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                self.fail(expected, "nothing for %g seconds" % TIMEOUT)
            except OSError:
                data, self.was_reset = b"", True    # this closes a connection too
            if not data:
                break
            Client.heard = True
            rest += data
            if len(rest) > REST_MAX:
                self.fail(expected, "more and more: " + escape(rest))
        if rest:
            self.log.append(("S", rest))
        return rest

    def expect_in_sync(self):
        """Every reply so far has been read and none is missing: HELP gets a good answer, and the same one
        again."""
        __tracebackhide__ = True
        answers = []
        for _ in range(2):
            self.send("HELP")
            answers.append(self.expect(211, 214, 250))
        if answers[0].raw != answers[1].raw:
            self.fail("one reply to each command", "a reply too many, or one that is late")

    # ---- conversations that every test needs

    def ask(self, line):
        """Send a line, return the line that answers it. Works on an echo and on an SMTP server."""
        __tracebackhide__ = True
        self.send(line)
        return self.read_line("an answer to " + line)

    def ehlo(self, name="client.example"):
        __tracebackhide__ = True
        self.send("EHLO " + name)
        return self.expect(250)

    def helo(self, name="client.example"):
        __tracebackhide__ = True
        self.send("HELO " + name)
        return self.expect(250)

    def mail(self, sender="alice@example.org", parameters=""):
        __tracebackhide__ = True
        self.send(("MAIL FROM:<%s> %s" % (sender, parameters)).rstrip())
        return self.expect(250)

    def rcpt(self, recipient="you@localhost"):
        __tracebackhide__ = True
        self.send("RCPT TO:<%s>" % recipient)
        return self.expect(250)

    def envelope(self, sender="alice@example.org", recipients=("you@localhost",), parameters=""):
        """MAIL, RCPT and DATA, up to the 354."""
        __tracebackhide__ = True
        self.mail(sender, parameters)
        for recipient in (recipients,) if isinstance(recipients, str) else recipients:
            self.rcpt(recipient)
        self.send("DATA")
        self.expect(354)

    def deliver(self, message, sender="alice@example.org", recipients=("you@localhost",), parameters=""):
        """A whole transaction, after EHLO or HELO. The message has CRLF ends; the dots are doubled here."""
        __tracebackhide__ = True
        self.envelope(sender, recipients, parameters)
        self.send_message(message)
        return self.expect(250)

    def send_message(self, message):
        """What comes after the 354: the message with its dots doubled, and the line with the single dot."""
        __tracebackhide__ = True
        self.send_raw(dot_stuff(message))
        self.send_raw(b".\r\n" if not message or message.endswith(b"\r\n") else b"\r\n.\r\n")

    def quit(self):
        __tracebackhide__ = True
        self.send("QUIT")
        self.expect(221)
        self.expect_closed()
        self.close()

    def starttls(self, context=None, name="localhost", line="STARTTLS"):
        """RFC 3207: after the 220 the same connection goes on encrypted."""
        __tracebackhide__ = True
        self.send(line)
        self.expect(220)
        self.handshake(context, name)

    def handshake(self, context=None, name="localhost"):
        """TLS from here on. Without a context of one's own, the server may be anybody."""
        __tracebackhide__ = True
        if self.buffer:
            self.fail("nothing in plaintext after the 220", escape(self.buffer))
        context = context or trusting()
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF",
                                    0)     # an end without close_notify is to be seen:
        try:                                                                # it counts as a reset
            self.sock = context.wrap_socket(self.sock, server_hostname=name, suppress_ragged_eofs=False)
        except OSError as error:
            self.fail("a TLS handshake", error)
        self.log.append(("=", ("%s, %s" % (self.sock.version(), self.sock.cipher()[0])).encode()))

    def close(self):
        self.sock.close()

    def segments(self):
        """How many TCP segments with data have come (Linux: tcpi_data_segs_in)."""
        return struct.unpack_from("I", self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192),
                                  152)[0]


def unread_bytes(server, client):
    """What the kernel still holds for the server's end of a connection: sock_diag(7), the way of ss(8)."""
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    addresses = [socket.inet_pton(family, end[0]).ljust(16, b"\0") for end in (server, client)]
    header = struct.pack("=IHHII", 72, 20, 1, 0, 0)     # struct nlmsghdr: SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST
    request = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 0xffffffff)      # struct inet_diag_req_v2
    ports = struct.pack("!HH", server[1], client[1])
    anything = struct.pack("=III", 0, 0xffffffff, 0xffffffff)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as kernel:          # NETLINK_SOCK_DIAG
        kernel.settimeout(TIMEOUT)
        kernel.send(header + request + ports + b"".join(addresses) + anything)
        answer = kernel.recv(4096)
    found = struct.unpack_from("=H", answer, 4)[0] == 20
    return struct.unpack_from("=I", answer,
                              72)[0] if found else 0      # idiag_rqueue of struct inet_diag_msg
