"""Stage 3: DATA, and delivery into a Maildir.

A message is sent with CR LF ends and stored with LF ends, below two fields of the
server's own. That the 250 is a promise is for test_03_promise.py.
"""
import email
import email.policy
import email.utils
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import socket
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from client import crlf, dot_stuff
from server import (Server, StartError, children_of, environment, eventually, has_ipv6, make_mailbox,
                    trace_and_content)


# ======== 3.1 Take it

SIMPLE = crlf("From: alice@example.org\nSubject: test\n\nHello.\n")


def content(stored):
    """What the sender sent, of a stored message. (That the two fields are there is asked in station 3.2.)"""
    return trace_and_content(stored)[2] if stored.startswith(b"Return-Path:") else stored


def as_stored(message):
    return message.replace(b"\r\n", b"\n")


# ---- delivery

@pytest.mark.key
def test_a_message_arrives(server, client):
    """DATA gets 354, the line with the dot 250, and then the message is a file in new/ (RFC 5321 3.3,
    4.1.1.4)"""
    client.ehlo()
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(250)
    client.send("RCPT TO:<you@localhost>")
    client.expect(250)
    client.send("DATA")
    client.expect(354)
    client.send_raw(b"Subject: test\r\n\r\nHello.\r\n.\r\n")
    client.expect(250, enhanced=("2.0.0", "2.6.0"))
    assert content(server.only_message()) == b"Subject: test\n\nHello.\n"


@pytest.mark.key
def test_several_messages_in_one_session(server, client):
    """After a message the next transaction begins, without another hello (RFC 5321 3.3)"""
    client.ehlo()
    for number in range(5):
        client.deliver(b"Subject: %d\r\n\r\n" % number)
    assert sorted(map(content, server.messages())) == [b"Subject: %d\n\n" % number for number in range(5)]


@pytest.mark.parametrize("line", ["RCPT TO:<you@localhost>", "DATA"])
def test_a_message_ends_its_transaction(server, client, line):
    """After a message RCPT and DATA are out of order: 503 (RFC 5321 4.1.1.4)"""
    client.ehlo()
    client.deliver(SIMPLE)
    client.send(line)
    client.expect(503)


@pytest.mark.parametrize("ending", ["RSET", "EHLO again.example", "HELO again.example",
                                    pytest.param("DATA", marks=pytest.mark.station("3.3"))])
def test_the_next_message_is_not_for_the_last_recipients(start, ending):
    """RSET, a new hello and a message, even one that was refused, forget the recipients (RFC 5321 4.1.1.5,
    4.1.4)"""
    server = start(mailboxes=("ann", "bob"))
    client = server.connect()
    client.ehlo()
    client.mail()
    client.rcpt("ann@localhost")
    client.send(ending)
    if client.expect(250, 354).code == 354:
        client.send_message(b"bare\r\r\n")
        client.expect(554)
    client.deliver(SIMPLE, recipients="bob@localhost")
    assert len(server.messages("bob")) == 1 and server.messages("ann") == []


@pytest.mark.parametrize("lines, codes", [
    (["DATA"], [503]), (["MAIL FROM:<a@example.org>", "DATA"], [503, 554]),
    (["MAIL FROM:<a@example.org>", "RCPT TO:<nobody@elsewhere.example>", "DATA"], [503, 554]),
    (["MAIL FROM:<a@example.org>", "RCPT TO:<you@localhost>", "DATA now"], [501]),
    (["MAIL FROM:<a@example.org>", "RCPT TO:<you@localhost>", "RSET", "DATA"], [503])], ids=str)
def test_data_out_of_order(server, client, lines, codes):
    """DATA without a recipient gets 503, or 554 where all were refused; with arguments 501 (RFC 5321 3.3,
    4.1.4)"""
    client.ehlo()
    for line in lines[:-1]:
        client.send(line)
        client.read_reply()
    client.send(lines[-1])
    client.expect(*codes)
    client.expect_in_sync()
    assert server.messages() == []


