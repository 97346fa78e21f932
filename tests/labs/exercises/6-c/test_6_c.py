"""Exercise 6-c: every protected record is padded to a multiple of 64 bytes."""
import ssl

from client import trusting

TAG, CHANGE_CIPHER_SPEC, APPLICATION_DATA = 16, 20, 23


def lengths(wire):
    """Of the protected records in what came, as (length of what is inside, with its type and zeros)."""
    found = []
    while len(wire) >= 5:
        size = int.from_bytes(wire[3:5], "big")
        if wire[0] == APPLICATION_DATA:
            found.append(size - TAG)
        wire = wire[5 + size:]
    return found


class Tls:
    """Python's ssl, with a look at what comes over the wire."""

    def __init__(self, client):
        self.sock, self.wire = client.sock, b""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = trusting().wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def run(self, function, *arguments):
        while True:
            try:
                came = function(*arguments)
                self.sock.sendall(self.outgoing.read())
                return came
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                data = self.sock.recv(65536)
                assert data, "expected: more of the conversation\ncame:     its end"
                self.wire += data
                self.incoming.write(data)

    def ask(self, line):
        self.run(self.tls.write, line + b"\r\n")
        reply = b""
        while not reply.endswith(b"\n"):
            reply += self.run(self.tls.read, 65536)
        return reply


def test_lengths_tell_nothing(server):
    """RFC 8446, 5.4: what is inside, its type and zeros together, is a multiple of 64"""
    client = server.connect()
    client.ehlo()
    client.send("STARTTLS")
    client.expect(220)
    tls = Tls(client)
    tls.run(tls.tls.do_handshake)
    assert tls.tls.version() == "TLSv1.3", "expected: TLS 1.3\ncame:     %s" % tls.tls.version()
    for line in (b"EHLO client.example", b"NOOP", b"HELP", b"VRFY x", b"NONSENSE"):
        tls.ask(line)
    came = lengths(tls.wire)
    assert len(came) >= 5 and all(size % 64 == 0 for size in came), \
        "expected: lengths that are multiples of 64\ncame:     %s" % came


def test_clients_understand_it(server):
    """A mail inside TLS, as before"""
    client = server.connect()
    client.ehlo()
    client.starttls()
    client.ehlo()
    client.deliver(b"Subject: hello\r\n\r\n" + b"x" * 70 + b"\r\n")
    server.only_message()
    client.quit()
