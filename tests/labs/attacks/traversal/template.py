"""A client that sends a mail with an attachment. Two names in it are yours to choose."""
import email.message
import email.policy
import smtplib


def attack(host, port):
    mailbox, name = "you", "holiday.jpg"

    message = email.message.EmailMessage()
    message["Subject"] = "a picture"
    message.set_content("See the picture.")
    message.add_attachment(b"<h1>Hello</h1>", maintype="text", subtype="html", filename=name)
    with smtplib.SMTP(host, port, timeout=10) as client:
        client.ehlo()
        client.docmd("MAIL FROM:<mallory@example.org>")
        print(client.docmd("RCPT TO:<%s@localhost>" % mailbox))
        print(client.data(message.as_bytes(policy=email.policy.SMTP)))