MESSAGES = {
    "empty": b"",
    "one empty line": b"\r\n",
    "no header": b"\r\nbody\r\n",
    "no body": b"Subject: x\r\n",
    "a dot": b".\r\n",
    "dots": b".\r\n..\r\n...\r\n....\r\n",
    "dots before words": b".a\r\n..b\r\n...c\r\n.\r\n.d",
    "dots within": b"a.\r\na.b\r\n .\r\n. \r\n.\t.\r\n",
    "empty lines at the end": b"a\r\n\r\n\r\n\r\n",
    "blanks at the ends": b"a \r\n b\t\r\n \r\n",
    "From at the start": b"\r\nFrom alice\r\n>From bob\r\n",
    "8 bits": bytes(range(128, 256)) + b"\r\n",
    "every octet": bytes(octet for octet in range(256) if octet not in b"\r\n") + b"\r\n",
    "NULs": b"\0\0\0\r\n\0.\r\n.\0\r\n",
    "UTF-8": "Тема: привет\r\n\r\nздравствуй\r\n".encode(),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_content_is_stored_to_the_byte(server, client, name):
    """What was sent is stored to the octet, with LF for CR LF and the doubled dots undone (RFC 5321 4.5.2,
    2.3.8)"""
    message = b"Subject: x\r\n\r\n" + MESSAGES[name] if name != "empty" else b""
    if not message.endswith(b"\r\n") and message:
        message += b"\r\n"
    client.ehlo()
    client.deliver(message)
    assert content(server.only_message()) == as_stored(message)
    if len(message) < 40:
        client.envelope()
        client.send_byte_by_byte(dot_stuff(message) + b".\r\n")
        client.expect(250)
        assert [content(stored) for stored in server.messages()] == [as_stored(message)] * 2


@pytest.mark.key
@pytest.mark.parametrize("message", [
    b"Subject: x\r\n\r\n.\r\n..a\r\nb.\r\n\r\n.c\r\n", b".\r\n", b"\r\n\r\n", b""],
                         ids=["dots", "a dot", "empty lines", "empty"])
def test_a_message_cut_anywhere(server, client, message):
    """The end is found wherever the octets of a message are cut in two (RFC 5321 4.1.1.4)"""
    wire = dot_stuff(message) + b".\r\nHELP\r\n"
    client.ehlo()
    for cut in range(1, len(wire) - 4):
        client.envelope()
        client.send_in_pieces(wire[:cut], wire[cut:])
        client.expect(250)
        client.expect(214, 211, 250)
    stored = list(map(content, server.messages()))
    assert stored == [as_stored(message)] * (len(wire) - 5)


def test_the_end_cut_twice(server, client):
    """The end is found in three pieces, too, and the command after it is answered (RFC 5321 4.1.1.4)"""
    wire = b"x\r\n..\r\n.\r\nHELP\r\n"
    cuts = [(first, second) for first in range(1, 10) for second in range(first + 1, 11)]
    client.ehlo()
    for first, second in cuts:
        client.envelope()
        client.send_in_pieces(wire[:first], wire[first:second], wire[second:])
        client.expect(250)
        client.expect(214, 211, 250)
    assert list(map(content, server.messages())) == [b"x\n.\n"] * len(cuts)


@pytest.mark.parametrize("line", [b"..abc\r\n", b"..\r\n", b"...\r\n", b"a\r\n"])
def test_every_alignment_of_a_dot(server, client, line):
    """Dots are undone wherever they fall in a buffer: long messages of short lines"""
    count = 200000 // len(line)
    client.ehlo()
    client.envelope()
    client.send_raw(b"\r\n" + line * count + b".\r\n")
    client.expect(250)
    unstuffed = line[1:] if line.startswith(b".") else line
    assert content(server.only_message()) == b"\n" + as_stored(unstuffed) * count


@pytest.mark.parametrize("size", [997, 998, 999, 4095, 4096, 4097, 65535, 65536, 65537, 1000000])
def test_a_long_line(server, client, size):
    """A line of 1000 octets and much more is stored as it came, not cut, wrapped or lost (RFC 5321
    4.5.3.1.6)"""
    message = b"Subject: x\r\n\r\n" + b"y" * size + b"\r\n.z" + b"z" * size + b"\r\n"
    client.ehlo()
    client.deliver(message)
    assert content(server.only_message()) == as_stored(message)


def test_a_large_message(server, client):
    """A message of 400,000 different lines is stored with nothing lost, doubled or out of place"""
    message = b"Subject: x\r\n\r\n" + b"".join(b"%d.\r\n.%d\r\n" % (number, number)
                                               for number in range(200000))
    client.ehlo()
    client.deliver(message)
    stored = content(server.only_message())
    assert hashlib.sha256(stored).digest() == hashlib.sha256(as_stored(message)).digest()


def test_the_next_commands_may_come_with_the_message(server, client):
    """Commands may come in one go with the end of a message, and are answered (RFC 2920 3.1)"""
    client.ehlo()
    client.send_raw(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n")
    for code in (250, 250, 354):
        client.expect(code)
    client.send_raw(b"Subject: 1\r\n\r\n.\r\n"
                    b"MAIL FROM:<b@example.org>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n")
    for code in (250, 250, 250, 354):
        client.expect(code)
    client.send_raw(b"Subject: 2\r\n\r\n.\r\nQUIT\r\n")
    client.expect(250)
    client.expect(221)
    client.expect_closed()
    assert sorted(map(content, server.messages())) == [b"Subject: 1\n\n", b"Subject: 2\n\n"]


# ---- many at once

def test_many_senders_at_once(start):
    """Of many senders at once each gets its message through, and none gets into that of another"""
    chance = random.Random(1)
    server = start(mailboxes=("ann", "bob"))
    bodies = [b"Subject: %d\r\n\r\n" % number + b"%d\r\n" % number * chance.randrange(20000)
              for number in range(40)]
    clients = [server.connect() for _ in bodies]
    for client in clients:
        client.ehlo()
    for number, client in enumerate(clients):
        client.envelope(recipients="ann@localhost" if number % 2 else "bob@localhost")
    for client, body in zip(clients, bodies):
        client.send_raw(body[:len(body) // 2])
    for client, body in zip(clients, bodies):
        client.send_raw(body[len(body) // 2:] + b".\r\n")
    for client in clients:
        client.expect(250)
    for first, mailbox in enumerate(("bob", "ann")):
        assert sorted(map(content, server.messages(mailbox))) == sorted(map(as_stored, bodies[first::2]))


# ======== 3.2 Keep it

def test_one_refused_recipient_among_good_ones(server, client):
    """A refused recipient does not keep the message from the others (RFC 5321 3.3)"""
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<nobody@localhost>")
    client.expect(550, enhanced="5.1.1")
    client.rcpt()
    client.send("RCPT TO:<you@elsewhere.example>")
    client.expect(550)
    client.send("DATA")
    client.expect(354)
    client.send_message(SIMPLE)
    client.expect(250)
    assert content(server.only_message()) == as_stored(SIMPLE)


# ---- the fields that are put before it

def the_trace(server, mailbox="you"):
    """The stored message as an independent parser reads it."""
    message = email.message_from_bytes(server.only_message(mailbox), policy=email.policy.default)
    assert message.keys()[:2] == ["Return-Path", "Received"]
    return message


def age(date):
    """Seconds since a date of RFC 5322 3.3."""
    assert email.utils.parsedate_tz(date), "expected: a date\ncame:     %r" % date
    return time.time() - email.utils.mktime_tz(email.utils.parsedate_tz(date))


@pytest.mark.key
def test_trace_information(server, client):
    """Return-Path and Received stand before the message: from, the client's address, by, with, id, for, and
    the date (RFC 5321 4.4)"""
    client.ehlo("client.example")
    reply = client.deliver(SIMPLE)
    path, received, _ = trace_and_content(server.only_message())
    assert path == b"Return-Path: <alice@example.org>\n"
    flat = re.sub(r"\s+", " ", received.decode("ascii"))
    found = re.fullmatch(r"Received: from (\S+) \(.*\[127\.0\.0\.1\].*\) by (\S+)(?: \(.*\))? "
                         r"with (\S+) id (\S+) for (\S+?)(?: tls \S+)?; (.*) ", flat)
    assert found, flat
    name, by, protocol, identifier, recipient, date = found.groups()
    assert name == "client.example"
    assert by
    assert protocol == ("ESMTPS" if server.tls else "ESMTP")
    assert recipient == "<you@localhost>"
    assert identifier in reply.lines[-1], "the id in the 250 is the one in the message"
    assert abs(age(date)) < 3600
    assert all(len(line) <= 998 for line in received.splitlines())


@pytest.mark.robust
def test_the_date_wherever_the_server_is(start):
    """The date in Received is right in every time zone (RFC 5321 4.4)"""
    server = start(env={**environment(), "TZ": "XYZ-5:30"})
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    assert abs(age(the_trace(server)["Received"].split(";")[-1])) < 600


def test_trace_information_without_esmtp(server, client):
    """After HELO the Received field says `with SMTP` (RFC 3848)"""
    client.helo("old.example")
    client.deliver(SIMPLE)
    received = str(the_trace(server)["Received"])
    assert re.search(r"from old\.example\b", received)
    assert re.search(r"with\s+SMTP\s", received)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_trace_information_with_ipv6(start):
    """A client's IPv6 address stands in Received as [IPv6:...] (RFC 5321 4.1.3, 4.4.1)"""
    server = start("-l", "::1")
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    assert "[IPv6:::1]" in str(the_trace(server)["Received"])


@pytest.mark.parametrize("sender", ["", "a@example.org", '"a b"@example.org', '"a\\"b"@[192.0.2.1]',
                                    "a!b%c=d@example.org"])
def test_return_path(server, client, sender):
    """Return-Path has the reverse-path as it came, and <> for a bounce (RFC 5321 4.4)"""
    client.ehlo()
    client.deliver(SIMPLE, sender=sender)
    assert trace_and_content(server.only_message())[0] == b"Return-Path: <%s>\n" % sender.encode()


@pytest.mark.parametrize("local_part", [
    "a..b", "a.", ".a", "name+caf_=list_1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0c=example.org",
    "reply+" + "0123456789abcdef" * 6, "a" * 400], ids=lambda text: text[:20])
def test_a_return_path_beyond_the_grammar(server, client, local_part):
    """A sender beyond the grammar stands in Return-Path as it came (RFC 5321 4.4)"""
    client.ehlo()
    client.deliver(SIMPLE, sender=local_part + "@example.org")
    path, _, stored = trace_and_content(server.only_message())
    assert path == b"Return-Path: <%s@example.org>\n" % local_part.encode()
    assert stored == as_stored(SIMPLE)


@pytest.mark.robust
def test_a_return_path_as_long_as_the_line(server, client):
    """Of a sender's address as long as the line nothing is cut in Return-Path, nor of the field after it
    (RFC 5321 4.4)"""
    client.ehlo("h" * 200 + ".example")
    for size in range(450, 4200, 50):
        client.send("MAIL FROM:<%s@example.org>" % ("a" * size))
        if client.expect(250, 500).code == 500:
            break
        client.rcpt()
        client.send("DATA")
        client.expect(354)
        client.send_message(SIMPLE)
        client.expect(250)
    for message in server.messages():
        path, received, stored = trace_and_content(message)
        assert re.fullmatch(rb"Return-Path: <a{450,}@example\.org>\n", path)
        assert stored == as_stored(SIMPLE)
        assert abs(age(received.split(b";")[-1].decode())) < 3600


@pytest.mark.parametrize("local_part", ["a" * 65, "a" * 400, "a..b", "a.", ".a", "..",
                                        '"' + "a" * 100 + '"'], ids=lambda text: text[:20])
def test_a_recipient_beyond_the_grammar_is_unknown(server, client, local_part):
    """A recipient beyond the grammar is unknown as any other: 550 and 5.1.1 (RFC 5321 3.3)"""
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<%s@localhost>" % local_part)
    client.expect(550, enhanced="5.1.1")
    client.rcpt()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


@pytest.mark.robust
@pytest.mark.plaintext
def test_the_address_of_a_client_that_is_gone(start):
    """Received has the address of a client that sent all at once and reset the connection (RFC 5321 4.4)"""
    server = start("-l", "127.0.0.1")
    client = server.connect()
    os.killpg(server.pid,
              signal.SIGSTOP)       # so that all that the client does comes before all that the server does
    client.send_raw(b"EHLO client.example\r\nMAIL FROM:<a@example.org>\r\n"
                    b"RCPT TO:<you@localhost>\r\nDATA\r\n"
                    + SIMPLE + b".\r\nQUIT\r\n")
    reset(client.sock)
    os.killpg(server.pid, signal.SIGCONT)
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    client.quit()
    assert eventually(lambda: not children_of(server.pid))
    for message in server.messages():
        assert b"[127.0.0.1]" in trace_and_content(message)[1]


def test_a_source_route_is_dropped(server, client):
    """A source route is accepted and left out of Return-Path (RFC 5321 4.1.1.3, appendix C)"""
    client.ehlo()
    client.deliver(SIMPLE, sender="@relay.example:alice@example.org",
                   recipients="@relay.example:you@localhost")
    assert trace_and_content(server.only_message())[0] == b"Return-Path: <alice@example.org>\n"


def test_the_stored_message_parses(server, client):
    """The sender's header goes on where the two fields end: another parser reads all of them as one (RFC
    5322)"""
    client.ehlo()
    client.deliver(crlf("From: alice@example.org\nTo: you@localhost\nSubject: folded\n twice\n\nbody\n"))
    message = the_trace(server)
    assert message.defects == []
    assert message.keys() == ["Return-Path", "Received", "From", "To", "Subject"]
    assert message["Subject"] == "folded twice"
    assert message.get_payload() == "body\n"


# ---- mailboxes

def test_postmaster_is_always_there(start):
    """Postmaster is always there, with or without a domain, in any case; the server makes the mailbox (RFC
    5321 4.5.1)"""
    server = start(mailboxes=())
    client = server.connect()
    client.ehlo()
    for name in ("Postmaster", "POSTMASTER@localhost", "postmaster@localhost"):
        client.deliver(SIMPLE, recipients=name)
    assert len(server.messages("postmaster")) == 3
    assert {path.name for path in (server.mail / "postmaster").iterdir()} == {"tmp", "new", "cur"}


@pytest.mark.key
def test_a_user_without_a_mailbox(server, client):
    """A recipient without a mailbox is refused with 550 and 5.1.1, until there is one (RFC 5321 3.3)"""
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<nobody@localhost>")
    client.expect(550, enhanced="5.1.1")
    make_mailbox(server.mail, "nobody")
    client.rcpt("nobody@localhost")


@pytest.mark.robust
def test_a_mailbox_with_a_long_name(start):
    """The name of a mailbox may have 64 octets (RFC 5321 4.5.3.1.1)"""
    server = start(mailboxes=("a" * 64,))
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE, recipients="a" * 64 + "@localhost")
    assert len(server.messages("a" * 64)) == 1


def test_mailbox_names_in_any_case(server, client):
    """A mailbox in small letters is found in any case (RFC 5321 2.4)"""
    client.ehlo()
    client.deliver(SIMPLE, recipients="YOU@localhost")
    assert len(server.messages()) == 1


@pytest.mark.robust
def test_a_mailbox_with_a_capital_letter(start):
    """A mailbox with capital letters is reached by the name that it has (RFC 5321 2.4)"""
    server = start(mailboxes=("Bob",))
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE, recipients="Bob@localhost")
    assert len(server.messages("Bob")) == 1


@pytest.mark.parametrize("local_part", [
    '"../outside"', '"../../outside"', '"you/../../outside"', '"you/../you"', '"./you"', '"you/"', '"/you"',
    '"you/."', "you/", "/you", "you/new", '"you/new"', '""', '"."', '".."', '"..."', '".hidden"', '"/"',
    '"//"', '"\\/you"', '"..\\/outside"', '"~"', '"*"', '"y?u"', '"you\\\\"', '"a file"', '"a file/new"',
    "/tmp", '"' + "/" * 60 + '"', '"' + "../" * 20 + '"', "a" * 64])
def test_a_name_does_not_leave_the_mail_directory(start, tmp_path, local_part):
    """No recipient's name leads out of the mail directory, or to what is no mailbox: 550 (RFC 5321 7)"""
    server = start(mailboxes=("you", ".hidden"))
    make_mailbox(server.directory, "outside")
    make_mailbox(tmp_path, "outside")
    (server.mail / "a file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    client = server.connect()
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<%s@localhost>" % local_part)
    client.expect(550, 501, 553)
    client.send("DATA")
    client.expect(503, 554)
    assert sorted(tmp_path.rglob("*")) == before


# ---- what ends before its end

PARTS = [b"", b"Subject: x\r\n\r\nHello", b"Hello\r", b"Hello\r\n", b"Hello\r\n.", b"Hello\r\n.\r", b".",
         b".\r"]


@pytest.mark.plaintext
@pytest.mark.parametrize("part", PARTS, ids=lambda part: repr(part)[2:-1] or "nothing")
def test_a_message_that_stops_in_the_middle(server, client, part):
    """Without the line with the dot there is no message, not even in tmp/ (RFC 5321 4.1.1.4)"""
    client.ehlo()
    client.envelope()
    client.send_raw(part)
    client.sock.shutdown(socket.SHUT_WR)
    client.expect_closed()
    assert eventually(lambda: not server.tmp())
    assert server.messages() == []


def test_a_client_that_vanishes_in_the_middle(server):
    """A client that resets the connection in the middle of a message leaves nothing behind"""
    client = server.connect()
    client.ehlo()
    client.envelope()
    client.send_raw(b"x" * 300000)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert eventually(lambda: not server.tmp())
    assert server.messages() == []


@pytest.mark.robust
def test_the_trace_does_not_show_all_of_a_message(start):
    """-v shows how a message begins, and not a megabyte of it"""
    server = start("-v")
    client = server.connect()
    client.ehlo()
    client.deliver(b"Subject: seen\r\n\r\n" + b"y" * 70 + b"\r\n" + (b"z" * 70 + b"\r\n") * 15000)
    client.quit()
    text = server.stderr_text()
    assert "Subject: seen" in text and len(text) < 100000


# ---- when it can't start

@pytest.mark.robust
@pytest.mark.parametrize("where", ["missing/mail", "a-file", "a-file/mail"])
def test_a_mail_directory_that_can_not_be(run, tmp_path, where):
    """A mail directory that can't be made or used: exit status 1, and one line that names it"""
    (tmp_path / "a-file").write_text("")
    result = run("-p", "0", "-m", tmp_path / where)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and str(tmp_path / where) in result.stderr


@pytest.mark.robust
def test_a_mail_directory_with_a_long_name(start, tmp_path):
    """A mail directory whose path is very long is used as it is, or the program does not start"""
    for depth in range(400, 1600, 100):
        path = tmp_path / ("mail%d" % depth)
        try:
            server = start("-m", str(tmp_path) + "/." * depth + "/" + path.name, mailboxes=())
        except StartError:
            continue
        client = server.connect()
        client.ehlo()
        client.deliver(SIMPLE, recipients="postmaster")
        assert len(list((path / "postmaster" / "new").iterdir())) == 1


@pytest.mark.plaintext
def test_the_default_mail_directory(program, step, tmp_path):
    """Without -m the mailboxes are in ./mail"""
    server = Server([*program, "-l", "127.0.0.1", "-p", "0"], tmp_path, step)
    try:
        client = server.connect()
        client.ehlo()
        client.deliver(SIMPLE, recipients="postmaster")
        assert len(server.messages("postmaster")) == 1
    finally:
        server.end()


def test_a_mail_directory_named_from_here(start):
    """-m may be a relative path"""
    server = start("-m", "here", mailboxes=())
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE, recipients="postmaster")
    assert len(list((server.directory / "here" / "postmaster" / "new").iterdir())) == 1


@pytest.mark.robust
def test_a_mail_directory_below_one_that_can_not_be_read(start, tmp_path):
    """The directory above -m may be one that can be searched but not read"""
    above = tmp_path / "above"
    (above / "mail").mkdir(parents=True)
    above.chmod(0o311)
    try:
        server = start("-m", above / "mail", mailboxes=())
        client = server.connect()
        client.ehlo()
        client.deliver(SIMPLE, recipients="postmaster")
        assert len(list((above / "mail" / "postmaster" / "new").iterdir())) == 1
    finally:
        above.chmod(0o700)


# ---- several recipients

def test_each_recipient_gets_the_message(start):
    """Each recipient gets the message, and is not told of the others (RFC 5321 4.1.1.3, 7.2)"""
    server = start(mailboxes=("ann", "bob", "carol"))
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE, recipients=("ann@localhost", "Postmaster", "carol@localhost"))
    for mailbox in ("ann", "postmaster", "carol"):
        received, stored = trace_and_content(server.only_message(mailbox))[1:]
        assert stored == as_stored(SIMPLE)
        assert not re.search(rb"\sfor\s", received)
        assert server.tmp(mailbox) == []
    assert server.messages("bob") == []


@pytest.mark.robust
def test_100_recipients_in_one_message(start):
    """A message for 100 recipients reaches them all (RFC 5321 4.5.3.1.8)"""
    names = ["user%d" % number for number in range(100)]
    server = start(mailboxes=names)
    client = server.connect()
    client.ehlo()
    client.mail()
    client.send_raw(b"".join(b"RCPT TO:<%s@localhost>\r\n" % name.encode() for name in names) + b"DATA\r\n")
    for _ in names:
        client.expect(250)
    client.expect(354)
    client.send_message(SIMPLE)
    client.expect(250)
    assert [content(server.only_message(name)) for name in names] == [as_stored(SIMPLE)] * 100


@pytest.mark.parametrize("recipients", [
    ("you@localhost",) * 3, ("you@localhost", "YOU@localhost", '"you"@localhost', '"y\\ou"@LOCALHOST')],
                         ids=["thrice", "in other words"])
def test_the_same_mailbox_gets_one_copy(server, client, recipients):
    """A recipient who is named several times gets one copy (RFC 5321 4.1.1.3, 2.4)"""
    client.ehlo()
    client.deliver(SIMPLE, recipients=recipients)
    assert content(server.only_message()) == as_stored(SIMPLE)


@pytest.mark.robust
def test_two_names_of_one_mailbox(server, client):
    """Two names of one mailbox, by a symbolic link, are delivered to as any other"""
    (server.mail / "alias").symlink_to("you")
    client.ehlo()
    client.deliver(SIMPLE, recipients=("you@localhost", "alias@localhost"))
    assert {content(message) for message in server.messages()} == {as_stored(SIMPLE)}
    assert server.tmp() == []


# ---- the files

@pytest.mark.robust
def test_a_name_that_is_taken(server, client):
    """A file in new/ that has the name of a message on its way is somebody else's mail: it stays as it is,
    and no 250 is said for it (https://cr.yp.to/proto/maildir.html)"""
    client.ehlo()
    client.envelope()
    for path in server.tmp():
        (server.mail / "you" / "new" / path.name).write_text("another mail")
    before = len(server.new())
    client.send_message(SIMPLE)
    stored = client.expect(250, 451, 452).code == 250
    messages = server.messages()
    assert messages.count(b"another mail") == before and len(messages) == before + stored


@pytest.mark.robust
def test_descriptors_are_given_back(start):
    """A hundred messages in one session, those that are refused among them, are taken by a program that may
    have 64 descriptors"""
    few = resource.RLIMIT_NOFILE, (64, 64)
    server = start("-l", "127.0.0.1", preexec_fn=lambda: resource.setrlimit(*few))
    client = server.connect()
    client.ehlo()
    for _ in range(100):
        client.deliver(SIMPLE, recipients=("you@localhost", "postmaster"))
        client.envelope()
        client.send_message(b"bare\r\r\n")
        client.expect(250, 554)
    assert len(server.new()) >= 100


@pytest.mark.robust
def test_a_file_is_for_its_owner_only(start):
    """Files of mail are for their owner only, whatever the umask says"""
    server = start(preexec_fn=lambda: __import__("os").umask(0))
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    mode = server.new()[0].stat().st_mode
    assert stat.S_ISREG(mode) and stat.S_IMODE(mode) == 0o600
    shutil.rmtree(str(server.mail / "you"))
    (server.mail / "you").mkdir()
    client.mail()
    client.send("RCPT TO:<you@localhost>")
    client.expect(250, 451)
    for made in (server.mail / name for name in ("postmaster", "postmaster/tmp", "you/cur")):
        assert not made.exists() or stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_name_says_when_and_no_two_are_the_same(server):
    """The name of a file begins with the time, and no two are the same, of many sessions and of one
    (https://cr.yp.to/proto/maildir.html)"""
    def deliver():
        client = server.connect()
        client.ehlo()
        for _ in range(10):
            client.deliver(SIMPLE)
        client.quit()

    now = time.time()
    for _ in range(3):
        threads = [threading.Thread(target=deliver) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    names = [path.name for path in server.new()]
    assert len(names) == 150
    for name in names:
        assert re.fullmatch(r"\d+\.[^/:.]+\.[^/:]+", name), name
        assert abs(int(name.split(".")[0]) - now) < 3600


@pytest.mark.robust
@pytest.mark.parametrize("name", [
    "[192.0.2.1]", "my_pc", "a;b", "a(b", "a)b", "a\\", '"a', "a (b) by c; Thu, 1 Jan 1970 00:00:00 +0000",
    "пример.example", "<a@b>", "a" * 300, "a" * 400], ids=lambda name: name[:20])
def test_a_strange_hello_does_not_break_the_trace(server, client, name):
    """Whatever the client calls itself, it can't forge a part of Received (RFC 5321 4.4)"""
    client.send("EHLO " + name)
    if client.expect(250, 501).code == 501:
        return
    client.deliver(SIMPLE)
    _, received, stored = trace_and_content(server.only_message())
    assert stored == as_stored(SIMPLE)
    assert not name.isascii() or received.isascii(), received
    flat = re.sub(rb"\s+", b" ", received)
    assert flat.count(b"(") == flat.count(b")"), flat
    assert flat.count(b"[127.0.0.1]") == 1 and flat.count(b" by ") == 1, flat
    assert abs(age(flat.split(b";")[-1].decode())) < 3600


# ======== 3.3 Hold the line

@pytest.mark.robust
@pytest.mark.parametrize("options", [["-s", "big"], ["-s", "-1"], ["-s", "0"], ["-s", ""], ["-m"], ["-d"]],
                         ids=" ".join)
def test_wrong_usage(run, options):
    """A wrong value of -s, and -m or -d without one, end with status 2 and words on standard error"""
    result = run("-p", "0", *options)
    assert result.returncode == 2 and result.stdout == "" and result.stderr


# ---- parameters

@pytest.mark.parametrize("parameters", [
    "SIZE=0", "SIZE=1000", "size=1000", "SIZE=00000000000000001000", "BODY=7BIT", "BODY=8BITMIME",
    "body=8bitmime", "SIZE=1000 BODY=8BITMIME", "BODY=7BIT  SIZE=5"])
def test_a_parameter_of_mail(said_hello, parameters):
    """MAIL takes SIZE and BODY, in any case and order (RFC 1870 4, RFC 6152 2)"""
    said_hello.mail("alice@example.org", parameters)


@pytest.mark.parametrize("parameters, codes", [
    ("SIZE", [501]), ("SIZE=", [501]), ("SIZE=five", [501]), ("SIZE=-5", [501]), ("SIZE=5x", [501]),
    ("SIZE=0x5", [501]), ("SIZE=+5", [501]), ("SIZ=5", [555]), ("SIZE=5 SIZE=5", [501]),
    ("SIZE=5 FROB=1", [555]), ("SIZE =5", [501]), ("BODY", [501]), ("BODY=", [501]),
    ("BODY=9BIT", [501, 504]), ("BODY=BINARYMIME", [501, 504, 555]), ("BODY=7BITX", [501, 504]),
    ("BODY=8BITX", [501, 504]),
    ("BODY=7BIT BODY=7BIT", [501])], ids=str)
def test_a_wrong_parameter_of_mail(said_hello, parameters, codes):
    """A wrong value of SIZE or BODY is refused with 501, and so is one that comes twice (RFC 5321
    4.1.1.11)"""
    said_hello.send("MAIL FROM:<alice@example.org> " + parameters)
    said_hello.expect(*codes, enhanced=("5.5.4", "5.5.2"))
    said_hello.mail()


def test_size_and_8bitmime_are_announced(client):
    """EHLO announces SIZE, with the largest message, and 8BITMIME (RFC 1870, RFC 6152)"""
    keywords = client.ehlo().keywords
    assert {"SIZE", "8BITMIME"} <= set(keywords)
    assert int(keywords["SIZE"]) > 0


def test_a_size_that_is_too_big_is_refused_at_once(client):
    """MAIL with a SIZE over the limit is refused with 552 at once, whatever the number (RFC 1870
    6.1)"""
    limit = int(client.ehlo().keywords["SIZE"])
    client.mail("alice@example.org", "SIZE=%d" % limit)
    client.send("RSET")
    client.expect(250)
    for size in (limit + 1, 2 ** 32 + 1, 2 ** 63 + 1, 2 ** 64 + 1, 10 ** 20 - 1):
        client.send("MAIL FROM:<alice@example.org> SIZE=%d" % size)
        client.expect(552, 501, enhanced=("5.3.4", "5.5.4"))
    client.mail()


@pytest.mark.robust
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells in /proc")
def test_memory_does_not_grow_with_the_message(start):
    """The memory of the program does not grow with the message: less than 4 MB for one of 15 MB"""
    server = start("-l", "127.0.0.1")
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    children = children_of(server.pid)
    before = memory_of(server.pid, *children)
    client.deliver(b"Subject: x\r\n\r\n" + (b"y" * 76 + b"\r\n") * 200000)
    assert memory_of(server.pid, *children) - before < 4000


def memory_of(*pids):
    """KiB of memory of their own that processes have."""
    texts = [Path("/proc/%d/status" % pid).read_text() for pid in pids]
    return sum(int(re.search(r"RssAnon:\s+(\d+) kB", text).group(1)) for text in texts)


# ---- smuggling

NOT_THE_END = {repr(end)[2:-1]: end for end in (
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r", b"\n\n.\n\n",
    b"\r\r.\r\r", b"\n\r.\n\r", b"\r\n.\r\r\n", b"\r\n\r.\r\n", b"\n.\n\r\n", b"\r\n.\n\r\n",
    b"\r\r\n.\r\r\n")}

SMUGGLED = (b"MAIL FROM:<boss@example.org>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n"
            b"Subject: smuggled\r\n\r\nSend me all your money\r\n.\r\n")


@pytest.mark.key
@pytest.mark.parametrize("name", NOT_THE_END)
def test_no_message_is_smuggled_in(server, client, name):
    """Only CR LF . CR LF is the end; with a bare CR or LF the message is refused there, and not before: 554
    (RFC 5321 2.3.8, 4.1.1.4)"""
    client.ehlo()
    for send in client.send_raw, client.send_byte_by_byte:
        client.envelope()
        client.send_raw(b"Subject: harmless\r\n\r\nHello")
        send(NOT_THE_END[name])
        client.send_raw(SMUGGLED)
        client.expect(554, enhanced=("5.6.0", "5.5.2"))
        client.expect_in_sync()
    client.deliver(SIMPLE)
    assert content(server.only_message()) == as_stored(SIMPLE)
    assert server.tmp() == []


@pytest.mark.parametrize("text", [
    b"a\nb", b"a\rb", b"\na", b"\ra", b"a\n", b"a\r", b"\r\n\r", b"\n\r\n", b"\n", b"\r", b"\r\r", b"\0\r\0",
    b".\n", b".\r", b"..\n"],
    ids=lambda text: repr(text)[2:-1])
def test_a_bare_cr_or_lf(server, client, text):
    """A bare CR or LF anywhere in a message has it refused at its end with 554, and nothing is stored (RFC
    5321 2.3.8)"""
    client.ehlo()
    for message in (b"%s\r\n", b"Subject: x\r\nX: %s\r\n\r\nbody\r\n", b"Subject: x\r\n\r\n%s\r\n",
                    b"Subject: x\r\n\r\nbody%s\r\n"):
        client.envelope()
        client.send_raw(message % text + b".\r\n")
        client.expect(554)
    client.expect_in_sync()
    assert server.messages() == [] and server.tmp() == []


@pytest.mark.parametrize("pieces", [
    (b"a\r", b"b\r\n"), (b"a", b"\nb\r\n"), (b"a\r\n\r", b"b\r\n"), (b"a\r", b"\r\n"),
    (b"a\r\n.\r", b"b\r\n"), (b"a\r\n.", b"\nb\r\n"), (b"a\r", b"\n", b"\n")], ids=str)
def test_a_bare_cr_or_lf_between_two_reads(server, client, pieces):
    """A bare CR or LF is seen where the octets around it come in two pieces (RFC 5321 2.3.8)"""
    client.ehlo()
    client.envelope()
    client.send_in_pieces(*pieces)
    client.send_raw(b"\r\n.\r\n")
    client.expect(554)
    client.expect_in_sync()
    assert server.messages() == []


@pytest.mark.robust
def test_a_bare_cr_around_every_likely_buffer_size(server, client):
    """A bare CR or LF is seen wherever it falls in a buffer (RFC 5321 2.3.8)"""
    client.ehlo()
    for octet in b"\r", b"\n":
        for edge in (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536):
            for offset in range(edge - 2, edge + 2):
                client.envelope()
                client.send_raw(b"x" * offset + octet + b"y" * 10 + b"\r\n.\r\n")
                client.expect(554)
    client.expect_in_sync()
    assert server.messages() == []


def expect_mended_or_later(server, client, mailbox="you"):
    """The mail is taken, or it is 451 and the operator is told: never a refusal for good, and no 250 that is
    not kept."""
    __tracebackhide__ = True
    client.mail()
    client.send("RCPT TO:<%s@localhost>" % mailbox)
    if client.expect(250, 451).code == 250:
        client.send("DATA")
        if client.expect(354, 451).code == 354:
            client.send_message(SIMPLE)
            if client.expect(250, 451).code == 250:
                assert content(server.only_message(mailbox)) == as_stored(SIMPLE)
                return
    client.expect_in_sync()
    expect_a_line_on_stderr(server)


def expect_a_line_on_stderr(server):
    assert server.stderr_text().strip(), "expected: a line on standard error\ncame:     nothing"


@pytest.mark.parametrize("missing", [("tmp",), ("new",), ("cur",), ("tmp", "cur"), ("tmp", "new", "cur")],
                         ids=" ".join)
def test_half_a_mailbox_is_made_whole(server, client, missing):
    """A mailbox without its tmp/, new/ or cur/ is mended and gets the mail, or gets it later: 451 (RFC 5321
    4.2.1)"""
    for part in missing:
        (server.mail / "you" / part).rmdir()
    client.ehlo()
    expect_mended_or_later(server, client)


@pytest.mark.robust
def test_a_part_of_a_mailbox_that_is_no_directory(server, client):
    """A mailbox whose new/ is no directory: 451, and a line on standard error (RFC 5321 4.2.1)"""
    (server.mail / "you" / "new").rmdir()
    (server.mail / "you" / "new").write_text("")
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<you@localhost>")
    if client.expect(250, 451).code == 250:
        client.send("DATA")
        if client.expect(354, 451).code == 354:
            client.send_message(SIMPLE)
            client.expect(451)
    expect_a_line_on_stderr(server)


@pytest.mark.robust
@pytest.mark.parametrize("link, target",
                         [("you", "../elsewhere/you"), ("you/new", "../../elsewhere"), ("you/tmp", "gone")])
def test_a_link_that_leads_nowhere(server, client, link, target):
    """A mailbox that is a link to nowhere: 451, a line on standard error, and nothing is made where it leads
    (RFC 5321 4.2.1)"""
    shutil.rmtree(str(server.mail / link))
    (server.mail / link).symlink_to(target)
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<you@localhost>")
    client.expect(451)
    client.send("RCPT TO:<nobody@localhost>")
    client.expect(550, enhanced="5.1.1")
    expect_a_line_on_stderr(server)
    assert (server.mail / link).is_symlink() and not (server.mail / link).exists()


@pytest.mark.robust
@pytest.mark.parametrize("when", ["between two clients", "between two mails"])
def test_a_mail_directory_that_was_replaced(start, when):
    """Where the mail directory was replaced while the server ran new mail goes into the new one, or later:
    451"""
    server = start()
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    shutil.copytree(str(server.mail), str(server.directory / "backup"))
    server.mail.rename(server.directory / "old")
    (server.directory / "backup").rename(server.mail)
    shutil.rmtree(str(server.mail / "you"))
    make_mailbox(server.mail, "you")
    if when == "between two clients":
        client.quit()
        client = server.connect()
        client.ehlo()
    expect_mended_or_later(server, client)
    old = list((server.directory / "old" / "you" / "new").iterdir())
    assert len(old) == 1, "expected: not stored where nobody will look\ncame:     %s" % old


@pytest.mark.robust
@pytest.mark.parametrize("how", ["removed", "moved away", "empty"])
def test_a_mail_directory_that_is_gone(start, how):
    """Without the mail directory every recipient is 451, with a line on standard error (RFC 5321 4.2.1)"""
    server = start()
    first = server.connect()
    if how == "removed":
        shutil.rmtree(str(server.mail))
    else:
        server.mail.rename(server.directory / "elsewhere")
    if how == "empty":
        server.mail.mkdir()
    for client in (first, server.connect()):
        client.ehlo()
        for name in ("you@localhost", "nobody@localhost", "postmaster"):
            client.mail()
            client.send("RCPT TO:<%s>" % name)
            client.expect(451)
            client.send("RSET")
            client.expect(250)
    expect_a_line_on_stderr(server)
    if how != "removed":
        if how == "empty":
            server.mail.rmdir()
        (server.directory / "elsewhere").rename(server.mail)
        client.deliver(SIMPLE)


@pytest.mark.robust
def test_a_mailbox_that_can_not_be_looked_at(server, client):
    """A mailbox that can't be looked at is 451, for it may be better tomorrow (RFC 5321 4.2.1)"""
    (server.mail / "loop").symlink_to("loop")
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<loop@localhost>")
    client.expect(451)


# ---- limits

@pytest.mark.key
def test_a_message_over_the_limit(start):
    """-s is the largest message, with its CR LF and without doubled dots: one octet more is 552 at its end,
    and the connection is in sync (RFC 1870 6.3)"""
    server = start("-s", "1000")
    client = server.connect()
    assert client.ehlo().keywords["SIZE"] == "1000"
    limit = b"x" * 96 + b"\r\n" + (b"." + b"y" * 97 + b"\r\n") * 9 + b"\r\n"
    assert len(limit) == 1000
    for message, code in ((limit, 250), (limit + b"\r\n", 552), (b"x" + limit, 552), (limit, 250)):
        client.envelope()
        client.send_raw(dot_stuff(message))
        client.wait_until_read()
        client.send_raw(b".\r\n")
        client.expect(code, enhanced="5.3.4" if code == 552 else None)
        client.expect_in_sync()
    assert [content(stored) for stored in server.messages()] == [as_stored(limit)] * 2
    assert server.tmp() == []


def test_a_message_that_is_larger_than_it_said(start):
    """The limit holds whatever SIZE has promised (RFC 1870 6.3)"""
    server = start("-s", "1000")
    client = server.connect()
    client.ehlo()
    client.envelope(parameters="SIZE=10")
    client.send_message(b"x" * 2000 + b"\r\n")
    client.expect(552)
    client.send("MAIL FROM:<alice@example.org> SIZE=1001")
    client.expect(552, enhanced="5.3.4")
    client.deliver(SIMPLE, parameters="SIZE=1000")
    assert len(server.messages()) == 1


@pytest.mark.robust
def test_a_message_hundreds_of_times_over_the_limit(start):
    """A message far over the limit is read to its end, but does not fill the disk on the way (RFC 1870
    6.3)"""
    server = start("-s", "10000")
    client = server.connect()
    client.ehlo()
    client.envelope()
    for _ in range(100):
        client.send_raw(b"x" * 70 + b"\r\n..\r\n" + b"y" * 49922 + b"\r\n")
    client.wait_until_read()
    assert sum(path.stat().st_size for path in server.tmp()) < 200000
    client.send_raw(b".\r\n")
    client.expect(552)
    client.expect_in_sync()
    client.deliver(SIMPLE)
    assert content(server.only_message()) == as_stored(SIMPLE)
    assert server.tmp() == []


def received_fields(count, name="Received"):
    field = name.encode() + b": from a by b%d;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
    return b"".join(field % number for number in range(count))


@pytest.mark.parametrize("message, code", [
    (received_fields(100) + SIMPLE, 250),
    (received_fields(101) + SIMPLE, 554),
    (b"X-Field: x\r\n" + received_fields(101) + SIMPLE, 554),
    (received_fields(101, "RECEIVED") + SIMPLE, 554),
    (received_fields(51, "received") + b"Subject: x\r\n" + received_fields(51) + b"\r\n", 554),
    (received_fields(101), 554),
    (SIMPLE + received_fields(200), 250),
    (received_fields(200, "Received-SPF") + SIMPLE, 250),
    (received_fields(200, "X-Received") + SIMPLE, 250),
    (b"X: y\r\n" + b" Received: folded\r\n" * 200 + SIMPLE, 250),
], ids=["100", "101", "after another", "in capitals", "here and there", "nothing else",
        "in the body", "another name", "yet another", "folded lines"])
def test_a_loop(server, client, message, code):
    """A message with more than 100 Received fields in its header is a loop: 554 and 5.4.6 (RFC 5321 6.3)"""
    client.ehlo()
    client.envelope()
    client.send_raw(dot_stuff(message) + b".\r\n")
    client.expect(code, enhanced="5.4.6" if code == 554 else None)
    client.expect_in_sync()
    assert len(server.messages()) == (code == 250)


@pytest.mark.robust
def test_a_loop_is_seen_however_the_bytes_come(server, client):
    """Received fields are counted however their octets come (RFC 5321 6.3)"""
    client.ehlo()
    client.envelope()
    for number in range(101):
        client.send_in_pieces(b"Rec", b"eived: x\r\n")
    client.send_raw(b"\r\n.\r\n")
    client.expect(554)
    assert server.messages() == []


# ---- faults

@pytest.mark.robust
def test_faults_are_counted_anew_after_each_message(client):
    """The count of faulty commands begins anew with each message that is stored (RFC 5321 4.3.2)"""
    client.ehlo()
    for _ in range(25):
        client.send("FROB")
        client.expect(500)
        client.deliver(SIMPLE)
    for _ in range(20):
        client.send("FROB")
        client.expect(500)
    client.expect(421)
    client.expect_closed()


@pytest.mark.robust
def test_faults_are_not_forgotten_for_a_message_that_is_refused(client):
    """A message that is refused does not begin the count of faulty commands anew (RFC 5321 4.3.2)"""
    client.ehlo()
    for _ in range(19):
        client.send("FROB")
        client.expect(500)
    client.envelope()
    client.send_message(b"bare\r\r\n")
    client.expect(554)
    client.send("FROB")
    client.expect(500)
    client.expect(421)
    client.expect_closed()


# ---- whoever started it

@pytest.mark.robust
@pytest.mark.parametrize("closed", [(0,), (2,), (0, 2)], ids=str)
def test_started_without_standard_streams(start, closed):
    """With standard input or standard error closed at the start no trace goes into the mail"""
    server = start("-v", "-l", "127.0.0.1", preexec_fn=lambda: [os.close(fd) for fd in closed])
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE)
    client.deliver(SIMPLE)
    assert [content(stored) for stored in server.messages()] == [as_stored(SIMPLE)] * 2


def test_silence_in_the_middle_of_a_message(start):
    """Silence in the middle of a message is 421 and the end, and nothing is left (RFC 5321 4.5.3.2.5)"""
    server = start("-t", "2")       # a busy machine can make a client silent for a second
    clients = []
    for part in PARTS:
        clients.append(server.connect())
        clients[-1].ehlo()
        clients[-1].envelope()
        clients[-1].send_raw(part)
    for client in clients:
        client.expect(421, enhanced="4.4.2")
        client.expect_closed()
    assert eventually(lambda: not server.tmp())
    assert server.messages() == []


def test_a_slow_sender_is_not_a_silent_one(start):
    """The time of -t runs between two reads, not over the whole message (RFC 5321 4.5.3.2.5)"""
    server = start("-t", "2")
    client = server.connect()
    client.ehlo()
    client.envelope()
    for number in range(6):
        client.send_raw(b"line %d\r\n" % number)
        time.sleep(0.4)     # nothing to wait for: the time that goes by is the test
    client.send_raw(b".\r\n")
    client.expect(250)
    assert len(server.messages()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                         ids=lambda number: number.name)
def test_the_end_in_the_middle_of_a_message(start, number):
    """At SIGTERM and SIGINT a client in the middle of a message is told 421, and nothing is left (RFC 5321
    3.8)"""
    server = start()
    clients = [server.connect() for _ in PARTS]
    for client, part in zip(clients, PARTS):
        client.ehlo()
        client.envelope()
        client.send_raw(part)
        client.wait_until_read()
    server.send_signal(number)
    for client in clients:
        client.expect(421, enhanced=("4.3.2", "4.3.0"))
        client.expect_closed()
        client.close()
    server.expect_end()
    assert server.messages() == [] and server.tmp() == []
