"""Stage 6: mail over TLS, as the sender and the operator see it. STARTTLS is RFC 3207, TLS 1.3 is RFC 8446.

The client's TLS is OpenSSL's here, by way of Python's ssl module, and other people's programs where they
are installed. What a client can do wrong inside TLS is for test_06_handshake.py.
"""
import email
import email.policy
import hashlib
import os
import pwd
import random
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import tls_credentials
from client import TIMEOUT, Client, ConversationError
from conftest import end_server
from server import Server, children_of, eventually, make_mailbox, trace_and_content
from test_01_echo import expect_fault

# ======== 6.1 The command, and why it can be stripped

SUITES = ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]
GROUPS = {"x25519": "X25519",
          "secp256r1": "P-256"}            # RFC 8446's names, and those of OpenSSL's programs
SIMPLE = b"From: alice@example.org\r\nSubject: test\r\n\r\nHello.\r\n"
HANDSHAKE, ALERT = 22, 21                                      # content types: RFC 8446 5.1
# up to the point: RFC 5480
P256_KEY_INFO = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
TLSA = re.compile(r"_25\._tcp\.(\S+?)\.? (?:\d+ )?IN TLSA 3 1 1 ([0-9a-fA-F]{64})$")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def as_stored(message):
    return message.replace(b"\r\n", b"\n")


def contents(server, mailbox="you"):
    return [trace_and_content(stored)[2] for stored in server.messages(mailbox)]


def big_message(size=5000000):
    """Lines of any length, of any bytes but CR and LF, some with a dot in front."""
    chance = random.Random(6)
    alphabet = bytes(byte for byte in range(256) if byte not in b"\r\n")
    table = bytes(alphabet[byte % len(alphabet)] for byte in range(256))
    noise, lines, at = chance.getrandbits(8 * size).to_bytes(size, "big").translate(table), [b"Subject: big",
                                                                                             b""], 0
    while at < size:
        length = chance.randrange(990)
        lines.append(b"." * (length % 3 == 0) + noise[at:at + length])
        at += length + 2
    return b"\r\n".join(lines) + b"\r\n"


def verifying(cafile, **settings):
    """A context that trusts what this file says, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(cafile))
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def trusting(group=None, **settings):
    """A context that does not ask who the server is. OpenSSL's first choice is x25519, and Python can not
    name that one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if group == "secp256r1":
        context.set_ecdh_curve("prime256v1")
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def tls_client(server, *context, **connect):
    """A client that is through the handshake, and has yet to say EHLO."""
    __tracebackhide__ = True
    client = server.connect(**connect)
    client.ehlo()
    client.starttls(*context)
    return client


