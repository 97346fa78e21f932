"""Stage 2: SMTP commands and the envelope (RFC 5321, without DATA).

Codes are checked, wording is not. A mailbox `you` exists wherever one is needed.
"""
import os
import signal
import socket
import subprocess
import sys

import pytest

from server import TIMEOUT, eventually

pytestmark = pytest.mark.stage(2)

SYNTAX = (501, 553)     # RFC 5321 4.2.3: syntax error in parameters; mailbox name not allowed, as in incorrect syntax


# ---- the beginning

@pytest.mark.plaintext
@pytest.mark.key
def test_the_shortest_conversation(server):
    """RFC 5321 3.1, 3.2, 3.8"""
    client = server.connect(greeting=False)
    client.expect(220)
    client.send("HELO client.example")
    client.expect(250)
    client.send("QUIT")
    client.expect(221, enhanced="2.0.0")
    client.expect_closed()


@pytest.mark.plaintext
def test_the_greeting_says_esmtp(server):
    """RFC 5321 4.2: some clients send EHLO only if it does."""
    client = server.connect(greeting=False)
    greeting = client.expect(220)
    assert "ESMTP" in greeting.lines[0]


@pytest.mark.key
def test_ehlo_lists_the_extensions(client):
    """RFC 5321 4.1.1.1; RFC 2920, 1870, 6152, 6531, 2034"""
    keywords = client.ehlo().keywords
    assert {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"} <= set(keywords)
    assert int(keywords["SIZE"]) > 0
    assert not any(keywords[word] for word in ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"))


def test_helo_is_answered_with_one_line(client):
    """RFC 5321 4.1.1.1: the old hello knows nothing of extensions."""
    assert len(client.helo().lines) == 1


@pytest.mark.parametrize("name", ["localhost", "mx.example.org", "[127.0.0.1]", "[IPv6:2001:db8::1]", "MY-PC", "my_pc",
                                  "xn--e1afmkfd.example", "пример.example"])
def test_names_that_real_clients_give(client, name):
    """RFC 5321 4.1.4: a name that looks wrong is no reason to refuse mail."""
    client.ehlo(name)
    client.mail()


@pytest.mark.parametrize("verb", ["HELO", "EHLO"])
def test_hello_without_a_name(client, verb):
    """RFC 5321 4.1.1.1"""
    client.send(verb)
    client.expect(501, enhanced=("5.5.4", "5.5.2", "5.0.0", "5.5.0"))
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503)


# ---- each command on its own

@pytest.mark.parametrize("line, codes", [
    ("NOOP", [250]), ("NOOP anything at all", [250]), ("noop", [250]), ("NoOp", [250]),
    ("RSET", [250]), ("RSET now", [501]),
    ("QUIT now", [501]),
    ("VRFY you", [252, 250]), ("VRFY", [501]), ("VRFY nobody@example.org", [252, 550, 551, 553]),
    ("EXPN staff", [502, 550]),
    ("HELP", [214, 211]), ("HELP MAIL", [214, 211, 504]),
    ("FROB", [500, 502]), ("", [500]), (" ", [500]), (" NOOP", [500]), ("NOOPE", [500]), ("NOO", [500]),
    ("MAIL", [501, 500]), ("MAIL FROM", [501]), ("MAIL FROM:", [501]), ("MAIL <alice@example.org>", [501]),
    ("MAIL TO:<alice@example.org>", [501]), ("MAILFROM:<alice@example.org>", [500]),
    ("RCPT TO:<you@localhost>", [503]), ("DATA", [503, 502]), ("DATA now", [501, 502, 503]),
    ("AUTH PLAIN AGEAYQ==", [500, 502, 503, 504, 538]), ("TURN", [500, 502]), ("ETRN localhost", [500, 502]),
    ("BDAT 5 LAST", [500, 502, 503]),
], ids=str)
def test_a_command_and_its_code(client, line, codes):
    """RFC 5321 4.1.1, 4.3.2"""
    client.ehlo()
    client.send(line)
    client.expect(*codes)
    client.expect_in_sync()


@pytest.mark.key
def test_every_reply_has_an_enhanced_code(client):
    """RFC 2034 4: all but the greeting, the replies to HELO and EHLO, and 3xx; its class is that of the code."""
    client.ehlo()
    for line in ("NOOP", "VRFY you", "HELP", "FROB", "RSET", "MAIL", "MAIL FROM:<a@example.org>", "MAIL FROM:<a@example.org>",
                 "RCPT TO:<you@localhost>", "RCPT TO:<you@elsewhere.example>", "RCPT TO:<", "EXPN x", "EHLO", "QUIT"):
        client.send(line)
        reply = client.read_reply()
        if reply.enhanced[:1] != str(reply.code)[0] and line != "EHLO":
            client.fail("an enhanced status code of class %s" % str(reply.code)[0], reply)
        assert all(text.strip() for text in reply.lines), "a reply without a text: %r" % reply


@pytest.mark.parametrize("line, code", [
    ("NOOP ", 250), ("RSET ", 250), ("RSET   ", 250), ("EHLO client.example ", 250), ("MAIL FROM:<alice@example.org> ", 250),
    ("MAIL FROM: <alice@example.org>", 250), ("mail from:<alice@example.org>", 250), ("Mail From:<alice@example.org> size=5", 250),
    ("NOOP\t", 250), ("RSET \t ", 250), ("MAIL FROM:<alice@example.org>\t", 250), ("QUIT ", 221)])
def test_white_space_and_case_are_forgiven(client, line, code):
    """RFC 5321 2.4, 4.1.1: verbs and keywords in any case; white space at the end is to be tolerated."""
    client.ehlo()
    client.send(line)
    client.expect(code)


# ---- their order

def test_nothing_is_needed_before_the_harmless_ones(client):
    """RFC 5321 4.1.4: NOOP, HELP, VRFY, RSET and QUIT at any time."""
    for line, code in (("NOOP", 250), ("HELP", 214), ("RSET", 250), ("VRFY you", 252), ("QUIT", 221)):
        client.send(line)
        client.expect(code)
    client.expect_closed()


@pytest.mark.key
def test_mail_before_hello(client):
    """RFC 5321 4.1.4"""
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503, enhanced="5.5.1")


