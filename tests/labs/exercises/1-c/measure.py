#!/usr/bin/env python3
"""How many connections in a second? measure.py PROGRAM... (each is an echo: connect, say a line, close)."""
import socket
import subprocess
import sys
import time


def measure(program, seconds=3):
    server = subprocess.Popen([program, "-p", "0"], stdout=subprocess.PIPE, universal_newlines=True)
    port = int(server.stdout.readline().split()[-1])
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"hello\r\n")
            sock.recv(100)
        count += 1
    server.terminate()
    server.wait()
    return count / seconds


for path in sys.argv[1:]:
    print("%6.0f connections a second: %s" % (measure(path), path))