class Plain:
    """The client's half of a handshake, whose bytes the test moves to and fro itself."""

    def __init__(self, client, context):
        self.client, self.incoming, self.outgoing = client, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def step(self):
        """What the client would send next."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def receive(self):
        self.incoming.write(self.client.sock.recv(65536))


@pytest.fixture
def ours(request):
    """For what only our program promises."""
    if request.config.getoption("--prog"):
        pytest.skip("only ours says it in these words")


@pytest.fixture
def plain_server(program, step, tmp_path):
    """A server without -c and -k."""
    directory = tmp_path / "plain"
    make_mailbox(directory / "mail", "you")
    server = Server([*program, "-p", "0", "-m", directory / "mail"], directory, step)
    yield server
    for client in Client.conversations:
        client.close()
    end_server(server)


# ---- STARTTLS, the command

@pytest.mark.key
def test_starttls_is_offered(client):
    """EHLO announces STARTTLS, without parameters (RFC 3207 2)"""
    assert client.ehlo().keywords.get("STARTTLS") == ""


@pytest.mark.key
def test_mail_over_tls(server, client):
    """EHLO, STARTTLS, the handshake, EHLO again, and the mail arrives (RFC 3207 5)"""
    client.ehlo()
    client.starttls()
    assert client.sock.version() == "TLSv1.3"
    client.ehlo()
    client.deliver(SIMPLE)
    client.quit()
    assert contents(server) == [as_stored(SIMPLE)]


@pytest.mark.key
def test_starttls_is_not_offered_twice(client):
    """Inside TLS the keyword is gone, STARTTLS is refused, and all else stays (RFC 3207 4.2)"""
    before = client.ehlo().keywords
    client.starttls()
    after = client.ehlo().keywords
    assert before.pop("STARTTLS", None) == "" and after == before
    client.send("STARTTLS")
    client.expect(503, 502, 554)
    client.expect_in_sync()


def test_no_certificate_no_starttls(plain_server):
    """Without -c and -k it is an ordinary mail server that does not know STARTTLS (RFC 3207 4)"""
    client = plain_server.connect()
    assert "STARTTLS" not in client.ehlo().keywords
    client.send("STARTTLS")
    assert client.expect(500, 502, 503, 504, 554).enhanced.startswith("5.")
    client.deliver(SIMPLE)
    client.quit()
    assert contents(plain_server) == [as_stored(SIMPLE)]
    assert not [line for line in plain_server.stdout_lines() if "TLSA" in line]


@pytest.mark.parametrize("line", ["STARTTLS now", "starttls TLSv1.3", "STARTTLS localhost"])
def test_starttls_has_no_parameters(client, line):
    """STARTTLS with a parameter is 501 (RFC 3207 4)"""
    client.ehlo()
    client.send(line)
    client.expect(501)
    client.expect_in_sync()
    client.starttls()
    client.ehlo()


@pytest.mark.parametrize("line", ["starttls", "StartTLS", "STARTTLS  "])
def test_starttls_in_any_case(client, line):
    """STARTTLS is taken in any case, and with white space at its end (RFC 5321 2.4)"""
    client.ehlo()
    client.starttls(line=line)
    client.ehlo()


def test_starttls_before_ehlo(client):
    """STARTTLS before EHLO is out of order: 503 (RFC 5321 4.1.4)"""
    client.send("STARTTLS")
    client.expect(503)
    client.ehlo()
    client.starttls()


def test_starttls_may_be_last_in_a_group(client):
    """Commands in one packet before STARTTLS are answered (RFC 3207 4.1, RFC 2920 3.1)"""
    client.send_raw(b"EHLO client.example\r\nNOOP\r\nSTARTTLS\r\n")
    client.expect(250)
    client.expect(250)
    client.expect(220)
    client.handshake()
    client.ehlo()


def test_a_refused_starttls_is_a_fault(client):
    """A refused STARTTLS counts as a faulty command"""
    client.ehlo()
    for _ in range(19):
        client.send("STARTTLS now")
        client.expect(501)
    client.send("STARTTLS now")
    client.expect(501)
    client.expect(421)
    client.expect_closed()


# ---- the session starts anew

@pytest.mark.parametrize("line", ["MAIL FROM:<alice@example.org>", "RCPT TO:<you@localhost>", "DATA"])
def test_the_first_ehlo_is_forgotten(client, line):
    """After the handshake the client has not said EHLO (RFC 3207 4.2)"""
    client.ehlo()
    client.starttls()
    client.send(line)
    client.expect(503)
    client.ehlo()
    client.mail()


def test_there_is_no_second_greeting(client):
    """After the handshake the client speaks first (RFC 3207 4.2)"""
    client.ehlo()
    client.starttls()
    client.send("NOOP")
    client.expect(250)
    client.expect_in_sync()


def test_an_envelope_from_before_is_gone(server, client):
    """An envelope from before the handshake is gone, for it may be a stranger's; STARTTLS within a
    transaction may be refused, too (RFC 3207 4.2)"""
    client.ehlo("stranger.example")
    client.mail("stranger@example.org")
    client.rcpt()
    client.send("STARTTLS")
    if client.expect(220, 503).code == 503:
        client.send("RSET")
        client.expect(250)
        client.starttls()
    else:
        client.handshake()
    for line in ("DATA", "RCPT TO:<you@localhost>"):
        client.send(line)
        client.expect(503)
    client.ehlo("me.example")
    for line in ("DATA", "RCPT TO:<you@localhost>"):
        client.send(line)
        client.expect(503)
    client.deliver(SIMPLE)
    assert b"stranger" not in server.only_message()


# ---- plaintext that was put behind STARTTLS

@pytest.mark.parametrize("injected", [
    b"NOOP\r\n", b"NOO", b"NOOP\r\n" * 300, b"RSET\r\nQUIT\r\n", b"EHLO injected.example\r\n",
    b"EHLO injected.example\r\nMAIL FROM:<injected@example.org>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n"
    b"injected\r\n.\r\n",
    b"EHLO injected.example\r\nMAIL FROM:<injected@example.org>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n"
    b"Subject: injected\r\n\r\n"],
    ids=["a command", "half a command", "many commands", "QUIT", "EHLO", "a message", "half a message"])
@pytest.mark.parametrize("before", [b"", b"EHLO client.example\r\nNOOP\r\n"], ids=["", "in a group"])
def test_injected_plaintext_is_discarded(server, client, injected, before):
    """Octets that came in one packet with STARTTLS are not taken for the client's after it (RFC 3207 6,
    CVE-2011-0411)"""
    if not before:
        client.ehlo()
    client.send_raw(before + b"STARTTLS\r\n" + injected)
    for _ in before.splitlines():
        client.expect(250)
    client.expect(220)
    client.handshake()
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503)
    client.ehlo()
    client.deliver(SIMPLE)
    client.expect_in_sync()
    client.quit()
    assert contents(server) == [as_stored(SIMPLE)]
    assert b"injected" not in server.only_message()


@pytest.mark.robust
def test_injected_plaintext_that_comes_later_is_no_tls(server, client):
    """Plaintext in place of the handshake ends the connection, and no command in it is done (RFC 8446 6)"""
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    client.send_raw(b"EHLO injected.example\r\nMAIL FROM:<injected@example.org>\r\nRCPT "
                    b"TO:<you@localhost>\r\nDATA\r\n"
                    b"injected\r\n.\r\n")
    rest = client.read_to_the_end()
    assert rest == b"" or rest[0] == ALERT
    assert server.messages() == []
    tls_client(server).ehlo()


@pytest.mark.robust
def test_plaintext_in_the_middle_of_tls(server):
    """Plaintext in the middle of TLS ends the connection, and half a message is no message (RFC 8446 5.2)"""
    client = tls_client(server)
    client.ehlo()
    client.envelope()
    client.send_raw(b"Subject: x\r\n\r\n")
    os.write(client.sock.fileno(), b"injected\r\n.\r\n")
    client.read_to_the_end()
    assert eventually(lambda: not server.tmp())
    assert server.messages() == []


# ---- what is kept of it

def received_field(server):
    field = trace_and_content(server.only_message())[1]
    return " ".join(field.decode().split())


def test_trace_information(server, request):
    """Received says `with ESMTPS` and names the suite (RFC 3848, RFC 8314 4.3)"""
    client = tls_client(server)
    client.ehlo("me.example")
    client.deliver(SIMPLE)
    field = received_field(server)
    assert re.match(r"Received: from me\.example \(.*\[127\.0\.0\.1\]\) by \S+ .*\bwith ESMTPS\b.* id \S+",
                    field), field
    if not request.config.getoption("--prog"):
        assert re.search(r" for <you@localhost> tls %s; " % client.sock.cipher()[0], field), field
    message = email.message_from_bytes(server.only_message(), policy=email.policy.default)
    assert message["Subject"] == "test" and not message.defects


def test_trace_information_without_tls(server, client):
    """Without TLS Received says `with ESMTP` and names no suite (RFC 3848)"""
    client.ehlo()
    client.deliver(SIMPLE)
    assert " with ESMTP " in received_field(server)
    assert "TLS_" not in received_field(server)


@pytest.mark.parametrize("hello, parameters, protocol", [
    ("HELO", "", "SMTP"), ("EHLO", "SMTPUTF8", "UTF8SMTPS"), ("EHLO", "", "ESMTPS")])
def test_the_protocol_has_a_registered_name(server, hello, parameters, protocol):
    """The protocol in Received is one that IANA has registered: there is no SMTPS (RFC 3848, RFC 6531
    4.3)"""
    client = tls_client(server)
    client.send(hello + " me.example")
    client.expect(250)
    client.deliver(SIMPLE, parameters=parameters)
    assert re.search(r" with (\S+)", received_field(server)).group(1).rstrip(";") in (protocol,
                                                                                      "ESMTPS" if parameters
                                                                                      else protocol)


# ---- whole messages

# OpenSSL takes the suites of TLS 1.3 from its configuration, where Python has no call to choose them.
OPENSSL_CONF = """
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
Ciphersuites = %s
"""

# Deliver a file with smtplib, and say which suite it was.
SENDER = """
import smtplib, ssl, sys
port, path, cafile = sys.argv[1:]
context = ssl.create_default_context(cafile=cafile)
with smtplib.SMTP("127.0.0.1", int(port), timeout=%g) as client:
    client._host = "localhost"      # the name that the certificate has to have
    client.starttls(context=context)
    print(client.sock.cipher()[0], client.sock.version())
    with open(path, "rb") as file:
        client.sendmail("alice@example.org", ["you@localhost"], file.read())