def test_rcpt_before_mail(client):
    """RFC 5321 4.1.4"""
    client.ehlo()
    client.send("RCPT TO:<you@localhost>")
    client.expect(503, enhanced="5.5.1")


def test_mail_within_mail(client):
    """RFC 5321 4.1.4: the transaction that is there goes on."""
    client.ehlo()
    client.mail()
    client.send("MAIL FROM:<bob@example.org>")
    client.expect(503, enhanced="5.5.1")
    client.rcpt()


@pytest.mark.parametrize("line", ["RSET", "EHLO again.example", "HELO again.example"])
def test_what_ends_a_transaction(client, line):
    """RFC 5321 4.1.1.5, 4.1.4: a new hello is a reset too; the hello itself stays said."""
    client.ehlo()
    client.mail()
    client.rcpt()
    client.send(line)
    client.expect(250)
    client.send("RCPT TO:<you@localhost>")
    client.expect(503)
    client.mail()
    client.rcpt()


@pytest.mark.parametrize("line", ["EHLO", "HELO", "RSET please", "NOOP", "HELP", "VRFY you", "EXPN you", "FROB", "MAIL FROM:<"])
def test_what_does_not_end_a_transaction(client, line):
    """RFC 5321 4.1.4: only what succeeds changes the state."""
    client.ehlo()
    client.mail()
    client.send(line)
    client.read_reply()
    client.rcpt()


def test_a_refused_command_can_be_said_again_rightly(client):
    """RFC 5321 3.3"""
    client.ehlo()
    client.send("MAIL FROM:<alice@@example.org>")
    client.expect(*SYNTAX)
    client.mail()
    client.send("RCPT TO:<you@@localhost>")
    client.expect(*SYNTAX)
    client.rcpt()


