"""Stage 2: SMTP commands and the envelope (RFC 5321, without DATA).

Codes are checked, wording is not. A mailbox `you` exists wherever one is needed.
"""
import sys
import time

import pytest

from client import TIMEOUT
from server import children_of, eventually


# ======== 2.1 A conversation

# RFC 5321 4.2.3: syntax error in parameters; mailbox name not allowed, as in incorrect syntax
SYNTAX = (501, 553)

# ---- the beginning

@pytest.mark.plaintext
@pytest.mark.key
def test_the_shortest_conversation(server):
    """Greeting 220, HELO 250, QUIT 221, and the server closes the connection (RFC 5321 3.1, 3.2, 3.8)"""
    client = server.connect(greeting=False)
    client.expect(220)
    client.send("HELO client.example")
    client.expect(250)
    client.send("QUIT")
    client.expect(221, enhanced="2.0.0")
    client.expect_closed()


@pytest.mark.plaintext
def test_the_greeting_says_esmtp(server):
    """The greeting has the word ESMTP in it, for some clients send EHLO only then (RFC 5321 4.2)"""
    client = server.connect(greeting=False)
    greeting = client.expect(220)
    assert "ESMTP" in greeting.lines[0]


@pytest.mark.key
def test_ehlo_lists_the_extensions(client):
    """EHLO is answered with 250 and a line for each extension, its keyword first (RFC 5321 4.1.1.1)"""
    keywords = client.ehlo().keywords
    assert not any(keywords.get(word)
                   for word in ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"))


@pytest.mark.robust
def test_enhanced_codes_are_announced(client):
    """EHLO announces ENHANCEDSTATUSCODES (RFC 2034)"""
    assert "ENHANCEDSTATUSCODES" in client.ehlo().keywords


def test_helo_is_answered_with_one_line(client):
    """The answer to HELO is a single line, for who says HELO knows nothing of extensions (RFC 5321
    4.1.1.1)"""
    assert len(client.helo().lines) == 1


@pytest.mark.parametrize("name", ["localhost", "mx.example.org", "[127.0.0.1]", "[IPv6:2001:db8::1]",
                                  "MY-PC", "my_pc", "xn--e1afmkfd.example", "пример.example"])
def test_names_that_real_clients_give(client, name):
    """A name in EHLO that looks wrong is no reason to refuse mail (RFC 5321 4.1.4)"""
    client.ehlo(name)
    client.mail()


@pytest.mark.parametrize("verb", ["HELO", "EHLO"])
def test_hello_without_a_name(client, verb):
    """EHLO and HELO without a name are refused with 501 and count for nothing (RFC 5321 4.1.1.1)"""
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
    ("HELP", [214, 211, 250]), ("HELP MAIL", [214, 211, 250, 504]),
    ("FROB", [500, 502]), ("", [500]), (" ", [500]), (" NOOP", [500]), ("NOOPE", [500]), ("NOO", [500]),
    ("MAIL", [501, 500]), ("MAIL FROM", [501]), ("MAIL FROM:", [501]), ("MAIL <alice@example.org>", [501]),
    ("MAIL TO:<alice@example.org>", [501]), ("MAIL FROX:<alice@example.org>", [501]),
    ("MAILFROM:<alice@example.org>", [500]),
    ("RCPT TO:<you@localhost>", [503]), ("DATA", [503, 502]), ("DATA now", [501, 502, 503]),
    ("AUTH PLAIN AGEAYQ==", [500, 502, 503, 504, 538]), ("TURN", [500, 502]), ("ETRN localhost", [500, 502]),
    ("BDAT 5 LAST", [500, 502, 503]),
], ids=str)
def test_a_command_and_its_code(client, line, codes):
    """Each command has its reply: 250 and its like for what is done, 500 for an unknown verb, 501 for wrong
    arguments, 502 for EXPN, 503 out of order (RFC 5321 4.1.1, 4.3.2)"""
    client.ehlo()
    client.send(line)
    client.expect(*codes)
    client.expect_in_sync()


@pytest.mark.key
def test_every_reply_has_an_enhanced_code(client):
    """Where enhanced status codes are announced each reply has one of its code's class, but for the
    greeting, HELO, EHLO and 3xx; each has a text (RFC 2034 4)"""
    client.ehlo()
    for line in ("NOOP", "VRFY you", "HELP", "FROB", "RSET", "MAIL", "MAIL FROM:<a@example.org>",
                 "MAIL FROM:<a@example.org>", "RCPT TO:<you@localhost>", "RCPT TO:<you@elsewhere.example>",
                 "RCPT TO:<", "EXPN x", "EHLO", "QUIT"):
        client.send(line)
        reply = client.read_reply()
        if client.announces_codes and reply.enhanced[:1] != str(reply.code)[0] and line != "EHLO":
            client.fail("an enhanced status code of class %s" % str(reply.code)[0], reply)
        assert all(text.strip() for text in reply.lines), "a reply without a text: %r" % reply