""" % TIMEOUT


def send_with_python(server, path, suite):
    """Deliver a file from a process of its own, where this suite is the only one. Returns [suite,
    version]."""
    configuration = path.with_suffix(".cnf")
    configuration.write_text(OPENSSL_CONF % suite)
    command = [sys.executable, "-c", SENDER, str(server.port), str(path),
               str(server.directory / "certificate.pem")]
    done = subprocess.run(command, env={**os.environ, "OPENSSL_CONF": str(configuration)},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=3 * TIMEOUT,
                          universal_newlines=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("suite", SUITES)
def test_5_megabytes_byte_for_byte(server, tmp_path, suite):
    """A message of 5 MB arrives to the octet under each suite (RFC 8446 5.1, 9.1)"""
    message = big_message()
    path = tmp_path / "big.eml"
    path.write_bytes(message)
    used, version = send_with_python(server, path, suite)
    if used != suite:
        pytest.skip("this Python's OpenSSL does not let one choose the suite")
    assert version == "TLSv1.3"
    stored, = contents(server)
    assert hashlib.sha256(stored).digest() == hashlib.sha256(as_stored(message)).digest()


@pytest.mark.parametrize("group", GROUPS)
def test_each_group(server, tmp_path, group):
    """A message goes through with each group (RFC 8446 9.1)"""
    client = tls_client(server, trusting(group))
    client.ehlo()
    client.deliver(SIMPLE)
    client.quit()
    assert contents(server) == [as_stored(SIMPLE)]


def test_the_preferred_suite(server):
    """ChaCha20-Poly1305 is chosen where both suites are offered"""
    client = tls_client(server)
    assert client.sock.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"


def test_many_messages_in_one_session(server):
    """Many messages go through in one session"""
    client = tls_client(server)
    client.ehlo()
    bodies = [b"Subject: %d\r\n\r\n" % number + b"x\r\n" * (number * 700) for number in range(20)]
    for body in bodies:
        client.deliver(body)
    client.quit()
    assert sorted(contents(server)) == sorted(map(as_stored, bodies))


@pytest.mark.robust
def test_a_message_in_tiny_records(server):
    """A message may come in records of an octet or two (RFC 8446 5.1)"""
    client = tls_client(server)
    client.ehlo()
    client.envelope()
    message = b"Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n"
    for byte in message.replace(b"\r\n.", b"\r\n..") + b".\r\nNOOP\r\n":
        client.send_raw(bytes([byte]))
    client.expect(250)
    client.expect(250)
    assert contents(server) == [as_stored(message)]


@pytest.mark.robust
def test_50_clients_at_once(server):
    """50 clients at once get their messages through"""
    bodies = [b"Subject: %d\r\n\r\n" % number + b"%d\r\n" % number * 2000 for number in range(50)]
    clients = [server.connect() for _ in bodies]
    barrier, failures = threading.Barrier(10), []

    def talk(mine):
        try:
            barrier.wait(TIMEOUT)
            for client, _ in mine:
                client.ehlo()
                client.starttls()
                client.ehlo()
            for client, body in mine:
                client.envelope()
                client.send_raw(body[:len(body) // 2])
            for client, body in mine:
                client.send_raw(body[len(body) // 2:] + b".\r\n")
                client.expect(250)
                client.quit()
        except (AssertionError, OSError, threading.BrokenBarrierError) as error:
            failures.append(error)

    pairs = list(zip(clients, bodies))
    threads = [threading.Thread(target=talk, args=(pairs[first::10],)) for first in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    assert sorted(contents(server)) == sorted(map(as_stored, bodies))
    assert eventually(lambda: not children_of(server.pid))


# ---- the end of a connection

def test_close_notify_after_quit(client):
    """After QUIT comes close_notify (RFC 8446 6.1)"""
    client.ehlo()
    client.starttls()
    client.ehlo()
    client.send("QUIT")
    client.expect(221)
    client.expect_closed(orderly=True)


def test_close_notify_after_421(start):
    """A 421 is protected as all else, and close_notify follows (RFC 8446 6.1)"""
    server = start("-t", "1")
    client = tls_client(server)
    client.expect(421)
    client.expect_closed(orderly=True)


def test_close_notify_at_the_servers_end(start):
    """At SIGTERM a client inside TLS is told 421, and close_notify"""
    server = start()
    client = tls_client(server)
    client.ehlo()
    server.send_signal(signal.SIGTERM)
    client.expect(421)
    client.expect_closed(orderly=True)
    client.close()
    server.expect_end()


def test_the_client_goes_without_quit(server):
    """A client's close_notify is answered with the same, and there is no way back to plaintext (RFC 8446
    6.1)"""
    client = tls_client(server)
    client.ehlo()
    client.sock.settimeout(TIMEOUT)
    client.sock = client.sock.unwrap()      # sends close_notify, and fails if none comes back
    try:
        client.sock.sendall(b"EHLO again.example\r\nNOOP\r\n")
    except OSError:
        pass
    client.expect_closed()


@pytest.mark.parametrize("end", ["close_notify", "end", "reset"])
def test_a_message_that_is_cut_off(server, end):
    """A message that is cut off inside TLS is no message (RFC 5321 4.1.1.4)"""
    client = tls_client(server)
    client.ehlo()
    client.envelope()
    client.send_raw(b"Subject: half\r\n\r\n" + b"x\r\n" * 20000)
    if end == "close_notify":
        try:
            client.sock.unwrap()
        except OSError:
            pass
    if end == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert eventually(lambda: not server.tmp())
    assert server.messages() == []


# ---- handshakes that come to nothing

def begin(server, context):
    """A client to which 220 has been said, and the first bytes of its handshake."""
    client = server.connect()
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    half = Plain(client, context)
    return half, half.step()


def expect_life(server):
    """The server still serves, and keeps nothing of who has gone."""
    client = tls_client(server)
    client.ehlo()
    client.quit()
    assert eventually(lambda: not children_of(server.pid)), children_of(server.pid)


def test_a_client_of_tls_1_2(server):
    """A client that has only TLS 1.2 is told protocol_version, and nothing in plaintext after that (RFC 8446
    4.2.1, 6.2)"""
    half, hello = begin(server, trusting(maximum_version=ssl.TLSVersion.TLSv1_2))
    half.client.send_raw(hello)
    answer = half.client.read_to_the_end()
    half.client.close()
    assert answer[:2] + answer[3:] == b"\x15\3" + b"\0\2" + b"\2\x46", answer
    expect_life(server)


def test_a_client_that_does_not_like_the_certificate(server):
    """A client that does not trust the certificate says so and goes, and the next one is served (RFC 8446
    6.2)"""
    client = server.connect()
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    with pytest.raises(ConversationError, match="(?i)verify"):
        client.handshake(verifying(server.directory / "certificate.pem"), "another.example")
    expect_life(server)


@pytest.mark.robust
@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
def test_a_client_that_goes_in_the_middle_of_the_handshake(server, reset):
    """A client that goes at any octet of its handshake costs that connection only"""
    for part in (0, 1, 5, 100, None, "flight"):
        half, hello = begin(server, trusting())
        half.client.send_raw(hello if part == "flight" else hello[:part])
        if part == "flight":
            half.receive()
        if reset:
            half.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        half.client.close()
    expect_life(server)


@pytest.mark.robust
def test_a_client_that_stalls_in_the_handshake(start):
    """A client that stalls in the handshake is sent away after -t seconds, and told nothing in plaintext"""
    server = start("-t", "1")
    waiting = []
    for part in (0, 1, 5, 100, "flight"):
        half, hello = begin(server, trusting())
        half.client.send_raw(hello if part == "flight" else hello[:part])
        waiting.append((half.client, part))
    for client, part in waiting:
        rest = client.read_to_the_end()
        assert rest == b"" or rest[0] in (HANDSHAKE, ALERT), rest[:100]
        client.close()
    assert eventually(lambda: not children_of(server.pid)), children_of(server.pid)


@pytest.mark.robust
def test_a_client_that_drips(start):
    """The handshake as a whole has the time of -t, however its octets drip"""
    server = start("-t", "2")
    client = server.connect()
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    client.sock.settimeout(0.25)
    begin, ended = time.monotonic(), False
    for octet in b"\x16\3\1\1\0" + bytes(256):
        try:
            client.sock.send(bytes([octet]))
            client.sock.recv(1000)
            ended = True
        except socket.timeout:
            pass
        except OSError:
            ended = True
        if ended or time.monotonic() - begin > 2 + TIMEOUT:
            break
    took = time.monotonic() - begin
    assert ended, "expected: an end after 2 seconds\ncame:     nothing in %g seconds" % took
    assert 1.5 < time.monotonic() - begin < 3 + TIMEOUT / 5
    client.close()
    expect_life(server)


@pytest.mark.robust
def test_time_after_the_handshake(start):
    """After the handshake the time of -t begins anew with each octet"""
    server = start("-t", "2")
    client = tls_client(server)
    begin = time.monotonic()
    while time.monotonic() - begin < 2.5:
        client.ehlo()
        time.sleep(0.25)
    client.quit()


def told(server):
    """What was written on standard error about a connection, as (address, why) for each line."""
    lines = server.stderr_text().splitlines()
    return [re.search(r"\[((?:IPv6:)?[0-9a-f.:]+)\].*: (.*)$", line).groups() for line in lines
            if "warning" not in line]


def fail_with_tls_1_2(server):
    half, hello = begin(server, trusting(maximum_version=ssl.TLSVersion.TLSv1_2))
    half.client.send_raw(hello)
    half.client.read_to_the_end()
    return half.client


def fail_with_the_certificate(server):
    client = server.connect()
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    with pytest.raises(ConversationError):
        client.handshake(verifying(server.directory / "certificate.pem"), "another.example")
    return client


def fail_by_leaving(server):
    half, hello = begin(server, trusting())
    half.client.send_raw(hello[:-1])
    return half.client


def fail_by_waiting(server):
    half, _ = begin(server, trusting())
    half.client.read_to_the_end()
    return half.client


@pytest.mark.parametrize("fail, words", [(fail_with_tls_1_2, "protocol_version"),
                                         (fail_with_the_certificate, "bad_certificate|unknown_ca"),
                                         (fail_by_leaving, "hung up"), (fail_by_waiting, "slow")])
def test_a_handshake_that_fails_is_told(ours, start, fail, words):
    """A handshake that fails is told in a line on standard error: who, and which alert or what else"""
    server = start("-t", "2")
    fail(server).close()
    assert eventually(lambda: told(server)), "expected: a line on standard error\ncame:     nothing"
    expect_life(server)     # and nothing is told of a handshake that succeeds
    (address, why), = told(server)
    assert address == server.listening[0][0] and re.search(words, why), why


@pytest.mark.robust
def test_an_end_of_the_server_in_the_middle_of_a_handshake(start):
    """SIGTERM is not held up by a client that stalls in its handshake"""
    server = start()
    halves = [begin(server, trusting()) for _ in range(3)]
    for (half, hello), part in zip(halves, (0, 50, None)):
        half.client.send_raw(hello[:part])
        half.client.wait_until_read()
    server.send_signal(signal.SIGTERM)
    for half, _ in halves:
        half.client.read_to_the_end()
        half.client.close()
    server.expect_end()


@pytest.mark.robust
def test_a_client_that_speaks_tls_at_once(server):
    """A ClientHello in place of a command is no command, and is not answered with TLS"""
    client = server.connect()
    half = Plain(client, trusting())
    client.send_raw(half.step() + b"\r\n")
    client.expect(500, 501, 502)
    client.close()
    expect_life(server)


# ======== 6.7 A certificate is a few bytes of DER

# ---- certificate and key

def key_info(der):
    """The SubjectPublicKeyInfo of a certificate."""
    at = der.index(P256_KEY_INFO)
    return der[at:at + len(P256_KEY_INFO) + 65]


def tlsa(server):
    """The host and the digest of the DANE record that was printed."""
    assert server.wait_for(lambda: [line for line in server.lines if "TLSA" in line]), server.stdout_lines()
    found, = [TLSA.match(line) for line in server.stdout_lines() if "TLSA" in line]
    assert found, server.stdout_lines()
    return found.groups()


def pem_files(server):
    paths = [server.directory / name for name in ("certificate.pem", "key.pem")]
    assert [path for path in paths if not path.exists()] == []
    return [path.read_bytes() for path in paths]


@pytest.mark.key
def test_a_certificate_is_made(server):
    """Where neither file exists both are made, and the key is for its owner only"""
    chain, key = pem_files(server)
    assert chain.startswith(b"-----BEGIN CERTIFICATE-----\n") and b" PRIVATE KEY-----\n" in key
    assert stat.S_IMODE((server.directory / "key.pem").stat().st_mode) == 0o600


def test_the_made_certificate_is_the_one_in_use(server):
    """The certificate that was made is the one that clients see"""
    chain, _ = pem_files(server)
    client = tls_client(server)
    assert client.sock.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(chain.decode())


@pytest.mark.parametrize("name", ["localhost", "mx.example.org", "second.example.org"])
def test_the_made_certificate_is_good_for_each_domain(start, name):
    """The certificate that is made is good for each domain of -d (RFC 5280, RFC 9525)"""
    server = start("-d", "localhost", "-d", "mx.example.org", "-d", "second.example.org")
    strict = {"verify_flags": ssl.VERIFY_X509_STRICT} if sys.version_info >= (3, 10) else {}
    client = server.connect()
    client.ehlo()
    client.starttls(verifying(server.directory / "certificate.pem", **strict), name)
    client.ehlo()


def test_the_made_certificate_is_good_for_no_other_name(start):
    """The certificate that was made is good for no other name"""
    server = start("-d", "mx.example.org")
    client = server.connect()
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    with pytest.raises(ConversationError, match="(?i)verify"):
        client.handshake(verifying(server.directory / "certificate.pem"), "example.org")


def test_it_is_kept_over_a_restart(start, tmp_path):
    """The certificate that was made is kept over a restart"""
    first = start(directory=tmp_path / "kept")
    before, record = pem_files(first), tlsa(first)
    first.expect_end()
    second = start(directory=tmp_path / "kept")
    assert pem_files(second) == before
    assert tlsa(second) == record
    tls_client(second, verifying(second.directory / "certificate.pem")).ehlo()


def test_two_servers_have_two_keys(start):
    """Two servers that each make a key have two"""
    first, second = start(), start()
    assert tlsa(first)[1] != tlsa(second)[1]
    assert pem_files(first)[1] != pem_files(second)[1]


@pytest.mark.key
def test_the_dane_record(server):
    """At the start the TLSA record of the certificate is printed (RFC 6698 2.1, RFC 7671 5.1)"""
    _, digest = tlsa(server)
    client = tls_client(server)
    info = key_info(client.sock.getpeercert(binary_form=True))
    assert digest.lower() == hashlib.sha256(info).hexdigest()


def test_the_record_comes_after_the_sockets(server):
    """The TLSA record comes after the lines `listening on ...`"""
    tlsa(server)
    lines = server.stdout_lines()
    assert all(line.startswith("listening on ") for line in lines[:len(server.listening)])


def write_pair(directory, chain, key):
    (directory / "c.pem").write_text(chain)
    (directory / "k.pem").write_text(key)
    os.chmod(str(directory / "k.pem"), 0o600)
    return ["-p", "0", "-m", directory / "mail", "-c", directory / "c.pem", "-k", directory / "k.pem"]


@pytest.fixture
def options(tmp_path):
    """Options of a server, with a mail directory. No -c and no -k yet."""
    make_mailbox(tmp_path / "mail", "you")
    return ["-p", "0", "-m", tmp_path / "mail"]


@pytest.mark.robust
@pytest.mark.parametrize("there", ["certificate", "key"])
def test_only_one_of_the_two_files(run, options, tmp_path, there):
    """Where one of the two files is missing: status 1, one line that names it, and no new pair"""
    paths = {"certificate": tmp_path / "c.pem", "key": tmp_path / "k.pem"}
    paths[there].write_text(tls_credentials.LEAF if there == "certificate" else tls_credentials.SEC1)
    os.chmod(str(paths[there]), 0o600)
    result = run(*options, "-c", paths["certificate"], "-k", paths["key"])
    expect_fault(result, 1, next(path for name, path in paths.items() if name != there))
    assert sorted(path.name for path in tmp_path.glob("*.pem*")) == [paths[there].name]


@pytest.mark.robust
@pytest.mark.parametrize("letter", ["-c", "-k"])
def test_only_one_of_the_two_options(run, options, tmp_path, letter):
    """-c without -k, or the other way round, is wrong usage"""
    result = run(*options, letter, tmp_path / "file.pem")
    assert result.returncode == 2 and result.stdout == "" and result.stderr.strip()
    assert list(tmp_path.glob("*.pem")) == []


def test_a_pair_from_elsewhere(start, tmp_path):
    """A certificate with its chain, from an authority, and the key for it are used"""
    directory = tmp_path / "ca"
    directory.mkdir()
    write_pair(directory, tls_credentials.LEAF + tls_credentials.AUTHORITY, tls_credentials.PKCS8)
    (directory / "authority.pem").write_text(tls_credentials.AUTHORITY)
    server = start("-c", directory / "c.pem", "-k", directory / "k.pem")
    client = server.connect()
    client.ehlo()
    client.starttls(verifying(directory / "authority.pem"), "leaf.example")
    client.ehlo()
    client.deliver(SIMPLE)
    leaf = ssl.PEM_cert_to_DER_cert(tls_credentials.LEAF)
    assert tlsa(server)[1].lower() == hashlib.sha256(key_info(leaf)).hexdigest()


def test_the_key_of_another_certificate(start, run, tmp_path):
    """A key that does not fit its certificate: status 1, and one line at the start"""
    first, second = start(), start()
    result = run("-p", "0", "-m", first.mail, "-c", first.directory / "certificate.pem", "-k",
                 second.directory / "key.pem")
    expect_fault(result, 1)
    named = str(first.directory / "certificate.pem"), str(second.directory / "key.pem")
    assert named[0] in result.stderr or named[1] in result.stderr


UNFIT = {
    "RSA": (tls_credentials.RSA_CERTIFICATE, tls_credentials.RSA_KEY),
    "RSA in PKCS #8": (tls_credentials.RSA_CERTIFICATE, tls_credentials.RSA_PKCS8),
    "an RSA key for an EC certificate": (tls_credentials.LEAF, tls_credentials.RSA_PKCS8),
    "P-384": (tls_credentials.P384_CERTIFICATE, tls_credentials.P384_KEY),
    "Ed25519": (tls_credentials.ED25519_CERTIFICATE, tls_credentials.ED25519_KEY),
    "encrypted": (tls_credentials.LEAF, tls_credentials.ENCRYPTED_PKCS8),
    "empty files": ("", ""), "no PEM": ("certificate\n", "key\n"),
    "exchanged": (tls_credentials.SEC1, tls_credentials.LEAF),
    "half a key": (tls_credentials.LEAF, tls_credentials.SEC1[:100]),
    "half a certificate": (tls_credentials.LEAF[:300], tls_credentials.SEC1),
}


@pytest.mark.robust
@pytest.mark.parametrize("fault", UNFIT)
def test_credentials_that_do_not_fit(run, options, tmp_path, fault):
    """A file that can't be used: status 1, one line that names it, and no port that is open for a moment"""
    result = run(*write_pair(tmp_path, *UNFIT[fault]))
    expect_fault(result, 1)
    assert str(tmp_path / "c.pem") in result.stderr or str(tmp_path / "k.pem") in result.stderr