@pytest.mark.only_step(2)
def test_data_is_the_next_layer(client):
    """RFC 5321 4.2.4: a command that is known but not there."""
    client.ehlo()
    client.mail()
    client.rcpt()
    client.send("DATA")
    client.expect(502, enhanced="5.5.1")


# ---- paths

GOOD_PATHS = [
    "<alice@example.org>", "<a.l.i.c.e@example.org>", "<a@localhost>", "<a@3com.example>", "<a@x--y.example>", "<1@2.example>",
    "<!#$%&'*+-/=?^_`{|}~@example.org>", "<a@EXAMPLE.org>",
    '<"alice"@example.org>', '<"al ice"@example.org>', '<"al..ice."@example.org>', '<"al\\"ice"@example.org>',
    '<"al\\\\ice"@example.org>', '<"a\\lice"@example.org>', '<"<al,ice>"@example.org>', '<"@"@example.org>', '<""@example.org>',
    "<alice@[192.0.2.1]>", "<alice@[IPv6:2001:db8::1]>", "<alice@[IPv6:::]>", "<alice@[IPv6:::ffff:192.0.2.1]>",
    "<alice@[IPv6:2001:db8:1:2:3:4:5:6]>", "<alice@[ipv6:2001:db8::1]>",
    "<@relay.example:alice@example.org>", "<@a.example,@b.example:alice@example.org>",
    "<" + "a" * 64 + "@example.org>",
    "<a@" + ".".join(["d" * 62] * 4) + ">",             # a path of 256 octets: RFC 5321 4.5.3.1.3
]

BAD_PATHS = [
    "", "alice@example.org", "<alice", "<alice>", "<alice@>", "<@example.org>", "<@>", "< >", "<\"alice\">",
    "<alice@example.org", "<<alice@example.org>>", "<alice@@example.org>", "<alice@example@org>",
    "<al ice@example.org>", "<al,ice@example.org>",
    "<al(c)ice@example.org>", "<al:ice@example.org>", "<al;ice@example.org>", "<al\\ice@example.org>", "<al[i]ce@example.org>",
    "< alice@example.org>", "<alice@example.org >", "<alice @example.org>", "<alice@ example.org>",
    "<alice@example..org>", "<alice@.example.org>", "<alice@-example.org>", "<alice@example-.org>",
    "<alice@exam ple.org>", "<alice@exam!ple.org>", "<alice@\"example.org\">", "<alice@example.org/x>",
    '<"alice@example.org>', '<alice"@example.org>', '<"alice"bob@example.org>', '<alice"bob"@example.org>',
    '<"al"ice"@example.org>', '<"alice\\"@example.org>', '<"alice" @example.org>',
    "<alice@[192.0.2.256]>", "<alice@[192.0.2]>", "<alice@[192.0.2.1>", "<alice@192.0.2.1]>", "<alice@[192.0.2.1]x>", "<alice@[]>",
    "<alice@[IPv6:2001:db8::1::2]>", "<alice@[IPv6:192.0.2.1]>", "<alice@[IPv6:2001:db8:12345::1]>", "<alice@[IPv6:]>",
    "<@relay.example alice@example.org>", "<@relay.example:>", "<@:alice@example.org>", "<relay.example:alice@example.org>",
    "<@relay.example,alice@example.org>", "<@a.example@b.example:alice@example.org>", "<@relay..example:alice@example.org>",
    "<a@" + "d." * 127 + "dd>",
    "Alice <alice@example.org>",
]


# What the grammar does not have, and real senders do: dots (RFC 5322 3.4.1), and more than 64 octets (RFC 5321 4.5.3.1.1).
ODD_PATHS = [
    "<a..b@example.org>", "<a.@example.org>", "<.a@example.org>", "<a...b..@example.org>",
    "<name+caf_=list_1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0c=example.org@example.org>",
    "<" + "a" * 65 + "@example.org>", "<reply+" + "0123456789abcdef" * 6 + "@example.org>", "<" + "a.b-" * 100 + "c@example.org>",
    '<"' + "a b" * 30 + '"@example.org>', "<@relay.example:" + "a" * 200 + "@example.org>",
]