@pytest.mark.parametrize("line, code", [
    ("NOOP ", 250), ("RSET ", 250), ("RSET   ", 250), ("EHLO client.example ", 250),
    ("MAIL FROM:<alice@example.org> ", 250), ("MAIL FROM: <alice@example.org>", 250),
    ("mail from:<alice@example.org>", 250), ("Mail From:<alice@example.org>", 250), ("NOOP\t", 250),
    ("RSET \t ", 250), ("MAIL FROM:<alice@example.org>\t", 250), ("QUIT ", 221)])
def test_white_space_and_case_are_forgiven(client, line, code):
    """Verbs and keywords are taken in any case, and white space at the end of a line is forgiven (RFC 5321
    2.4, 4.1.1)"""
    client.ehlo()
    client.send(line)
    client.expect(code)


# ---- their order

def test_nothing_is_needed_before_the_harmless_ones(client):
    """NOOP, HELP, VRFY, RSET and QUIT are answered at any time, before a hello too (RFC 5321 4.1.4)"""
    for line, *codes in (("NOOP", 250), ("HELP", 211, 214, 250), ("RSET", 250), ("VRFY you", 252, 250),
                         ("QUIT", 221)):
        client.send(line)
        client.expect(*codes)
    client.expect_closed()


@pytest.mark.key
def test_mail_before_hello(client):
    """MAIL before a hello is out of order: 503 (RFC 5321 4.1.4)"""
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503, enhanced="5.5.1")


def test_rcpt_before_mail(client):
    """RCPT before MAIL is out of order: 503 (RFC 5321 4.1.4)"""
    client.ehlo()
    client.send("RCPT TO:<you@localhost>")
    client.expect(503, enhanced="5.5.1")


def test_mail_within_mail(client):
    """A second MAIL is refused with 503, and the transaction that was begun goes on (RFC 5321 4.1.4)"""
    client.ehlo()
    client.mail()
    client.send("MAIL FROM:<bob@example.org>")
    client.expect(503, enhanced="5.5.1")
    client.rcpt()


@pytest.mark.parametrize("line", ["RSET", "EHLO again.example", "HELO again.example"])
def test_what_ends_a_transaction(client, line):
    """RSET and a new EHLO or HELO end the transaction; the hello stays said (RFC 5321 4.1.1.5, 4.1.4)"""
    client.ehlo()
    client.mail()
    client.rcpt()
    client.send(line)
    client.expect(250)
    client.send("RCPT TO:<you@localhost>")
    client.expect(503)
    client.mail()
    client.rcpt()


@pytest.mark.parametrize("line", ["EHLO", "HELO", "RSET please", "NOOP", "HELP", "VRFY you", "EXPN you",
                                  "FROB", "MAIL FROM:<"])
def test_what_does_not_end_a_transaction(client, line):
    """A command that is refused, and NOOP, HELP and VRFY, leave the transaction as it is (RFC 5321 4.1.4)"""
    client.ehlo()
    client.mail()
    client.send(line)
    client.read_reply()
    client.rcpt()


@pytest.mark.only_step(2)
def test_data_is_the_next_layer(client):
    """DATA is known but not there yet: 502 (RFC 5321 4.2.4)"""
    client.ehlo()
    client.mail()
    client.rcpt()
    client.send("DATA")
    client.expect(502, enhanced="5.5.1")


# ---- limits

def test_a_command_line_of_512_octets(client):
    """A command line of 512 octets is taken (RFC 5321 4.5.3.1.4)"""
    client.ehlo()
    client.send("NOOP " + "a" * 505)
    client.expect(250)
    client.send("MAIL FROM:<%s@%s>%s" % ("a" * 64, ".".join(["d" * 60] * 3), " " * 20))
    client.expect(250)


@pytest.mark.robust
@pytest.mark.key
def test_a_line_over_the_limit(client):
    """A line over the limit is answered 500 once, and the next line is a command again (RFC 5321
    4.5.3.1.10)"""
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