@pytest.mark.robust
def test_a_place_where_none_can_be_made(run, options, tmp_path):
    """Where no certificate can be made: status 1, and one line that names the file"""
    result = run(*options, "-c", tmp_path / "missing" / "c.pem", "-k", tmp_path / "missing" / "k.pem")
    expect_fault(result, 1, tmp_path / "missing")


# ======== 6.10 The handshake, byte by byte

# ---- for the classroom

LABELS = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
          "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"]


def test_the_key_log(start, tmp_path):
    """SSLKEYLOGFILE has the secrets that the client has, too (RFC 9850)"""
    theirs, mine = tmp_path / "server.log", tmp_path / "client.log"
    server = start(env={**os.environ, "SSLKEYLOGFILE": str(theirs)})
    for group in GROUPS:
        client = tls_client(server, trusting(group, keylog_filename=str(mine)))
        client.ehlo()
        client.quit()
    lines = [line for line in theirs.read_text().splitlines() if not line.startswith("#")]
    assert sorted(line.split()[0] for line in lines) == sorted(2 * LABELS)
    assert set(lines) == {line for line in mine.read_text().splitlines() if not line.startswith("#")}
    assert stat.S_IMODE(theirs.stat().st_mode) & 0o077 == 0
    assert str(theirs) in server.stderr_text()      # nobody is to be surprised by it