def shorten(text):
    return text if len(text) < 60 else text[:20] + "..." + str(len(text))


@pytest.fixture
def said_hello(table_server):
    client = table_server.connect()
    client.ehlo()
    return client


@pytest.mark.parametrize("path", ODD_PATHS, ids=shorten)
def test_a_reverse_path_beyond_the_grammar(said_hello, path):
    """RFC 5321 4.5.3.1, 2.1: a sender is as he is, and a refusal for good loses his mail"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(250, enhanced=("2.1.0", "2.0.0"))
    said_hello.rcpt()


@pytest.mark.parametrize("path", ODD_PATHS, ids=shorten)
def test_a_forward_path_beyond_the_grammar(said_hello, path):
    """RFC 5321 3.3: a name like any other, which is not wrong but at most unknown"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path.replace("example.org>", "localhost>"))
    said_hello.expect(250, 550)
    said_hello.rcpt()


def test_a_reverse_path_as_long_as_the_line(said_hello):
    """RFC 5321 4.5.3.1.4: the line has a limit, of 512 octets or more; the path in it has none of its own"""
    for size in range(400, 4200, 50):
        said_hello.send("MAIL FROM:<%s@example.org>" % ("a" * size))
        reply = said_hello.expect(250, 500)
        assert reply.code == 250 or size > 450
        if reply.code == 500:
            break
        said_hello.send("RSET")
        said_hello.expect(250)
    said_hello.mail()


@pytest.mark.parametrize("path", ["<>"] + GOOD_PATHS, ids=shorten)
def test_a_good_reverse_path(said_hello, path):
    """RFC 5321 4.1.2"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(250, enhanced=("2.1.0", "2.0.0"))


@pytest.mark.parametrize("path", BAD_PATHS + ["<postmaster>"], ids=shorten)
def test_a_bad_reverse_path(said_hello, path):
    """RFC 5321 4.1.2"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(*SYNTAX)
    said_hello.mail()


@pytest.mark.parametrize("path", [
    "<you@localhost>", "<you@LocalHost>", '<"you"@localhost>', '<"y\\ou"@localhost>', "<@relay.example:you@localhost>",
    "<@a.example,@b.example:you@localhost>", "<postmaster@localhost>", "<Postmaster>", "<postmaster>", "<POSTMASTER>",
    "<PostMaster@localhost>"])
def test_a_good_forward_path(said_hello, path):
    """RFC 5321 4.1.1.3, 4.5.1: Postmaster needs no domain, and is there in any case"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path)
    said_hello.expect(250, enhanced=("2.1.5", "2.0.0"))


@pytest.mark.parametrize("path", ["<>"] + [path for path in BAD_PATHS if path != "<alice>"], ids=shorten)
def test_a_bad_forward_path(said_hello, path):
    """RFC 5321 4.1.2, 4.1.1.3"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path.replace("example.org", "localhost"))
    said_hello.expect(*SYNTAX)
    said_hello.rcpt()


@pytest.mark.parametrize("path", [
    "<you@elsewhere.example>", "<you@localhost.example>", "<you@xlocalhost>", "<you@localhos>", "<you@[192.0.2.1]>",
    "<@localhost:you@elsewhere.example>", "<postmaster@elsewhere.example>",
    "<you%elsewhere.example@localhost>", "<elsewhere.example!you@localhost>", '<"you@elsewhere.example"@localhost>',
    '<"you\\@elsewhere.example"@localhost>', '<"you%elsewhere.example"@localhost>',
    "<@localhost:you%elsewhere.example@localhost>", "<you@localhost%elsewhere.example@localhost>"])