@pytest.mark.robust
@pytest.mark.parametrize("octet", [b"\0", b"\1", b"\x7f", b"\r", b"\x1b"], ids=lambda octet: octet.hex())
@pytest.mark.parametrize("line", [
    b"EHLO a%b", b"MAIL FROM:<a%lice@example.org>", b'MAIL FROM:<"a%lice"@example.org>', b"%NOOP", b"FR%OB"])
def test_control_characters_in_a_command(said_hello, line, octet):
    """A control character in a command gets one refusal, and no command is hidden behind it (RFC 5321 2.3.8,
    4.1.2)"""
    said_hello.send(line.replace(b"%", octet))
    said_hello.expect(500, 501, 553)
    said_hello.expect_in_sync()


def test_a_bare_lf_does_not_end_a_command(client):
    """A line that ends in LF alone is refused with 500, and what was in it is not done (RFC 5321 2.3.8)"""
    client.send_raw(b"EHLO client.example\n")
    client.expect(500, enhanced=("5.5.2", "5.6.0", "5.5.0"))
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503)


def test_a_session_starts_anew_for_each_client(server):
    """Nothing that one client has said is known in the conversation of another (RFC 5321 4.1.4)"""
    first, second = server.connect(), server.connect()
    first.ehlo()
    first.mail()
    second.send("MAIL FROM:<bob@example.org>")
    second.expect(503)
    second.ehlo()
    second.send("RCPT TO:<you@localhost>")
    second.expect(503)
    first.rcpt()


# ======== 2.2 Paths

# ---- paths

GOOD_PATHS = [
    "<alice@example.org>", "<a.l.i.c.e@example.org>", "<a@localhost>", "<a@3com.example>",
    "<a@x--y.example>", "<1@2.example>",
    "<!#$%&'*+-/=?^_`{|}~@example.org>", "<a@EXAMPLE.org>",
    '<"alice"@example.org>', '<"al ice"@example.org>', '<"al..ice."@example.org>',
    '<"al\\"ice"@example.org>', '<"al\\\\ice"@example.org>', '<"a\\lice"@example.org>',
    '<"<al,ice>"@example.org>', '<"@"@example.org>', '<""@example.org>', "<alice@[192.0.2.1]>",
    "<alice@[IPv6:2001:db8::1]>", "<alice@[IPv6:::]>", "<alice@[IPv6:::ffff:192.0.2.1]>",
    "<alice@[IPv6:2001:db8:1:2:3:4:5:6]>", "<alice@[ipv6:2001:db8::1]>",
    "<@relay.example:alice@example.org>", "<@a.example,@b.example:alice@example.org>",
    "<" + "a" * 64 + "@example.org>",
    "<a@" + ".".join(["d" * 62] * 4) + ">",             # a path of 256 octets: RFC 5321 4.5.3.1.3
]

# What everybody sees at a glance; and what a parser takes that is not strict.
BAD_PATHS = [
    "", "alice@example.org", "<alice", "<alice>", "<alice@>", "<@example.org>", "<alice@example.org",
    "<alice@@example.org>", "<al ice@example.org>", "<alice@example..org>", "<alice@-example.org>",
    '<"alice@example.org>', "<alice@[192.0.2.256]>", "Alice <alice@example.org>",
]

ALMOST_PATHS = [
    "<@>", "< >", "<\"alice\">", "<<alice@example.org>>", "<alice@example@org>", "<al,ice@example.org>",
    "<al(c)ice@example.org>", "<al:ice@example.org>", "<al;ice@example.org>", "<al\\ice@example.org>",
    "<al[i]ce@example.org>", "< alice@example.org>", "<alice@example.org >", "<alice @example.org>",
    "<alice@ example.org>", "<alice@.example.org>", "<alice@example-.org>", "<alice@exam ple.org>",
    "<alice@exam!ple.org>", "<alice@\"example.org\">", "<alice@example.org/x>", '<alice"@example.org>',
    '<"alice"bob@example.org>', '<alice"bob"@example.org>', '<"al"ice"@example.org>',
    '<"alice\\"@example.org>', '<"alice" @example.org>', "<alice@[192.0.2]>", "<alice@[192.0.2.1>",
    "<alice@192.0.2.1]>", "<alice@[192.0.2.1]x>", "<alice@[]>", "<alice@[IPv6:2001:db8::1::2]>",
    "<alice@[IPv6:192.0.2.1]>", "<alice@[IPv6:2001:db8:12345::1]>", "<alice@[IPv6:]>",
    "<@relay.example alice@example.org>", "<@relay.example:>", "<@:alice@example.org>",
    "<relay.example:alice@example.org>", "<@relay.example,alice@example.org>",
    "<@a.example@b.example:alice@example.org>", "<@relay..example:alice@example.org>",
    "<a@" + "d." * 127 + "dd>",
]

