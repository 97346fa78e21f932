"""Exercise 3-f: the other side. PROG HOST PORT FROM TO <message sends one message."""
import contextlib
import socket
import subprocess
import threading

import pytest

from client import TIMEOUT

MESSAGE = b"Subject: hello\n\nHow are you?\n"
REPLIES = {"": "220-first a word\r\n220 ready", "EHLO": "250-here\r\n250-SIZE 1000\r\n250 8BITMIME",
           "HELO": "250 here", "MAIL": "250 fine", "RCPT": "250 fine", "DATA": "354 go on", ".": "250 kept", "QUIT": "221 bye"}


class Receiver(threading.Thread):
    """A server for one client. `replies` are other than usual; at None it hangs up. Keeps what was said."""

    def __init__(self, replies):
        super().__init__(daemon=True)
        self.replies, self.commands, self.data = {**REPLIES, **replies}, [], b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT)
        self.start()

    def run(self):
        with contextlib.suppress(OSError), self.listener:
            sock, _ = self.listener.accept()
            sock.settimeout(TIMEOUT)
            with sock, sock.makefile("rb") as self.stream:
                self.converse(sock)

    def converse(self, sock):
        word = ""
        while word is not None and self.replies.get(word, "500 what?"):
            sock.sendall(self.replies.get(word, "500 what?").encode() + b"\r\n")
            word = self.hear(word)

    def hear(self, word):
        """The next verb, "." at the end of a message, or None at the end of the conversation."""
        if word == "QUIT":
            return None
        if word == "DATA" and self.replies["DATA"].startswith("354"):
            for line in self.stream:
                if line == b".\r\n":
                    return "."
                self.data += line
            return None
        line = self.stream.readline()
        self.commands += [line.decode().rstrip("\r\n")] if line else []
        return line[:4].decode().upper().strip() if line else None


@pytest.fixture
def send(program):
    def send(message=MESSAGE, **replies):
        receiver = Receiver({"." if word == "dot" else "" if word == "greeting" else word: reply
                             for word, reply in replies.items()})
        port = str(receiver.listener.getsockname()[1])
        try:
            done = subprocess.run([*program, "127.0.0.1", port, "alice@example.org", "you@localhost"],
                                  input=message, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            pytest.fail("expected: it ends\ncame:     it runs on, for %g seconds" % TIMEOUT)
        receiver.join(TIMEOUT)
        receiver.status = done.returncode
        return receiver
    return send


def check(what, came, wanted):
    assert came == wanted, "expected: %s %r\ncame:     %r" % (what, wanted, came)


def test_a_message_is_sent(send):
    """The conversation in its order, a line each, and status 0"""
    came = send()
    check("the verbs", [line.split(" ")[0].upper() for line in came.commands],
          ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"])
    check("the sender", came.commands[1][5:].split(" ")[0].upper(), "FROM:<ALICE@EXAMPLE.ORG>")
    check("the recipient", came.commands[2][5:].split(" ")[0].upper(), "TO:<YOU@LOCALHOST>")
    check("the message", came.data, MESSAGE.replace(b"\n", b"\r\n"))
    check("exit status", came.status, 0)


@pytest.mark.parametrize("message, data", [
    (b".\n", b"..\r\n"), (b"..\n.x\nx.\n", b"...\r\n..x\r\nx.\r\n"), (b"no end", b"no end\r\n"),
    (b"CR LF\r\n.\r\n", b"CR LF\r\n..\r\n"), (b"", b""), (b"x" * 70000 + b"\n", b"x" * 70000 + b"\r\n"),
], ids=["a dot", "dots", "no end of line", "CRLF", "nothing", "a long line"])
def test_the_lines_of_a_message(send, message, data):
    """RFC 5321 4.5.2, 2.3.8: dots are doubled, and each line ends with CR LF"""
    check("on the wire", send(message).data[-200:], data[-200:])


def test_a_server_that_does_not_know_ehlo(send):
    """RFC 5321 3.2: HELO then"""
    came = send(EHLO="502 no")
    check("after EHLO", came.commands[1].split(" ")[0].upper(), "HELO")
    check("exit status", came.status, 0)


@pytest.mark.parametrize("word", ["greeting", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("reply, status", [("550-no,\r\n550 and never", 69), ("451 not now", 75), (None, 75)],
                         ids=["for good", "for now", "hung up"])
def test_a_refusal(send, word, reply, status):
    """The status says whether to try again"""
    check("exit status", send(**{word: reply}).status, status)


def test_it_waits_for_each_reply(send):
    """Without PIPELINING nothing may be sent before (RFC 5321 4.3.1): no message to a server that refuses it"""
    came = send(RCPT="550 nobody here")
    check("of the message", came.data, b"")
    check("after RCPT", [line for line in came.commands[3:] if line.upper() != "QUIT"], [])