@pytest.mark.key
def test_nothing_is_relayed(said_hello, path):
    """RFC 5321 3.6.1, 7.8: this is the last stop, and only for its own domains"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path)
    said_hello.expect(550, 551, 501, 553)
    said_hello.rcpt()


@pytest.mark.parametrize("junk", [">", "SIZE=5", "x", "<", ",<bob@example.org>"])
def test_something_glued_to_a_path(said_hello, junk):
    """RFC 5321 4.1.1.2, 4.1.1.3: after a path comes a space or the end of the line"""
    said_hello.send("MAIL FROM:<alice@example.org>" + junk)
    said_hello.expect(501, 553, 555)
    said_hello.mail()
    said_hello.send("RCPT TO:<you@localhost>" + junk)
    said_hello.expect(501, 553, 555)
    said_hello.rcpt()


def test_the_reply_for_a_foreign_domain(said_hello):
    """RFC 5321 3.6.1; RFC 3463 3.8"""
    said_hello.mail()
    said_hello.send("RCPT TO:<you@elsewhere.example>")
    said_hello.expect(550, enhanced="5.7.1")


@pytest.mark.parametrize("path", [
    "<алиса@example.org>", "<alice@пример.рф>", '<"али са"@example.org>', "<jos\u00e9@\u4f8b\u3048.example>", "<\U0001f600@example.org>"])
def test_an_address_beyond_ascii(said_hello, path):
    """RFC 6531 3.3, 3.5: only where the client said SMTPUTF8"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(553, 550, enhanced="5.6.7")
    said_hello.send("MAIL FROM:%s SMTPUTF8" % path)
    said_hello.expect(250)


def test_a_recipient_beyond_ascii(said_hello):
    """RFC 6531 3.5"""
    said_hello.mail()
    said_hello.send("RCPT TO:<алиса@localhost>")
    said_hello.expect(553, 550, enhanced="5.6.7")
    said_hello.rcpt()