# What the grammar does not have, and real senders do: dots (RFC 5322 3.4.1), more than 64 octets (RFC 5321
# 4.5.3.1.1), and the underscore in the names of Windows machines.
ODD_PATHS = [
    "<alice@my_pc.example.org>", "<alice@_mx.example.org>",
    "<a..b@example.org>", "<a.@example.org>", "<.a@example.org>", "<a...b..@example.org>",
    "<name+caf_=list_1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0c=example.org@example.org>",
    "<" + "a" * 65 + "@example.org>", "<reply+" + "0123456789abcdef" * 6 + "@example.org>",
    "<" + "a.b-" * 100 + "c@example.org>", '<"' + "a b" * 30 + '"@example.org>',
    "<@relay.example:" + "a" * 200 + "@example.org>",
]


def shorten(text):
    return text if len(text) < 60 else text[:20] + "..." + str(len(text))


@pytest.mark.parametrize("path", ODD_PATHS, ids=shorten)
def test_a_reverse_path_beyond_the_grammar(said_hello, path):
    """A sender whose local part is longer than 64 octets, or has dots where the grammar has none, is taken
    (RFC 5321 4.5.3.1)"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(250, enhanced=("2.1.0", "2.0.0"))
    said_hello.rcpt()


@pytest.mark.parametrize("path", ODD_PATHS, ids=shorten)
def test_a_forward_path_beyond_the_grammar(said_hello, path):
    """A recipient of such a form is a name like any other, at most unknown: 550 (RFC 5321 3.3)"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path.replace("example.org>", "localhost>"))
    said_hello.expect(250, 550)
    said_hello.rcpt()


@pytest.mark.robust
def test_a_reverse_path_as_long_as_the_line(said_hello):
    """A sender's address may be as long as the command line allows (RFC 5321 4.5.3.1.4)"""
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
    """MAIL takes every path that the grammar allows: quoted local parts, address literals, source routes,
    and <> (RFC 5321 4.1.2)"""
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(250, enhanced=("2.1.0", "2.0.0"))


def refuse_sender(said_hello, path):
    said_hello.send("MAIL FROM:" + path)
    said_hello.expect(*SYNTAX, enhanced=("5.1.7", "5.1.0", "5.5.2", "5.5.4"))
    said_hello.mail()


@pytest.mark.parametrize("path", BAD_PATHS + ["<postmaster>"], ids=shorten)
def test_a_bad_reverse_path(said_hello, path):
    """MAIL refuses a path that is not one with 501 or 553, and can be given again; 5.1.7 is a sender's syntax
    (RFC 5321 4.1.2, RFC 3463 3.2)"""
    refuse_sender(said_hello, path)


@pytest.mark.robust
@pytest.mark.parametrize("path", ALMOST_PATHS, ids=shorten)
def test_a_reverse_path_that_is_almost_one(said_hello, path):
    """MAIL takes no path that breaks a single rule of the grammar: 501 or 553 (RFC 5321 4.1.2, 4.1.3)"""
    refuse_sender(said_hello, path)


@pytest.mark.parametrize("path", [
    "<you@localhost>", "<you@LocalHost>", '<"you"@localhost>', '<"y\\ou"@localhost>',
    "<@relay.example:you@localhost>", "<@a.example,@b.example:you@localhost>", "<postmaster@localhost>",
    "<Postmaster>", "<postmaster>", "<POSTMASTER>", "<PostMaster@localhost>"])
def test_a_good_forward_path(said_hello, path):
    """RCPT takes every path to a domain of ours, and Postmaster without a domain and in any case (RFC 5321
    4.1.1.3, 4.5.1)"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path)
    said_hello.expect(250, enhanced=("2.1.5", "2.0.0"))


def refuse_recipient(said_hello, path):
    said_hello.mail()
    said_hello.send("RCPT TO:" + path.replace("example.org", "localhost"))
    said_hello.expect(*SYNTAX, enhanced=("5.1.3", "5.1.0", "5.5.2", "5.5.4"))
    said_hello.rcpt()


@pytest.mark.parametrize("path", ["<>"] + [path for path in BAD_PATHS if path != "<alice>"], ids=shorten)
def test_a_bad_forward_path(said_hello, path):
    """RCPT refuses a path that is not one with 501 or 553, and can be given again; <> is for MAIL only, and
    5.1.3 is a recipient's syntax (RFC 5321 4.1.1.3, RFC 3463 3.2)"""
    refuse_recipient(said_hello, path)


