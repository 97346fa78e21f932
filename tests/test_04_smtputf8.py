"""Stage 4, station 4.3: addresses beyond ASCII, in the envelope (RFC 6531)."""
import re

import pytest

from server import trace_and_content
from test_03_data import SIMPLE


# ======== 4.3 Character sets

def test_smtputf8_is_announced(client):
    """EHLO announces SMTPUTF8 (RFC 6531 3.1)"""
    assert client.ehlo().keywords.get("SMTPUTF8") == ""


@pytest.mark.parametrize("parameters",
                         ["SMTPUTF8", "smtputf8", "SIZE=1000 BODY=8BITMIME SMTPUTF8", "SMTPUTF8 SIZE=5"])
def test_the_parameter_smtputf8(said_hello, parameters):
    """MAIL takes the parameter SMTPUTF8, in any case and beside others (RFC 6531 3.4)"""
    said_hello.mail("alice@example.org", parameters)


@pytest.mark.parametrize("parameters", ["SMTPUTF8=", "SMTPUTF8=1", "SMTPUTF8 SMTPUTF8"])
def test_a_wrong_parameter_smtputf8(said_hello, parameters):
    """SMTPUTF8 with a value, or twice, is refused with 501 (RFC 6531 3.4)"""
    said_hello.send("MAIL FROM:<alice@example.org> " + parameters)
    said_hello.expect(501, enhanced=("5.5.4", "5.5.2"))
    said_hello.mail()


@pytest.mark.parametrize("path", [
    "<алиса@example.org>", "<alice@пример.рф>", '<"али са"@example.org>', "<jos\u00e9@\u4f8b\u3048.example>",
    "<\U0001f600@example.org>"])
def test_an_address_beyond_ascii(said_hello, path):
    """An address beyond ASCII is taken with the parameter SMTPUTF8, and refused with 553 and 5.6.7 without
    (RFC 6531 3.3, 3.5)"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(553, 550, enhanced="5.6.7")
    said_hello.send("MAIL FROM:%s SMTPUTF8" % path)
    said_hello.expect(250)


def test_a_recipient_beyond_ascii(said_hello):
    """A recipient beyond ASCII is refused with 553 and 5.6.7 where MAIL had no SMTPUTF8 (RFC 6531 3.5)"""
    said_hello.mail()
    said_hello.send("RCPT TO:<алиса@localhost>")
    said_hello.expect(553, 550, enhanced="5.6.7")
    said_hello.rcpt()


@pytest.mark.robust
@pytest.mark.parametrize("octets", [
    b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xe2\x82", b"\xc3("],
                         ids=lambda octets: octets.hex())
def test_an_address_that_is_not_utf8(said_hello, octets):
    """An address with stray, overlong, surrogate or unfinished sequences is refused with SMTPUTF8, too (RFC
    3629 3)"""
    said_hello.send(b"MAIL FROM:<al" + octets + b"ice@example.org> SMTPUTF8")
    said_hello.expect(501, 500, 553, 550)
    said_hello.mail()


def test_a_sender_beyond_ascii(server, client):
    """A sender beyond ASCII stands in Return-Path in UTF-8, and Received says UTF8SMTP or ESMTP (RFC 6532
    3.2, RFC 6531 4.3)"""
    client.ehlo()
    client.deliver(SIMPLE, sender="алиса@пример.рф", parameters="SMTPUTF8 BODY=8BITMIME")
    path, received, _ = trace_and_content(server.only_message())
    assert path.decode() == "Return-Path: <алиса@пример.рф>\n"
    assert re.search(rb"with\s+(UTF8SMTP|ESMTP)%s\b" % (b"S" if server.tls else b""), received)


def test_a_mailbox_beyond_ascii(start):
    """A mailbox whose name is beyond ASCII is delivered to (RFC 6531 3.3)"""
    server = start(mailboxes=("алиса",))
    client = server.connect()
    client.ehlo()
    client.deliver(SIMPLE, recipients="алиса@localhost", parameters="SMTPUTF8")
    assert len(server.messages("алиса")) == 1