@pytest.mark.parametrize("octets", [
    b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xe2\x82", b"\xc3("], ids=lambda octets: octets.hex())
def test_an_address_that_is_not_utf8(said_hello, octets):
    """RFC 3629 3: no stray, overlong, surrogate or unfinished sequences"""
    said_hello.send(b"MAIL FROM:<al" + octets + b"ice@example.org> SMTPUTF8")
    said_hello.expect(501, 500, 553, 550)
    said_hello.mail()


# ---- parameters

@pytest.mark.parametrize("parameters", [
    "SIZE=0", "SIZE=1000", "size=1000", "SIZE=00000000000000001000", "BODY=7BIT", "BODY=8BITMIME", "body=8bitmime",
    "SMTPUTF8", "smtputf8",
    "SIZE=1000 BODY=8BITMIME SMTPUTF8", "SMTPUTF8 SIZE=5", "BODY=7BIT  SIZE=5"])
def test_a_parameter_of_mail(said_hello, parameters):
    """RFC 1870 4, RFC 6152 2, RFC 6531 3.4"""
    said_hello.mail("alice@example.org", parameters)


@pytest.mark.parametrize("parameters, codes", [
    ("FROB=1", [555]), ("FROB", [555]), ("RET=FULL", [555]), ("AUTH=<>", [555]), ("SIZEX=5", [555]), ("SIZ=5", [555]),
    ("SIZE", [501]), ("SIZE=", [501]), ("SIZE=five", [501]), ("SIZE=-5", [501]), ("SIZE=5x", [501]), ("SIZE=0x5", [501]),
    ("SIZE=+5", [501]),
    ("SIZE=5 SIZE=5", [501]), ("SIZE=5 FROB=1", [555]),
    ("BODY", [501]), ("BODY=", [501]), ("BODY=9BIT", [501, 504]), ("BODY=BINARYMIME", [501, 504, 555]), ("BODY=7BITX", [501, 504]),
    ("BODY=7BIT BODY=7BIT", [501]), ("SMTPUTF8=", [501]), ("SMTPUTF8=1", [501]), ("SMTPUTF8 SMTPUTF8", [501]),
    ("=5", [501, 555]), ("SIZE =5", [501]), ("<alice@example.org>", [501, 555])], ids=str)
def test_a_wrong_parameter_of_mail(said_hello, parameters, codes):
    """RFC 5321 4.1.1.11: 555 for a parameter that is not known, 501 for a value that is wrong"""
    said_hello.send("MAIL FROM:<alice@example.org> " + parameters)
    said_hello.expect(*codes, enhanced=("5.5.4", "5.5.2"))
    said_hello.mail()


@pytest.mark.parametrize("parameters", ["NOTIFY=NEVER", "ORCPT=rfc822;you@localhost", "FROB", "SIZE=5"])
def test_a_parameter_of_rcpt(said_hello, parameters):
    """RFC 5321 4.1.1.11: RCPT has none here (RFC 3461 is not offered)"""
    said_hello.mail()
    said_hello.send("RCPT TO:<you@localhost> " + parameters)
    said_hello.expect(555, 501)
    said_hello.rcpt()


def test_a_size_that_is_too_big_is_refused_at_once(client):
    """RFC 1870 6.1"""
    limit = int(client.ehlo().keywords["SIZE"])
    client.mail("alice@example.org", "SIZE=%d" % limit)
    client.send("RSET")
    client.expect(250)
    for size in (limit + 1, 2 ** 32 + 1, 2 ** 63 + 1, 2 ** 64 + 1, 10 ** 20 - 1):
        client.send("MAIL FROM:<alice@example.org> SIZE=%d" % size)
        client.expect(552, 501, enhanced=("5.3.4", "5.5.4"))
    client.mail()


# ---- limits

def test_a_command_line_of_512_octets(client):
    """RFC 5321 4.5.3.1.4: the least that must be taken"""
    client.ehlo()
    client.send("NOOP " + "a" * 505)
    client.expect(250)
    client.send("MAIL FROM:<%s@%s>%s SIZE=5" % ("a" * 64, ".".join(["d" * 60] * 3), " " * 20))
    client.expect(250)


@pytest.mark.key
def test_a_line_over_the_limit(client):
    """RFC 5321 4.5.3.1.10: 500 once, and the next line is a line again"""
    client.ehlo()
    for size in (10000, 100000):
        client.send("NOOP " + "a" * size)
        client.expect(500, enhanced=("5.5.2", "5.5.6", "5.5.0", "5.5.4"))
        client.expect_in_sync()
    client.send_in_pieces(b"NOOP ", b"a" * 3000, b"a" * 3000, b"\r", b"\n")
    client.expect(500)
    client.send_in_pieces(b"a" * 9000, b"NOOP\r\n")       # its end is not a command of its own
    client.expect(500)
    client.expect_in_sync()


@pytest.mark.parametrize("octet", [b"\0", b"\1", b"\x7f", b"\r", b"\x1b"], ids=lambda octet: octet.hex())
@pytest.mark.parametrize("line", [
    b"EHLO a%b", b"MAIL FROM:<a%lice@example.org>", b'MAIL FROM:<"a%lice"@example.org>', b"%NOOP", b"FR%OB"])
def test_control_characters_in_a_command(said_hello, line, octet):
    """RFC 5321 2.3.8, 4.1.2: not one of them has a place in a command; one reply, and no command is hidden behind it"""
    said_hello.send(line.replace(b"%", octet))
    said_hello.expect(500, 501, 553)
    said_hello.expect_in_sync()


def test_a_bare_lf_does_not_end_a_command(client):
    """RFC 5321 2.3.8: the hint is for a person who types into a plain netcat"""
    client.send_raw(b"EHLO client.example\n")
    reply = client.expect(500, enhanced=("5.5.2", "5.6.0", "5.5.0"))
    assert "nc -C" in " ".join(reply.lines)
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503)


def test_recipients_up_to_the_limit(start):
    """RFC 5321 4.5.3.1.8, 4.5.3.1.10: at least 100, then 452, and the transaction goes on"""
    names = ["user%d" % number for number in range(100)]
    client = start(mailboxes=names).connect()
    client.ehlo()
    client.mail()
    for name in names:
        client.rcpt(name + "@localhost")
    client.send("RCPT TO:<user0@localhost>")
    client.expect(452, 250)
    client.send_raw(b"".join(b"RCPT TO:<user%d@localhost>\r\n" % (number % 100) for number in range(1000)))
    replies = [client.expect(452, 250) for _ in range(1000)]
    assert replies[-1].code == 452 and replies[-1].enhanced == "4.5.3"
    client.expect_in_sync()
    client.send("RSET")
    client.expect(250)
    client.mail()
    client.rcpt("user1@localhost")


def test_one_recipient_again_and_again(client):
    """RFC 5321 4.5.3.1.8: a limit holds for RCPT commands; after RSET they are counted anew"""
    client.ehlo()
    for _ in range(2):
        client.mail()
        client.send_raw(b"RCPT TO:<you@localhost>\r\n" * 1001)
        codes = [client.expect(250, 452).code for _ in range(1001)]
        assert codes[:100] == [250] * 100 and codes[-1] == 452 and codes == sorted(codes)
        client.send("RSET")
        client.expect(250)


@pytest.mark.key
def test_the_20th_faulty_command_is_the_last(client):
    """RFC 5321 4.3.2, 7.8: 421 is allowed at any time; whoever talks nonsense is told so 20 times"""
    client.ehlo()
    for line in ["FROB", "MAIL FROM:<", "RCPT TO:<you@localhost>", "EXPN you", "MAIL FROM:<a@example.org> FROB"] * 4:
        client.send(line)
        client.expect(500, 501, 502, 503, 553, 555)
    client.expect(421, enhanced=("4.7.0", "4.3.2", "4.5.0"))
    client.expect_closed()


def test_19_faulty_commands_are_forgiven(client):
    """A refused recipient is no fault of the client."""
    client.ehlo()
    for _ in range(19):
        client.send("FROB")
        client.expect(500)
    client.mail()
    for _ in range(30):
        client.send("RCPT TO:<you@elsewhere.example>")
        client.expect(550)
    client.rcpt()


def test_the_last_words_arrive_whatever_else_was_sent(client):
    """RFC 1122 4.2.2.13: a close with unread input is a reset, and a reset can destroy replies on their way"""
    client.ehlo()
    client.send_raw(b"FROB\r\n" * 20000)
    for _ in range(20):
        client.expect(500)
    client.expect(421)
    client.expect_closed(orderly=True)


def test_nothing_is_done_after_quit(client):
    """RFC 5321 4.1.1.10"""
    client.send_raw(b"NOOP\r\nQUIT\r\n" + b"NOOP\r\n" * 20000)
    client.expect(250)
    client.expect(221)
    client.expect_closed(orderly=True)


# ---- HTTP

SMTP_IN_A_BODY = ("EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n"
                  "Subject: from a browser\r\n\r\nx\r\n.\r\nQUIT\r\n")


def request(line):
    """What a browser can be made to send to any port, with a text of somebody else's in it"""
    return ("%s\r\nHost: mx.example.org:25\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
            % (line, len(SMTP_IN_A_BODY), SMTP_IN_A_BODY)).encode()


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST / HTTP/1.1", "PUT /x?y=z HTTP/1.0", "OPTIONS * HTTP/1.1",
                                  "CONNECT mx.example.org:25 HTTP/1.1", "PRI * HTTP/2.0"])