@pytest.mark.robust
@pytest.mark.parametrize("kind", ["link", "others can read it", "a group can read it",
                                  "others can change it", "somebody else's", "pipe", "directory"])
def test_a_key_log_that_others_could_open(run, options, tmp_path, kind):
    """A key log that others could open: status 1, and one line that names it"""
    log, precious = tmp_path / "keys.log", tmp_path / "precious"
    precious.write_text("data")
    precious.chmod(0o600)
    if kind == "link":
        log.symlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(str(log), 0o600)
    elif kind == "directory":
        log.mkdir()
    else:
        log.touch()
        log.chmod({"others can read it": 0o604, "a group can read it": 0o640,
                   "others can change it": 0o602}.get(kind, 0o600))
    if kind == "somebody else's":
        if not ROOT:
            pytest.skip("only root can give files away")
        os.chown(str(log), pwd.getpwnam(SOMEBODY).pw_uid, -1)
    result = run(*options, "-c", tmp_path / "c.pem", "-k", tmp_path / "k.pem",
                 env={**os.environ, "SSLKEYLOGFILE": str(log)})
    expect_fault(result, 1, log)
    assert precious.read_text() == "data"


def test_the_trace(ours, start, tmp_path):
    """-v shows the handshake in the names of RFC 8446, then the conversation inside TLS, and none of the
    secrets"""
    log = tmp_path / "client.log"
    server = start("-v")
    client = tls_client(server, trusting(keylog_filename=str(log)))
    client.ehlo("inside.example")
    client.deliver(SIMPLE)
    client.quit()
    server.stop()
    text = server.stderr_text()
    at = 0
    for part in ("C: STARTTLS", "S: 220", "ClientHello", "ServerHello", "EncryptedExtensions", "Certificate",
                 "CertificateVerify", "Finished", "C: EHLO inside.example", "S: 250",
                 "C: MAIL FROM:<alice@example.org>", "C: QUIT", "S: 221", "close_notify"):
        assert part in text[at:], part
        at = text.index(part, at)
    assert all(c in "\n\t" or c.isprintable() for c in text)
    secrets = [line.split()[2] for line in log.read_text().splitlines() if not line.startswith("#")]
    assert len(secrets) == 5
    body = b"".join(re.findall(rb"[A-Za-z0-9+/=]{16,}", pem_files(server)[1])).decode()
    for secret in [*secrets, body]:
        assert secret[:32].lower() not in text.lower()


