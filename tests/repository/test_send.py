"""Tests of send.py, the mail client for labs: against a small scripted server, and against our own steps."""
import email
import email.policy
import re
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from client import TIMEOUT
from conftest import TESTS, program_of_step
from report import SAMPLES, sample
from server import Server, make_mailbox, trace_and_content

SEND = TESTS / "send.py"

# A throw-away certificate for localhost and 127.0.0.1, with its key, made with openssl; valid from 2000 to 2126.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBbjCCAROgAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAx0ZXN0LmV4
YW1wbGUwIBcNMDAwMTAxMDAwMDAwWhgPMjEyNjAxMDEwMDAwMDBaMBcxFTATBgNV
BAMMDHRlc3QuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMrAHs+a
nJKl0tNLNANHjphZVzpHqydRuJjt2zetlCEtYQSaoSlSoDhhKJDnjMkRdI16TR7v
UdUiqOj1IHo+hhqjTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBQixzSCq6XkxwFYnlqyCCJFwziCFDAKBggq
hkjOPQQDAgNJADBGAiEAtjevrH1cT8NG3d+9JCwc+AS00eqwsolrAJaoK7yIiswC
IQC8ogVlabn53kPH3IxU4hbJlUrHD01K+mL0EAftQKt4VA==
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgituYxfoWDN7dJJgz
YzPLiabOV6JPHy0u5Z1gpF+VsmGhRANCAATKwB7PmpySpdLTSzQDR46YWVc6R6sn
UbiY7ds3rZQhLWEEmqEpUqA4YSiQ54zJEXSNek0e71HVIqjo9SB6PoYa
-----END PRIVATE KEY-----
"""
# What openssl says of it: x509 -pubkey | pkey -pubin -outform der | sha256sum
TLSA = "d447ebdd4a0f57fcec99865f358fc78109ddde264493c78373f3347c40d2bc86"

EXTENSIONS = "250-test\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 SMTPUTF8"
REPLIES = {"greeting": "220 test ESMTP", "EHLO": EXTENSIONS, "HELO": "250 test", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok",
           "DATA": "354 go on", ".": "250 2.0.0 taken", "QUIT": "221 2.0.0 bye", "STARTTLS": "220 2.0.0 go on"}
CLOSE = object()


class Scripted:
    """Serves one client. A reply is text, or CLOSE, or a list of those for one command after the other."""

    def __init__(self, tls=None, **replies):
        self.replies = {**REPLIES, **{key.replace("dot", "."): value for key, value in replies.items()}}
        self.tls = tls
        self.lines, self.message = [], b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            self.sock, _ = self.listener.accept()
            self.sock.settimeout(TIMEOUT)
            self.input = self.sock.makefile("rb")
            if self.answer("greeting"):
                while self.command(self.input.readline()):
                    pass
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def answer(self, verb):
        reply = self.replies.get(verb, "500 5.5.1 unknown")
        if isinstance(reply, list):
            reply = reply.pop(0)
        if reply is not CLOSE:
            self.sock.sendall(reply.encode("utf-8", "surrogateescape") + b"\r\n")
        return reply is not CLOSE

    def command(self, line):
        self.lines.append(line.decode().rstrip("\r\n"))
        verb = self.lines[-1][:8].split(" ")[0]
        if not line or not self.answer(verb):
            return False
        if verb == "DATA" and self.replies["DATA"].startswith("354"):
            while not self.message.endswith(b"\r\n.\r\n"):
                self.message += self.input.readline()
            return self.answer(".")
        if verb == "STARTTLS" and self.replies["STARTTLS"].startswith("220"):
            self.sock = self.tls.wrap_socket(self.sock, server_side=True)
            self.input = self.sock.makefile("rb")
            self.replies["EHLO"] = EXTENSIONS
        return verb != "QUIT"


def send(server, *options, status=0, **popen):
    """Run send.py. Returns what it printed, on stdout and on stderr."""
    address = server if isinstance(server, str) else getattr(server, "address", None) or "localhost:%d" % server.port
    to = [] if "--to" in options else ["--to", "you@localhost"]
    done = subprocess.run([sys.executable, str(SEND), "--server", address, *to, *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT, **popen)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == status, "expected: exit status %d\ncame:     %d\n%s%s" % (status, done.returncode, out, err)
    assert "Traceback" not in err
    return out, err


@pytest.fixture
def step4(tmp_path):
    """Our step 4 (or the newest one below it that is built), as a server to send to: it has SMTPUTF8."""
    program = program_of_step(4)
    if not program:
        pytest.skip("step 4 is not built")
    for name in ("you", "me"):
        make_mailbox(tmp_path / "mail", name)
    server = Server([*program, "-p", "0", "-m", "mail"], tmp_path, 4)
    yield server
    server.stop()


def delivered(server, mailbox="you"):
    """The one message in a mailbox, as the email package reads it."""
    content = trace_and_content(server.only_message(mailbox))[2]
    return content, email.message_from_bytes(content, policy=email.policy.default)


# ---- delivering to our step 3

def test_text(step4):
    out, _ = send(step4, "--subject", "Hello", "--text", "one\n.two\n..three\n", "--from", "alice@example.org")
    content, message = delivered(step4)
    assert message["Subject"] == "Hello" and message["From"] == "alice@example.org" and message["To"] == "you@localhost"
    assert message.get_content() == "one\n.two\n..three\n"
    assert message["Date"] and message["Message-ID"]
    assert "S: 220 " in out and "C: MAIL FROM:<alice@example.org>" in out and out.endswith("-- accepted\n")


def test_any_subject_and_charset(step4):
    send(step4, "--subject", "Привет, 世界 😀", "--text", "Как дела?", "--charset", "koi8-r")
    _, message = delivered(step4)
    assert message["Subject"] == "Привет, 世界 😀"
    assert message.get_content_charset() == "koi8-r" and message.get_content().strip() == "Как дела?"


def test_html_and_attachments(step4, tmp_path):
    (tmp_path / "отчёт.pdf").write_bytes(b"%PDF\n\xff")
    (tmp_path / "b.unknown").write_bytes(b"\r\n\0")
    send(step4, "--text", "text", "--html", "<p>html</p>", "--attach", "отчёт.pdf", "--attach", "b.unknown", cwd=str(tmp_path))
    _, message = delivered(step4)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf", "application/octet-stream"]
    files = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    assert files == {"отчёт.pdf": b"%PDF\n\xff", "b.unknown": b"\r\n\0"}


def test_html_alone(step4):
    send(step4, "--html", "<p>html</p>")
    assert delivered(step4)[1].get_content_type() == "text/html"


def test_text_from_standard_input(step4):
    send(step4, "--text", "-", input="from a pipe\n".encode())
    assert delivered(step4)[1].get_content() == "from a pipe\n"


@pytest.mark.parametrize("name", ["demo", "raw-8bit", "header-only", "rfc5322-a63", "truncated"])
def test_a_file_byte_for_byte(step4, name):
    send(step4, "--eml", str(SAMPLES / (name + ".eml")))
    sent = sample(name)
    assert delivered(step4)[0] == (sent if sent.endswith(b"\r\n") else sent + b"\r\n").replace(b"\r\n", b"\n")


def test_a_file_with_lf_line_ends(step4, tmp_path):
    (tmp_path / "unix.eml").write_bytes(b"Subject: unix\n\n.dot\nend")
    send(step4, "--eml", str(tmp_path / "unix.eml"))
    assert delivered(step4)[0] == b"Subject: unix\n\n.dot\nend\n"


def test_a_stray_lf_is_sent_as_it_stands(step4, tmp_path):
    (tmp_path / "stray.eml").write_bytes(b"Subject: stray\r\n\r\none\ntwo\r\n")
    _, err = send(step4, "--eml", str(tmp_path / "stray.eml"), status=1)
    assert "554" in err and step4.messages() == []


def test_several_recipients(step4):
    send(step4, "--to", "you@localhost", "--to", "me@localhost")
    assert delivered(step4)[1]["To"] == "you@localhost, me@localhost"
    assert len(step4.messages("me")) == 1


def test_some_recipients_are_refused(step4):
    _, err = send(step4, "--to", "you@localhost", "--to", "nobody@localhost", status=1)
    assert "refused for nobody@localhost" in err and len(step4.messages()) == 1


def test_all_recipients_are_refused(step4):
    _, err = send(step4, "--to", "nobody@localhost", "--to", "x@elsewhere.example", status=1)
    assert err == "send.py: every recipient was refused\n" and step4.messages() == []


def test_addresses_outside_ascii(step4):
    out, _ = send(step4, "--from", "jürgen@exämple.de")
    assert "SMTPUTF8" in out
    assert delivered(step4)[1]["From"] == "jürgen@exämple.de"


def test_the_empty_sender(step4):
    out, _ = send(step4, "--from", "")
    assert "C: MAIL FROM:<>" in out and len(step4.messages()) == 1


# ---- what the server may say

REFUSALS = [({"greeting": "554 5.3.2 go away"}, "554 5.3.2 go away"), ({"MAIL": "550 5.1.8 not you"}, "550 5.1.8 not you"),
            ({"RCPT": "550 5.1.1 who?"}, "every recipient was refused"), ({"DATA": "554 5.5.1 no"}, "554 5.5.1 no"),
            ({"dot": "554 5.6.0 spam"}, "554 5.6.0 spam"), ({"dot": "452 4.3.1 full"}, "452 4.3.1 full"),
            ({"EHLO": "500 what?", "HELO": "500 what?"}, "HELO refused: 500"), ({"MAIL": CLOSE}, "closed the connection"),
            ({"greeting": CLOSE}, "closed the connection"), ({"dot": CLOSE}, "closed the connection"),
            ({"greeting": "what is this?"}, "not an SMTP reply: what is this?"), ({"EHLO": "250-never\r\nended"}, "not an SMTP reply")]


@pytest.mark.parametrize("replies, expected", REFUSALS)
def test_a_refusal_is_one_line(replies, expected):
    _, err = send(Scripted(**replies), status=1)
    assert expected in err and err.startswith("send.py: ") and err.count("\n") == 1


def test_a_server_without_extensions():
    server = Scripted(EHLO="502 no", **{})
    out, _ = send(server, "--text", "grüße")
    assert server.lines[:3] == ["EHLO localhost", "HELO localhost", "MAIL FROM:<me@localhost>"]
    assert server.message.isascii() and "accepted" in out


def test_extensions_are_used():
    server = Scripted()
    send(server, "--text", "grüße", "--charset", "iso-8859-1")
    assert re.fullmatch(r"MAIL FROM:<me@localhost> SIZE=\d+ BODY=8BITMIME", server.lines[1])
    assert b"gr\xfc\xdfe" in server.message
    size = int(re.search(r"SIZE=(\d+)", server.lines[1]).group(1))
    assert size == len(server.message) - len(b".\r\n")


def test_no_smtputf8():
    _, err = send(Scripted(EHLO="250 test"), "--to", "用户@localhost", status=1)
    assert "SMTPUTF8" in err


def test_dots_are_doubled(tmp_path):
    (tmp_path / "dots.eml").write_bytes(b".\r\n..\r\n.x\r\ny.\r\n\n.z\r\n")
    server = Scripted()
    send(server, "--eml", str(tmp_path / "dots.eml"))
    assert server.message == b"..\r\n...\r\n..x\r\ny.\r\n\n.z\r\n.\r\n"


def test_a_rude_goodbye_does_not_matter():
    out, _ = send(Scripted(QUIT=CLOSE))
    assert out.endswith("-- accepted\n")


def test_what_the_server_says_is_safe_to_print():
    out, _ = send(Scripted(MAIL="250 \x1b[31mred \u202e \u009b"))
    assert "red" in out and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _, err = send("127.0.0.1:%d" % port, status=1)
    assert err == "send.py: cannot connect to 127.0.0.1 port %d: Connection refused\n" % port


def test_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, err = send("127.0.0.1:%d" % silent.getsockname()[1], "--timeout", "0.1", status=1)
    assert err == "send.py: no answer within 0.1 seconds\n"


# ---- STARTTLS

@pytest.fixture
def tls(tmp_path):
    (tmp_path / "certificate.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem"))
    return context


OFFER = "250-test\r\n250 STARTTLS"


def test_starttls_is_used_where_it_is_offered(tls):
    server = Scripted(tls, EHLO=OFFER)
    out, _ = send(server)
    assert server.lines[:3] == ["EHLO localhost", "STARTTLS", "EHLO localhost"]
    assert "-- TLSv1." in out and "of test.example, valid until 21260101000000Z" in out and "not verified" in out
    assert "TLSA 3 1 1 " + TLSA in out and b"Subject: Test" in server.message


def test_the_certificate_is_verified(tls, tmp_path):
    out, _ = send(Scripted(tls, EHLO=OFFER), "--cafile", str(tmp_path / "certificate.pem"))
    assert "(verified)" in out


def test_a_certificate_of_another_authority(tls, tmp_path):
    defaults = ssl.get_default_verify_paths().cafile
    if not defaults:
        pytest.skip("no certificates of authorities on this machine")
    server = Scripted(tls, EHLO=OFFER)
    _, err = send(server, "--cafile", defaults, status=1)
    assert err.startswith("send.py: TLS: ") and "verify failed" in err and server.message == b""


def test_tls_required_but_not_offered():
    server = Scripted()
    _, err = send(server, "--tls", "required", status=1)
    assert "does not offer STARTTLS" in err and server.message == b""


def test_tls_never(tls):
    server = Scripted(tls, EHLO=OFFER)
    send(server, "--tls", "never")
    assert "STARTTLS" not in server.lines


def test_starttls_refused():
    _, err = send(Scripted(EHLO=OFFER, STARTTLS="454 4.7.0 not now"), status=1)
    assert "STARTTLS refused: 454" in err


def test_starttls_with_our_own_step_6(tmp_path):
    program = program_of_step(6)
    if not program:
        pytest.skip("step 6 is not built")
    make_mailbox(tmp_path / "mail", "you")
    server = Server([*program, "-p", "0", "-m", "mail", "-c", "certificate.pem", "-k", "key.pem"], tmp_path, 6)
    out, _ = send(server, "--tls", "required")
    server.stop()
    assert "-- TLSv1.3, TLS_CHACHA20_POLY1305_SHA256" in out or "-- TLSv1.3, TLS_AES_128_GCM_SHA256" in out
    announced = re.search(r"TLSA 3 1 1 ([0-9a-f]{64})", "\n".join(server.stdout_lines()) + server.stderr_text())
    assert not announced or announced.group(1) in out


# ---- usage

USAGE = [["--server", "host:notaport"], ["--server", "host:99999"], ["--to", "a\nb"], ["--to", "<a@b>"], ["--tls", "maybe"],
         ["--subject", "two\nlines"], ["--eml", "x", "--text", "y"], ["--no-such-option"]]


@pytest.mark.parametrize("options", USAGE)
def test_wrong_usage(options):
    _, err = send("localhost:1", *options, status=2)
    assert "usage:" in err


@pytest.mark.parametrize("options, expected", [
    (["--attach", "/no/such/file"], "cannot read /no/such/file: No such file or directory"),
    (["--eml", "/no/such/file"], "cannot read /no/such/file: No such file or directory"),
    (["--charset", "no-such", "--text", "x"], "unknown charset: no-such"), (["--charset", "koi8-r", "--text", "ü"], "koi8-r has no character")])
def test_faults_before_anything_is_sent(options, expected):
    server = Scripted()
    _, err = send(server, *options, status=1)
    assert err.startswith("send.py: ") and expected in err and err.count("\n") == 1 and server.lines == []
