"""What mallory writes: the text of one mail, which the bank's server passes on.

It has these lines, and the server of the bank ends it with CR LF . CR LF. A line that begins with a dot
gets a second dot on the way. Read step03-data/data.c in build/labs/attack-smuggling: what else ends a
message there?
"""


def message():
    lines = [
        "From: mallory@bank.example",
        "Subject: hello",
        "",
        "This is my mail.",
    ]
    return "\r\n".join(lines).encode() + b"\r\n"