@pytest.mark.robust
@pytest.mark.parametrize("path", ALMOST_PATHS, ids=shorten)
def test_a_forward_path_that_is_almost_one(said_hello, path):
    """RCPT takes no path that breaks a single rule of the grammar: 501 or 553 (RFC 5321 4.1.2, 4.1.3)"""
    refuse_recipient(said_hello, path)


@pytest.mark.parametrize("path", [
    "<you@elsewhere.example>", "<you@localhost.example>", "<you@xlocalhost>", "<you@localhos>",
    "<you@[192.0.2.1]>", "<@localhost:you@elsewhere.example>", "<postmaster@elsewhere.example>",
    "<you%elsewhere.example@localhost>", "<elsewhere.example!you@localhost>",
    '<"you@elsewhere.example"@localhost>', '<"you\\@elsewhere.example"@localhost>',
    '<"you%elsewhere.example"@localhost>', "<@localhost:you%elsewhere.example@localhost>",
    "<you@localhost%elsewhere.example@localhost>"])
@pytest.mark.key
def test_nothing_is_relayed(said_hello, path):
    """RCPT refuses every way to say another domain: by name, percent sign, exclamation mark, quoting or
    source route (RFC 5321 3.6.1, 7.8)"""
    said_hello.mail()
    said_hello.send("RCPT TO:" + path)
    said_hello.expect(550, 551, 501, 553)
    said_hello.rcpt()


@pytest.mark.parametrize("junk", [">", "SIZE=5", "x", "<", ",<bob@example.org>"])
def test_something_glued_to_a_path(said_hello, junk):
    """After a path comes a space or the end of the line; anything else is refused (RFC 5321 4.1.1.2,
    4.1.1.3)"""
    said_hello.send("MAIL FROM:<alice@example.org>" + junk)
    said_hello.expect(501, 553, 555)
    said_hello.mail()
    said_hello.send("RCPT TO:<you@localhost>" + junk)
    said_hello.expect(501, 553, 555)
    said_hello.rcpt()


def test_the_reply_for_a_foreign_domain(said_hello):
    """A recipient at a domain that is not ours: 550, and 5.7.1 (RFC 5321 3.6.1, RFC 3463 3.8)"""
    said_hello.mail()
    said_hello.send("RCPT TO:<you@elsewhere.example>")
    said_hello.expect(550, enhanced="5.7.1")


@pytest.mark.parametrize("parameters, codes", [
    ("FROB=1", [555]), ("FROB", [555]), ("RET=FULL", [555]), ("AUTH=<>", [555]), ("SIZEX=5", [555]),
    ("=5", [501, 555]), ("<alice@example.org>", [501, 555])], ids=str)
def test_an_unknown_parameter_of_mail(said_hello, parameters, codes):
    """A parameter of MAIL that is not known is refused with 555, and MAIL can be given again (RFC 5321
    4.1.1.11)"""
    said_hello.send("MAIL FROM:<alice@example.org> " + parameters)
    said_hello.expect(*codes, enhanced=("5.5.4", "5.5.2"))
    said_hello.mail()


@pytest.mark.parametrize("parameters", ["NOTIFY=NEVER", "ORCPT=rfc822;you@localhost", "FROB", "SIZE=5"])
def test_a_parameter_of_rcpt(said_hello, parameters):
    """RCPT has no parameters here: 555, and the recipient can be given again without (RFC 5321 4.1.1.11)"""
    said_hello.mail()
    said_hello.send("RCPT TO:<you@localhost> " + parameters)
    said_hello.expect(555, 501)
    said_hello.rcpt()


def test_a_refused_command_can_be_said_again_rightly(client):
    """After a MAIL or RCPT with a fault the same command can be given again, without the fault (RFC 5321
    3.3)"""
    client.ehlo()
    client.send("MAIL FROM:<alice@@example.org>")
    client.expect(*SYNTAX)
    client.mail()
    client.send("RCPT TO:<you@@localhost>")
    client.expect(*SYNTAX)
    client.rcpt()


# ---- domains

def test_option_d_may_be_repeated(start):
    """-d names a domain and may be repeated; mail is taken for these in any case, and for no other"""
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


# ======== 2.3 Pipelining, and the last words

