"""STARTTLS injection, CVE-2011-0411.

Alice's server sends her mail with STARTTLS. You sit on the wire between the two servers, and can change
what goes by, but only until TLS begins: from then on you see noise, and a changed octet ends the
connection.

In March 2011 Wietse Venema found that his Postfix read the commands of a client into a buffer, and
after the handshake went on with what was still in it. What came in the clear, in the same packet as
STARTTLS, was taken as if it had come inside TLS. Many other programs had the same fault: it comes by
itself where TLS is put below code that was there before.

Write from_client(data): it gets what Alice's server says and returns what goes on. It has worked if
Alice's mail, which is for you@localhost, is in the mailbox of mallory, and her server believes that all
went well.
"""
import contextlib
import smtplib
import ssl

from wire import Wire

MAILBOXES = ["you", "mallory"]
OPTIONS = ["-c", "certificate.pem", "-k", "key.pem"]     # made at the start
SECRET = b"the key is under the mat"
MAIL = b"Subject: for you\r\n\r\n" + SECRET + b"\r\n"


def play(server, exploit):
    wire = Wire(server.listening[0], exploit)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE      # as servers do among each other
    with contextlib.suppress(OSError, smtplib.SMTPException):
        with smtplib.SMTP("127.0.0.1", wire.port, timeout=5) as alice:
            alice.starttls(context=context)
            alice.sendmail("alice@example.org", ["you@localhost"], MAIL)
    stolen = [message for message in server.messages("mallory") if SECRET in message]
    if stolen:
        return True, "mallory reads:\n%s" % stolen[0].decode("latin-1")
    return False, "mallory has no mail of Alice's; you@localhost has %d" % len(server.messages())
