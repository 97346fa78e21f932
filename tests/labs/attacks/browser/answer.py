"""A field whose name ends a line and whose value is a conversation: the lines of the form before it are
only faults."""


def body():
    fields = {"city": "Paris\r\nEHLO mallory.example\r\nMAIL FROM:<mallory@example.org>\r\n"
                      "RCPT TO:<you@localhost>\r\nDATA\r\n"
                      "Subject: from your own browser\r\n\r\nHello.\r\n.\r\nQUIT"}
    return b"".join(b"%s=%s\r\n" % (name.encode(), value.encode()) for name, value in fields.items())
