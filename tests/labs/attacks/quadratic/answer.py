"""Blanks, and then no end of the line."""


def message():
    header = ["Subject: a long one", "Content-Type: text/plain; charset=utf-8",
              "Content-Transfer-Encoding: quoted-printable", "", ""]
    return "\r\n".join(header).encode() + b" " * 900000 + b"x\r\n"
