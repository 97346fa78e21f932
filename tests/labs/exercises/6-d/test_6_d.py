"""Exercise 6-d: after 100 records of the client the server asks for new keys."""
import pytest

import tls_model as tls
from tls_client import ALERT, APPLICATION_DATA, HANDSHAKE, TlsClient


@pytest.fixture
def client(server):
    client = TlsClient(*server.listening[0], starttls=True)
    client.handshake()
    yield client
    client.close()


def ask(client, times):
    """NOOP, so many times. Returns how often the server asked for new keys."""
    asked = 0
    for _ in range(times):
        client.write(b"NOOP\r\n")
        line = b""
        while not line.endswith(b"\r\n"):
            content_type, data = client.receive("a reply, or a KeyUpdate")
            if content_type == HANDSHAKE:
                client.check(data == tls.message(tls.KEY_UPDATE, b"\1"),
                             "a KeyUpdate that requests one", data)
                client.read_keys = client.read_keys.next()
                asked += 1
            else:
                client.check(content_type == APPLICATION_DATA, "a reply", data)
                line += data
    return asked


def check(came, expected):
    assert came == expected, "expected: asked %d times\ncame:     %d times" % (expected, came)


def test_it_asks_after_a_hundred_records(client):
    """RFC 8446, 4.6.3: update_requested; and once only"""
    check(ask(client, 90), 0)
    check(ask(client, 20), 1)
    check(ask(client, 80), 0)


def test_each_new_key_has_a_hundred_of_its_own(client):
    """The client does what it is asked for"""
    for _ in range(3):
        check(ask(client, 105), 1)
        client.send_key_update()


def test_who_goes_on_with_the_old_key_is_cut_off(client):
    """After 100 more, with an alert"""
    ask(client, 190)
    for _ in range(20):
        client.write(b"NOOP\r\n")
    while True:
        content_type, data = client.receive("an alert")
        if content_type == ALERT:
            break
        client.check(content_type == APPLICATION_DATA, "a reply or an alert", data)
