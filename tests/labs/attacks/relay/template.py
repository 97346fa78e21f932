"""A client of 15 lines. It sends a mail to somebody whose server this is."""
import socket


def attack(host, port):
    for recipient in ["you@localhost"]:
        with socket.create_connection((host, port), 10) as sock, sock.makefile("rwb") as stream:
            print(stream.readline())                        # the greeting
            for line in ["HELO mallory.example", "MAIL FROM:<mallory@example.org>",
                         "RCPT TO:<%s>" % recipient, "DATA", "Subject: cheap watches\r\n\r\nBuy them.\r\n.", "QUIT"]:
                stream.write(line.encode() + b"\r\n")
                stream.flush()
                print(line, stream.readline())
