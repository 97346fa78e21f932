"""A mail in quoted-printable: "=C3=A9" is two octets, "=" at the end of a line says that it goes on."""


def message():
    header = [
        "Subject: a long one",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "",
    ]
    body = "caf=C3=A9 " * 90000
    return "\r\n".join(header).encode() + body.encode() + b"\r\n"