def test_http_is_hung_up_on(client, line):
    """One 421, at the first line: what comes after it is not SMTP, whatever it looks like"""
    client.send_raw(request(line))
    client.expect(421)
    client.expect_closed(orderly=True)


@pytest.mark.parametrize("size", [3000, 70000])
def test_http_with_a_long_line_is_hung_up_on(client, size):
    """The first line may be too long to be looked at; the next is a field"""
    client.send_raw(request("POST /%s HTTP/1.1" % ("a" * size)))
    if client.expect(421, 500).code == 500:
        client.expect(421)
    client.expect_closed()


# ---- pipelining

@pytest.mark.key
def test_commands_in_one_go(client):
    """RFC 2920 3.1: each has its reply, in order"""
    client.ehlo()
    client.send_raw(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\nRCPT TO:<you@elsewhere.example>\r\nFROB\r\n"
                    b"RCPT TO:<postmaster>\r\nRSET\r\nRCPT TO:<you@localhost>\r\nNOOP\r\nQUIT\r\n")
    for code in (250, 250, 550, 500, 250, 250, 503, 250, 221):
        client.expect(code)
    client.expect_closed()


def test_commands_cut_anywhere(client):
    """TCP keeps the order of bytes, nothing else."""
    group = b"EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\nRSET\r\n"
    for cut in range(1, len(group)):
        client.send_in_pieces(group[:cut], group[cut:])
        for _ in range(4):
            client.expect(250)