# ---- while it starts

@pytest.mark.robust
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                         ids=lambda number: number.name)
@pytest.mark.parametrize("blocked", [False, True], ids=["", "signals blocked"])
def test_a_start_that_waits_for_a_file_can_be_ended(program, tmp_path, number, blocked):
    """SIGTERM, SIGINT and SIGHUP end a start that waits for a file, too"""
    files = [str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")]
    writers = []
    for file in files:
        os.mkfifo(file)

    def is_waiting():
        for file in files:
            try:
                writers.append(os.open(file, os.O_WRONLY | os.O_NONBLOCK))      # ENXIO while nobody reads
            except OSError:
                pass
        return writers

    mask = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP} if blocked else set()
    with subprocess.Popen([*program, "-p", "0", "-m", "mail", "-c", files[0], "-k", files[1]],
                          cwd=str(tmp_path),
                          preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(is_waiting), "neither -c nor -k was opened"
            process.send_signal(number)
            assert process.wait(TIMEOUT) in (0, 1, -number)
        finally:
            process.kill()
            for writer in writers:
                os.close(writer)


# ======== 6.1 The command, and why it can be stripped

# ---- another user

SOMEBODY = "nobody"


@pytest.fixture(scope="session")
def public_place():
    """A place where another user can write: pytest's own directories are for one user only."""
    directory = Path(tempfile.mkdtemp(prefix="smtpd-user-"))
    os.chmod(str(directory), 0o755)
    yield directory
    shutil.rmtree(str(directory), ignore_errors=True)


@pytest.fixture
def public_directory(public_place, request):
    """Like tmp_path, but with a mailbox that belongs to the other user."""
    if not ROOT:
        pytest.skip("only root can become somebody else")
    home = public_place / request.node.name
    make_mailbox(home / "mail", "you")
    user = pwd.getpwnam(SOMEBODY)
    for path in [home / "mail", *(home / "mail").rglob("*")]:
        os.chown(str(path), user.pw_uid, user.pw_gid)
    return home


def ids(pid):
    """The user and group ids of a process: {"Uid": [real, effective, saved, file system], ...}"""
    text = Path("/proc/%d/status" % pid).read_text()
    return {name: list(map(int, re.search(r"^%s:(.*)$" % name, text, re.M).group(1).split()))
            for name in ("Uid", "Gid", "Groups")}


def test_another_user_for_good(public_directory, start):
    """With -u it is that user for good, and what it stores belongs to that user"""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    user = pwd.getpwnam(SOMEBODY)
    server = start("-u", SOMEBODY, directory=public_directory, preexec_fn=lambda: os.setgroups([0]))
    client = tls_client(server)
    client.ehlo()
    client.deliver(SIMPLE)
    for pid in [server.pid, *children_of(server.pid)]:
        now = ids(pid)
        assert set(now["Uid"]) == {user.pw_uid} and set(now["Gid"]) == {user.pw_gid}, now
        assert 0 not in now["Groups"]
        assert re.search(r"^CapEff:\s*0+$", Path("/proc/%d/status" % pid).read_text(), re.M)
    client.quit()
    assert contents(server) == [as_stored(SIMPLE)]
    assert {path.stat().st_uid for path in server.new()} == {user.pw_uid}


@pytest.mark.robust
def test_the_key_stays_roots(public_directory, start):
    """With -u the key may be for root only: it is read before"""
    server = start("-u", SOMEBODY, directory=public_directory)
    key = (server.directory / "key.pem").stat()
    assert key.st_uid == 0 and stat.S_IMODE(key.st_mode) == 0o600
    tls_client(server).ehlo()


@pytest.mark.robust
def test_a_user_who_does_not_exist(run, options):
    """A user who does not exist: status 1, and one line that names the user"""
    expect_fault(run(*options, "-u", "no-such-user"), 1, "no-such-user")


@pytest.mark.robust
def test_another_user_takes_root(run, options):
    """-u without the right to change users: status 1, and one line that names the user"""
    other = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, 65534))
    unprivileged = {}
    if ROOT:
        for path in (options[3].parent, *options[3].rglob("*")):
            os.chown(str(path), 65534, -1)
        unprivileged["preexec_fn"] = lambda: os.setuid(65534)
    try:
        result = run(*options, "-u", other.pw_name, **unprivileged)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip("the program is not for everybody to run: %s" % error)
    expect_fault(result, 1, other.pw_name)


