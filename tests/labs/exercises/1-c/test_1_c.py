"""Exercise 1-c: eight children, made before the clients come."""
import socket

from server import children_of, eventually


def test_eight_children_wait_for_the_first_client(server):
    """They are there before anybody has connected"""
    assert eventually(lambda: len(children_of(server.pid)) == 8), \
        "expected: 8 children\ncame:     %d" % len(children_of(server.pid))


def test_the_same_children_serve_all_clients(server):
    """No client gets a process of its own"""
    before = children_of(server.pid)
    for _ in range(20):
        client = server.connect()
        client.ask("hello")
        client.close()
    after = children_of(server.pid)
    assert before and sorted(after) == sorted(before), \
        "expected: the children %s\ncame:     %s" % (before, after)


def test_the_ninth_client_waits_for_one_of_the_eight(server):
    """Nobody is turned away: whoever is late is served when a child is free"""
    clients = [server.connect() for _ in range(8)]
    for client in clients:
        client.ask("hello")
    ninth = server.connect()
    ninth.send("hello")
    ninth.sock.settimeout(0.3)
    try:
        came = ninth.sock.recv(100)
    except socket.timeout:
        came = b""
    assert not came, "expected: no answer while eight are served\ncame:     %r" % came
    ninth.sock.settimeout(10)
    clients[3].close()
    ninth.read_line("an answer once a client is gone")
