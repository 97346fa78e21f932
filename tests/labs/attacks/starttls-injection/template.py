"""On the wire: what the client says comes by here, and what you return goes on.

    C: ehlo mail.example.org          in the clear
    C: STARTTLS                       the last line in the clear
    C: (TLS) ehlo, mail, rcpt, data   noise to you

How does the mail become one for mallory@localhost? Think of the replies, too: each command gets one, in
order.
"""


def from_client(data):
    print(data[:60])
    return data