@pytest.mark.robust
def test_a_warning_for_root(ours, public_directory, start):
    """Who runs it as root without -u is warned in a line"""
    first = start("-m", "mail2", directory=public_directory)
    assert eventually(lambda: re.search(r"warning.*\broot\b.*-u.*\n", first.stderr_text()))
    first.expect_end()
    told = first.stderr_text()
    second = start("-u", SOMEBODY, directory=public_directory)
    second.expect_end()
    assert second.stderr_text() == told     # both write to the same file


# ======== 6.10 The handshake, byte by byte

# ---- other people's programs

def installed(name):
    return pytest.mark.skipif(not shutil.which(name), reason=name + " is not installed")


def converse(command, text, server):
    """Run a program that passes on what it reads, until the server has said 221; returns all it has
    printed."""
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    timer = threading.Timer(TIMEOUT, process.kill)
    timer.start()
    output = b""
    try:
        process.stdin.write(text)
        process.stdin.flush()
        for line in iter(process.stdout.readline, b""):
            output += line
            if line.startswith(b"221"):
                break
        return (output + process.communicate()[0]).decode("utf-8", "backslashreplace")
    finally:
        timer.cancel()
        process.kill()
        process.wait()


CONVERSATION = (b"EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\n"
                b"DATA\r\n"
                + SIMPLE + b".\r\nQUIT\r\n")


