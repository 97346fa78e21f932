"""A client of 15 lines. What it calls itself is up to you."""
import socket


def attack(host, port):
    for name in ["mallory.example"]:
        with socket.create_connection((host, port), 10) as sock, sock.makefile("rwb") as stream:
            print(stream.readline())                        # the greeting
            for line in ["HELO " + name, "MAIL FROM:<mallory@example.org>", "RCPT TO:<you@localhost>",
                         "DATA", "Subject: hello\r\n\r\nHello.\r\n.", "QUIT"]:
                stream.write(line.encode() + b"\r\n")
                stream.flush()
                print(line, stream.readline())