def test_nothing_is_done_after_quit(client):
    """After QUIT nothing more is done or answered, and the end is orderly (RFC 5321 4.1.1.10)"""
    client.send_raw(b"NOOP\r\nQUIT\r\n" + b"NOOP\r\n" * 20000)
    client.expect(250)
    client.expect(221)
    client.expect_closed(orderly=True)


@pytest.mark.robust
@pytest.mark.plaintext
def test_who_does_not_hang_up_after_the_end(server):
    """A client that keeps its connection after QUIT is left alone with it after a moment: no process waits
    for its end"""
    client = server.connect()
    client.send("QUIT")
    client.expect(221)
    client.expect_closed()
    assert eventually(lambda: not children_of(server.pid)), "a process waits for a client that is done"


@pytest.mark.robust
@pytest.mark.plaintext
def test_who_goes_on_sending_after_the_end(client):
    """A client that goes on sending after QUIT is cut off"""
    client.send("QUIT")
    client.expect(221)
    with pytest.raises(OSError):
        for _ in range(2000):
            client.sock.sendall(b"NOOP and more\r\n" * 4000)
        client.fail("the end of the connection", "100 MB were taken after QUIT")


@pytest.mark.robust
@pytest.mark.plaintext
def test_the_end_is_not_kept_waiting(server):
    """The connection ends with the reply to QUIT, and not some seconds later"""
    def quick():
        client = server.connect()
        began = time.monotonic()
        client.send("QUIT")
        client.expect(221)
        client.expect_closed()
        return time.monotonic() - began < TIMEOUT / 10

    assert any(quick() for _ in range(3)), "expected: the end at once\ncame:     the end after a second"


# ---- pipelining

def test_pipelining_is_announced(client):
    """EHLO announces PIPELINING (RFC 2920)"""
    assert "PIPELINING" in client.ehlo().keywords


@pytest.mark.key
def test_commands_in_one_go(client):
    """Commands that come in one go have each its reply, in order (RFC 2920 3.1)"""
    client.ehlo()
    client.send_raw(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\n"
                    b"RCPT TO:<you@elsewhere.example>\r\nFROB\r\n"
                    b"RCPT TO:<postmaster>\r\nRSET\r\nRCPT TO:<you@localhost>\r\nNOOP\r\nQUIT\r\n")
    for code in (250, 250, 550, 500, 250, 250, 503, 250, 221):
        client.expect(code)
    client.expect_closed()


def test_commands_cut_anywhere(client):
    """A group of commands is answered alike, wherever it is cut in two"""
    group = b"EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\nRSET\r\n"
    for cut in range(1, len(group)):
        client.send_in_pieces(group[:cut], group[cut:])
        for _ in range(4):
            client.expect(250)


def test_many_commands_in_one_go(client):
    """Ten thousand commands in one go have each its reply (RFC 2920 3.1)"""
    client.ehlo()
    client.send_raw(b"".join(b"NOOP %d\r\nVRFY you\r\n" % number for number in range(5000)))
    for _ in range(5000):
        client.expect(250)
        client.expect(252, 250)
    client.expect_in_sync()


@pytest.mark.robust
@pytest.mark.skipif(not sys.platform.startswith("linux"),
                    reason="only Linux counts the segments of a connection")
def test_replies_to_a_group_leave_together(client):
    """The replies to a group of commands leave together, when the input is used up (RFC 2920 3.2)"""
    client.ehlo()
    before = client.segments()
    client.send_raw(b"MAIL FROM:<alice@example.org>\r\n" + b"RCPT TO:<you@localhost>\r\n" * 40 + b"RSET\r\n")
    for _ in range(42):
        client.expect(250)
    came = client.segments() - before
    assert came <= 2, "42 replies came in %d TCP segments" % came


@pytest.mark.robust
@pytest.mark.plaintext
def test_replies_to_a_group_take_one_write(strace):
    """The replies to a group of commands are written together, before the next wait for input (RFC
    2920 3.2)"""
    server, watcher = strace("-e", "trace=write,writev,sendto,sendmsg")
    client = server.connect()
    client.ehlo()
    client.send_raw(b"MAIL FROM:<alice@example.org>\r\n" + b"RCPT TO:<you@localhost>\r\n" * 40
                    + b"RSET\r\nQUIT\r\n")
    for code in [250] * 42 + [221]:
        client.expect(code)
    client.expect_closed()
    writes = [line for line in watcher.calls() if '"' in line]
    assert len(writes) <= 6, "43 replies and the greeting took %d writes" % len(writes)