def openssl_command(server, *options):
    return ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-starttls", "smtp", "-CAfile",
            server.directory / "certificate.pem", "-verify_return_error", "-verify_hostname", "localhost",
            "-ign_eof", *options]


@installed("openssl")
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("group", GROUPS)
def test_openssl_s_client(server, suite, group):
    """openssl s_client verifies certificate and name, and delivers, under each suite with each group"""
    output = converse(openssl_command(server, "-ciphersuites", suite, "-groups", GROUPS[group]),
                      CONVERSATION, server)
    assert contents(server) == [as_stored(SIMPLE)], output
    assert "Verify return code: 0 (ok)" in output
    assert re.search(r"New, TLSv1\.3, Cipher is " + suite, output)


@installed("openssl")
def test_openssl_agrees_with_the_dane_record(server):
    """openssl verifies the certificate by the printed TLSA record (RFC 7672 3.1.1)"""
    _, digest = tlsa(server)
    command = openssl_command(server, "-dane_tlsa_domain", "localhost", "-dane_tlsa_rrdata",
                              "3 1 1 " + digest)
    output = converse(command, b"QUIT\r\n", server)
    assert re.search(r"DANE TLSA 3 1 1 \S* ?(\[.*\] )?matched",
                     output) and "Verify return code: 0 (ok)" in output, output
    wrong = converse(openssl_command(server, "-dane_tlsa_domain", "localhost", "-dane_tlsa_rrdata",
                                     "3 1 1 " + 64 * "0"), b"QUIT\r\n",
                     server)
    assert "Verify return code: 0 (ok)" not in wrong


@installed("gnutls-cli")
def test_gnutls_cli(server):
    """gnutls-cli verifies certificate and name, and delivers"""
    command = ["gnutls-cli", "--starttls-proto=smtp", "--x509cafile", server.directory / "certificate.pem",
               "--verify-hostname", "localhost", "-p", server.port, "127.0.0.1"]
    output = converse(command, CONVERSATION, server)
    assert contents(server) == [as_stored(SIMPLE)], output
    assert "The certificate is trusted" in output and "TLS1.3" in output


@installed("gnutls-cli")
def test_gnutls_cli_without_tls_1_3(server):
    """gnutls-cli without TLS 1.3 is told why it fails, and gets nothing in plaintext"""
    command = ["gnutls-cli", "--starttls-proto=smtp", "--insecure", "--priority", "NORMAL:-VERS-TLS1.3",
               "-p", server.port, "127.0.0.1"]
    output = converse(command, b"", server)
    assert re.search(r"(?i)protocol version", output), output
    expect_life(server)


def deliver_with(command, server, message=SIMPLE):
    """A mail program that reads a message from standard input, and ends."""
    done = subprocess.run(list(map(str, command)), input=message, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=2 * TIMEOUT)
    assert done.returncode == 0, done.stdout.decode("utf-8", "backslashreplace")
    stored, = contents(server)
    return stored, done.stdout.decode("utf-8", "backslashreplace")


def has_curl_with_smtp():
    curl = shutil.which("curl")
    return curl and "smtp" in subprocess.run([curl, "--version"], stdout=subprocess.PIPE,
                                             universal_newlines=True).stdout.split()


@pytest.mark.skipif(not has_curl_with_smtp(), reason="curl (with SMTP) is not installed")
def test_curl(server, tmp_path):
    """curl --ssl-reqd delivers 5 MB to the octet"""
    message = big_message()
    path = tmp_path / "big.eml"
    path.write_bytes(message)
    stored, _ = deliver_with(["curl", "-sS", "--ssl-reqd", "--url",
                              "smtp://localhost:%d/client.example" % server.port, "--resolve",
                              "localhost:%d:127.0.0.1" % server.port, "--cacert",
                              server.directory / "certificate.pem", "--mail-from", "alice@example.org",
                              "--mail-rcpt", "you@localhost", "--upload-file", path], server)
    assert hashlib.sha256(stored).digest() == hashlib.sha256(as_stored(message)).digest()


@pytest.mark.skipif(not has_curl_with_smtp(), reason="curl (with SMTP) is not installed")
def test_curl_insists_on_tls(plain_server):
    """curl --ssl-reqd sends nothing where no STARTTLS is offered"""
    done = subprocess.run(["curl", "-sS", "--ssl-reqd", "smtp://127.0.0.1:%d" % plain_server.port,
                           "--mail-from", "alice@example.org", "--mail-rcpt", "you@localhost",
                           "--upload-file", "-"], input=SIMPLE, stderr=subprocess.PIPE, timeout=2 * TIMEOUT)
    assert done.returncode == 64        # CURLE_USE_SSL_FAILED
    assert plain_server.messages() == []


def swaks_has_tls():
    swaks = shutil.which("swaks")
    if not swaks:
        return False
    done = subprocess.run([swaks, "--support"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    return bool(re.search(r"Basic TLS|TLS.* supported", done.stdout)) and "TLS not" not in done.stdout


@pytest.mark.skipif(not swaks_has_tls(), reason="swaks (with Net::SSLeay) is not installed")
def test_swaks(server):
    """swaks --tls delivers"""
    stored, output = deliver_with(["swaks", "--server", "127.0.0.1", "--port", server.port, "--tls",
                                   "--from", "alice@example.org", "--to", "you@localhost", "--ehlo",
                                   "client.example", "--data", "-"], server)
    assert stored.rstrip(b"\n") + b"\n" == as_stored(SIMPLE)
    assert re.search(r"TLS started with cipher TLSv1\.3:TLS_CHACHA20_POLY1305_SHA256", output), output


@installed("msmtp")
def test_msmtp(server):
    """msmtp verifies certificate and name, and delivers"""
    stored, _ = deliver_with(["msmtp", "--file=/dev/null", "--host=localhost", "--port=%d" % server.port,
                              "--tls=on", "--tls-starttls=on",
                              "--tls-trust-file=%s" % (server.directory / "certificate.pem"),
                              "--from=alice@example.org", "you@localhost"],
                             server, SIMPLE.replace(b"\r\n", b"\n"))
    assert stored.endswith(b"\nHello.\n") and b"Subject: test\n" in stored
