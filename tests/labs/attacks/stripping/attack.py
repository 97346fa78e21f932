"""Stripping STARTTLS.

Whether a server has TLS it says itself, in the clear: in a line of its reply to EHLO. Who sits on the
wire takes that line out, and the client sends in the clear, for it takes the other for an old server.
Providers have been seen to do so, by boxes that turned STARTTLS into XXXXXXXA (2014), and so have whole
countries.

No server can see that. What helps is a word of it by another way, that there is TLS here and which key
it has: a TLSA record in DNS, signed by DNSSEC (DANE, RFC 7672). Our server prints that record when it
starts, and the operator puts it there. A sender that finds one does not send without TLS, nor to
another key.

The fault of the faulty server is that it does not print the record, so there is none. Write
from_server(data): it gets what the server says and returns what goes on. It has worked if you have read
the mail.
"""
import contextlib
import hashlib
import smtplib
import ssl

from wire import Wire

OPTIONS = ["-c", "certificate.pem", "-k", "key.pem"]     # made at the start
SECRET = b"the key is under the mat"
# how the public key in a certificate begins
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def record_in_dns(server):
    """What the operator has put there: what the server has printed."""
    found = [line.split()[-1] for line in server.stdout_lines() if " TLSA 3 1 1 " in line]
    return found[0] if found else None


def send(port, record):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as alice:
        alice.ehlo()
        if record or alice.has_extn("starttls"):
            alice.starttls(context=context)
        if record:
            certificate = alice.sock.getpeercert(True)
            at = certificate.index(P256)
            if hashlib.sha256(certificate[at:at + 91]).hexdigest() != record.lower():
                raise smtplib.SMTPException("that is another server")
        alice.sendmail("alice@example.org", ["you@localhost"], b"Subject: for you\r\n\r\n" + SECRET + b"\r\n")


def play(server, exploit):
    server.connect().quit()         # by then all is printed that is printed at the start
    wire = Wire(server.listening[0], exploit)
    with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
        send(wire.port, record_in_dns(server))
    if SECRET in wire.seen:
        return True, "you have read: %s" % SECRET.decode()
    return False, "you have read %d octets, and no secret in them; you@localhost has %d mails" % (
        len(wire.seen), len(server.messages()))
