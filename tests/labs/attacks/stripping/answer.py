"""As those boxes did it: the length stays, the word is gone."""


def from_server(data):
    return data.replace(b"STARTTLS", b"XXXXXXXA")
