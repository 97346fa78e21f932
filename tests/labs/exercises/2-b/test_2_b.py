"""Exercise 2-b: -n sets how many clients are served at once."""
import pytest

from server import eventually


def test_one_client_more_than_n_is_turned_away(start):
    """RFC 5321 3.8: with a 421, in place of the greeting"""
    server = start("-n", "2")
    clients = [server.connect() for _ in range(2)]
    late = server.connect(greeting=False)
    late.expect(421)
    late.expect_closed()
    clients[0].quit()
    came = []
    eventually(lambda: 220 in came or came.append(greeting_of(server)))
    assert 220 in came, "expected: room again after one has left\ncame:     %s" % came


def greeting_of(server):
    client = server.connect(greeting=False)
    code = client.read_reply().code
    client.close()
    return code


def test_without_it_there_is_room_for_many(start):
    """The default is what it was"""
    server = start()
    for client in [server.connect() for _ in range(30)]:
        client.ehlo()


@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1000000"])
def test_what_is_no_number_of_clients_is_wrong_usage(run, value):
    """More than the array holds is none either"""
    assert run("-n", "2", "-Z").returncode == 2 and run("-p", "0", "-n", value).returncode == 2, \
        "expected: exit status 2"