def test_many_commands_in_one_go(client):
    """RFC 2920 3.1"""
    client.ehlo()
    client.send_raw(b"".join(b"NOOP %d\r\nVRFY you\r\n" % number for number in range(5000)))
    for _ in range(5000):
        client.expect(250)
        client.expect(252, 250)
    client.expect_in_sync()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux counts the segments of a connection")
def test_replies_to_a_group_leave_together(client):
    """RFC 2920 3.2: replies are sent when the input is used up, not one by one"""
    client.ehlo()
    before = client.segments()
    client.send_raw(b"MAIL FROM:<alice@example.org>\r\n" + b"RCPT TO:<you@localhost>\r\n" * 40 + b"RSET\r\n")
    for _ in range(42):
        client.expect(250)
    came = client.segments() - before
    assert came <= 2, "42 replies came in %d TCP segments" % came


# ---- domains

def test_option_d_may_be_repeated(start):
    """Mail is for these domains, in any case, and for no other; postmaster is always there."""
    server = start("-d", "one.example", "-d", "Two.Example")
    client = server.connect()
    client.ehlo()
    client.mail()
    client.rcpt("you@one.example")
    client.rcpt("you@ONE.example")
    client.rcpt("you@two.example")
    client.rcpt("postmaster")
    for domain in ("localhost", "sub.one.example", "one.example.org", "example"):
        client.send("RCPT TO:<you@%s>" % domain)
        client.expect(550)


# ---- time and the end

def test_silence(start):
    """RFC 5321 4.5.3.2: 421 and the end, in the middle of a line or of a transaction too"""
    server = start("-t", "1")
    words = [b"", b"MAI", b"EHLO client.example\r", b"FROB\r\nNOOP\n",
             b"EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\n"]
    clients = []
    for said in words:
        clients.append(server.connect())
        clients[-1].send_raw(said)
    for client, said in zip(clients, words):
        for _ in range(said.count(b"\n")):
            client.read_reply()
        client.expect(421, enhanced="4.4.2")
        client.expect_closed()


def test_whoever_waits_is_told_of_the_end(start):
    """RFC 5321 3.8: 421 when the service shuts down"""
    server = start()
    clients = [server.connect() for _ in range(5)]
    clients[0].ehlo()
    clients[1].ehlo()
    clients[1].mail()
    clients[2].send_raw(b"EH")
    clients[2].wait_until_read()
    server.send_signal(signal.SIGTERM)
    for client in clients:
        client.expect(421, enhanced=("4.3.2", "4.3.0"))
        client.expect_closed()
        client.close()
    assert server.stop() == 0


@pytest.mark.plaintext
def test_a_start_that_nobody_reads_can_be_ended(program, tmp_path):
    """Its first line waits for room in a pipe that is full; a signal ends it, with status 0 as ever"""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(write_end, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(write_end, True)

    def is_listening():
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    with subprocess.Popen([*program, "-p", str(port), "-l", "127.0.0.1"], cwd=str(tmp_path), stdout=write_end,
                          stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(is_listening)
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT) == 0
        finally:
            process.kill()
            os.close(read_end)
            os.close(write_end)


def test_a_session_starts_anew_for_each_client(server):
    """RFC 5321 4.1.4: nothing of one client's state is seen by the next"""
    first, second = server.connect(), server.connect()
    first.ehlo()
    first.mail()
    second.send("MAIL FROM:<bob@example.org>")
    second.expect(503)
    second.ehlo()
    second.send("RCPT TO:<you@localhost>")
    second.expect(503)
    first.rcpt()
