"""Exercise 1-d: all clients in one process. Stage 1 holds as before: make test-01 PROG=..."""
import socket
import struct

from server import children_of


def test_there_is_one_process(server):
    """Three clients are served, and no child is there"""
    for client in [server.connect() for _ in range(3)]:
        client.ask("hello")
    children = children_of(server.pid)
    assert not children, "expected: no children\ncame:     %d" % len(children)


def test_half_a_line_holds_up_nobody(server):
    """What has come of a line is kept for its client"""
    one, other = server.connect(), server.connect()
    one.send_in_pieces(b"half a ")
    other.ask("hello")
    one.send_in_pieces(b"li", b"ne\r")
    other.ask("hello again")
    one.send_raw(b"\n")
    came = one.read_line()
    assert came == b"half a line", "expected: half a line\ncame:     %r" % came
    check_one_process(server)


def test_a_client_that_does_not_read_holds_up_nobody(server):
    """A write must not wait either. What does not fit is kept, and none of it is lost"""
    deaf, other = server.connect(), server.connect()
    line, sent = b"x" * 1000 + b"\r\n", bytearray()
    deaf.sock.settimeout(0.5)
    try:
        while len(sent) < 2 ** 24:
            sent += line[:deaf.sock.send(line)]
    except socket.timeout:
        pass
    other.ask("hello")
    deaf.sock.settimeout(10)
    whole = sent[:sent.rindex(b"\n") + 1]
    came = bytearray()
    while len(came) < len(whole):
        data = deaf.sock.recv(2 ** 20)
        if not data:
            break
        came += data
    assert came == whole, ("expected: the %d octets that were sent\ncame:     %d octets"
                           % (len(whole), len(came)))
    check_one_process(server)


def test_a_client_that_is_gone_takes_nobody_along(server):
    """A write to it raises SIGPIPE, and there is only one process that could die"""
    gone, other = server.connect(), server.connect()
    other.ask("hello")
    gone.send_raw(b"x" * 1000 + b"\r\n" + b"hello\r\n" * 1000)
    gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()
    other.ask("hello again")
    check_one_process(server)


def check_one_process(server):
    assert not children_of(server.pid), "expected: no children\ncame:     a child"
