#!/usr/bin/env python3
"""Send one message and show the conversation: a mail client for labs.

    python3 tests/send.py --server localhost:2525 --to you@localhost \\
        --subject Привет --text "Как дела?" --charset koi8-r \\
        --html "<p>Как дела?</p>" --attach report.pdf

Lines beginning with "C:" went to the server, lines beginning with "S:" came
from it, "--" is a remark of this program. It needs nothing but Python's
standard library, and speaks SMTP (RFC 5321) itself rather than through smtplib,
so that what you see is what was sent. Start reading at deliver().

Exit status: 0 the server took the message for every recipient, 1 it did not,
2 wrong usage.
"""
import argparse
import email.message
import email.policy
import email.utils
import hashlib
import mimetypes
import os
import re
import socket
import ssl
import sys


class Failure(Exception):
    """The message was not accepted; the text says why, in one line."""


def printable(data):
    """Bytes from the network as text which is safe to print."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode()
                   for c in text)


class Conversation:
    """One SMTP connection; every line of it is shown as it passes."""

    def __init__(self, host, port, timeout):
        try:
            self.socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise Failure(f"cannot connect to {host} port {port}: "
                          f"{error.strerror or error}")
        self.input = self.socket.makefile("rb")

    def say(self, line):
        print("C:", printable(line.encode()))
        self.socket.sendall(line.encode() + b"\r\n")

    def reply(self):
        """RFC 5321 4.2.1: lines "250-text" and at the end one "250 text"."""
        lines = []
        while True:
            line = self.input.readline(65536)
            if not line:
                raise Failure("the server closed the connection")
            text = printable(line.rstrip(b"\r\n"))
            print("S:", text)
            if not re.match(r"[2-5]\d\d([- ]|$)", text):
                raise Failure(f"not an SMTP reply: {text}")
            lines.append(text[4:])
            if text[3:4] != "-":
                return int(text[:3]), lines

    def command(self, line):
        self.say(line)
        return self.reply()

    def want(self, line, code, what):
        """Say line (if any), and give up unless the reply has this code."""
        got, lines = self.command(line) if line else self.reply()
        if got != code:
            raise Failure(f"{what}: {got} {lines[-1]}")
        return lines

    def hello(self, name):
        """EHLO, or HELO to a server from before 1995. Returns its keywords."""
        code, lines = self.command(f"EHLO {name}")
        if code == 250:
            words = [line.upper().split() for line in lines[1:]]
            return {word[0]: word[1:] for word in words if word}
        self.want(f"HELO {name}", 250, "HELO refused")
        return {}

    def start_tls(self, host, cafile):
        """RFC 3207. Without cafile the certificate is shown, not verified."""
        self.want("STARTTLS", 220, "STARTTLS refused")
        context = ssl.create_default_context(cafile=cafile)
        if not cafile:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        except (OSError, ValueError) as error:
            raise Failure(f"TLS: {error}")
        self.input = self.socket.makefile("rb")
        certificate = self.socket.getpeercert(binary_form=True)
        print(f"-- {self.socket.version()}, {self.socket.cipher()[0]}")
        print("-- certificate", describe_certificate(certificate),
              "(verified)" if cafile else "(not verified: see --cafile)")


# --- the certificate, as far as a person wants to see it ---

def der_items(data):
    """The (tag, content, whole) of each DER value in data, X.690 8.1."""
    while data:
        length, start = data[1], 2
        if length & 0x80:
            start = 2 + (length & 0x7f)
            length = int.from_bytes(data[2:start], "big")
        yield data[0], data[start:start + length], data[:start + length]
        data = data[start + length:]


def describe_certificate(certificate):
    """Common name, end of validity, and the hash that a TLSA 3 1 1 record has
    (RFC 6698: SHA-256 of the public key). RFC 5280 4.1 has the layout."""
    fingerprint = hashlib.sha256(certificate).hexdigest()
    try:
        _, body, _ = next(der_items(certificate))
        fields = list(der_items(next(der_items(body))[1]))
        fields = fields[1:] if fields[0][0] == 0xa0 else fields    # [0] version
        _, _, _, validity, subject, key = fields[:6]
        end = list(der_items(validity[1]))[1][1].decode()
        names = [list(der_items(pair[1])) for rdn in der_items(subject[1])
                 for pair in der_items(rdn[1])]
        name = [value[1].decode() for kind, value in names
                if kind[1] == b"\x55\x04\x03"]              # 2.5.4.3: commonName
        return (f"of {printable(''.join(name[-1:]).encode()) or '(no name)'}, "
                f"valid until {end}, SHA-256 {fingerprint}, "
                f"TLSA 3 1 1 {hashlib.sha256(key[2]).hexdigest()}")
    except (IndexError, ValueError, StopIteration):
        return f"(unreadable) SHA-256 {fingerprint}"


# --- the message ---

def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}")


def raw_message(path):
    """A file as it is. Only where it has no CR at all, as files on Unix, its
    line ends become CR LF; a stray one among CR LFs is sent as it stands."""
    data = read_file(path)
    if b"\r" not in data:
        data = data.replace(b"\n", b"\r\n")
    return data


def compose(options):
    """The message that the options describe, as an EmailMessage."""
    message = email.message.EmailMessage()
    message["From"] = options.sender or "MAILER-DAEMON@localhost"
    message["To"] = ", ".join(options.to)
    message["Subject"] = options.subject
    message["Date"] = email.utils.formatdate(localtime=True)
    message["Message-ID"] = email.utils.make_msgid(domain="send.invalid")
    try:
        if options.text is not None or options.html is None:
            message.set_content(options.text or "", charset=options.charset)
        if options.html is not None:
            add = message.add_alternative if message.is_multipart() or \
                options.text is not None else message.set_content
            add(options.html, subtype="html")
    except LookupError:
        raise Failure(f"unknown charset: {options.charset}")
    except UnicodeEncodeError as error:
        bad = error.object[error.start]
        raise Failure(f"{options.charset} has no character {bad!r}")
    for path in options.attach:
        kind, encoding = mimetypes.guess_type(path)
        if kind is None or encoding:
            kind = "application/octet-stream"
        message.add_attachment(read_file(path), *kind.split("/"),
                               filename=os.path.basename(path))
    return message


def flatten(message, keywords, addresses):
    """Its bytes, with CR LF line ends. Base64 for what is not ASCII where the
    server has no 8BITMIME (RFC 6152)."""
    policy = email.policy.SMTP if addresses.isascii() else email.policy.SMTPUTF8
    bits = "8bit" if "8BITMIME" in keywords else "7bit"
    return message.as_bytes(policy=policy.clone(cte_type=bits))


def dot_stuffed(data):
    """RFC 5321 4.5.2: a line that begins with a dot gets one more; then the
    end. Only CR LF makes a line."""
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    return (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


# --- the delivery ---

def mail_parameters(keywords, data, addresses):
    """What MAIL FROM says about the message, as far as the server knows it."""
    words = [("SIZE", f" SIZE={len(data)}")]
    if not data.isascii():
        words.append(("8BITMIME", " BODY=8BITMIME"))
    if not addresses.isascii():
        if "SMTPUTF8" not in keywords:
            raise Failure("the server does not offer SMTPUTF8, which an "
                          "address outside ASCII needs (RFC 6531)")
        words.append(("SMTPUTF8", " SMTPUTF8"))
    return "".join(text for word, text in words if word in keywords)


def deliver(options, host, port):
    """Returns the recipients that were refused."""
    message = raw_message(options.eml) if options.eml else compose(options)
    talk = Conversation(host, port, options.timeout)
    talk.want(None, 220, "no welcome")
    keywords = talk.hello(options.helo)
    if options.tls != "never" and "STARTTLS" in keywords:
        talk.start_tls(host, options.cafile)
        keywords = talk.hello(options.helo)
    elif options.tls == "required":
        raise Failure("the server does not offer STARTTLS")
    addresses = "".join([options.sender, *options.to])
    data = message if options.eml else flatten(message, keywords, addresses)
    parameters = mail_parameters(keywords, data, addresses)
    talk.want(f"MAIL FROM:<{options.sender}>{parameters}", 250,
              "sender refused")
    refused = [to for to in options.to
               if talk.command(f"RCPT TO:<{to}>")[0] not in (250, 251)]
    if len(refused) == len(options.to):
        talk.command("QUIT")
        raise Failure("every recipient was refused")
    talk.want("DATA", 354, "DATA refused")
    for line in printable_lines(data, options.show):
        print("C:", line)
    try:
        talk.socket.sendall(dot_stuffed(data))
    except (BrokenPipeError, ConnectionResetError):
        pass    # refused half-way: the reply may still say why
    talk.want(None, 250, "message refused")
    try:
        talk.command("QUIT")
    except (Failure, OSError):
        pass    # the message is theirs already; a rude goodbye changes nothing
    return refused


def printable_lines(data, limit):
    """The first lines of what is sent after DATA, for the eye, and the dot."""
    lines = dot_stuffed(data).split(b"\r\n")[:-1]
    shown = lines[:-1] if len(lines) <= limit + 1 else lines[:limit]
    yield from map(printable, shown)
    if len(shown) < len(lines) - 1:
        yield f"[... {len(lines) - 1 - len(shown)} more lines ...]"
    yield "."


def server_address(text):
    """host:port, [ipv6]:port, or a host alone."""
    match = re.fullmatch(r"(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?", text)
    if not match or not 0 < int(match[3] or 25) < 65536:
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text}")
    return match[1] or match[2], int(match[3] or 25)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="send.py", description="Send one message over SMTP, "
        "and show the conversation.")
    add = parser.add_argument
    add("--server", type=server_address, default=("localhost", 2525),
        metavar="HOST:PORT", help="default localhost:2525")
    add("--from", dest="sender", default="me@localhost", metavar="ADDRESS",
        help="reverse-path; may be empty")
    add("--to", action="append", required=True, metavar="ADDRESS",
        help="recipient; may be repeated")
    add("--subject", default="Test", help="any characters")
    add("--text", help="text/plain body ('-' reads standard input)")
    add("--html", help="text/html body, the alternative to --text")
    add("--attach", action="append", default=[], metavar="FILE",
        help="may be repeated")
    add("--charset", default="utf-8", help="of the --text part, e.g. koi8-r")
    add("--eml", metavar="FILE", help="send this file, byte for byte, instead")
    add("--helo", default="localhost", metavar="NAME",
        help="the name this client gives itself")
    add("--tls", choices=["required", "offered", "never"], default="offered",
        help="STARTTLS: default is to use it where it is offered")
    add("--cafile", metavar="PEM",
        help="verify the server's certificate and name with this")
    add("--show", type=int, default=40, metavar="LINES",
        help="lines of the message to show (default 40)")
    add("--timeout", type=float, default=30, metavar="SECONDS")
    options = parser.parse_args(arguments)
    for address in [options.sender, options.helo, *options.to]:
        if re.search(r"[\x00-\x1f\x7f<>]", address):
            parser.error(f"not an address: {address!r}")
    if options.eml and (options.text or options.html or options.attach):
        parser.error("--eml sends a whole message: no --text, --html, --attach")
    if re.search(r"[\r\n]", options.subject):
        parser.error("a subject is one line")
    return options


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):      # a lab's locale may be C
        stream.reconfigure(encoding="utf-8", errors="backslashreplace",
                           line_buffering=True)
    options = parse(arguments)
    if options.text == "-":
        options.text = sys.stdin.read()
    try:
        refused = deliver(options, *options.server)
    except Failure as failure:
        sys.exit(f"send.py: {failure}")
    except socket.timeout:
        sys.exit(f"send.py: no answer within {options.timeout:g} seconds")
    except OSError as error:
        sys.exit(f"send.py: the connection broke: {error.strerror or error}")
    if refused:
        sys.exit(f"send.py: refused for {', '.join(refused)}; accepted for the "
                 "others")
    print("-- accepted")


if __name__ == "__main__":
    main()
