"""Exercise 2-c: who talks before the greeting is refused."""
import time


def test_who_talks_first_is_refused(server):
    """RFC 5321 3.1: 554 in place of the greeting"""
    client = server.connect(greeting=False)
    client.send("EHLO client.example")
    client.expect(554)


def test_a_piece_of_a_command_is_too_early_as_well(server):
    """It need not be a whole line"""
    client = server.connect(greeting=False)
    client.send_raw(b"E")
    client.expect(554)


def test_who_waits_is_served(server):
    """The greeting comes after about a second, and what comes then may come in one go"""
    before = time.monotonic()
    client = server.connect()
    waited = time.monotonic() - before
    assert 0.7 < waited < 5, "expected: a greeting after a second\ncame:     after %.1f seconds" % waited
    client.send_raw(b"EHLO client.example\r\nNOOP\r\nQUIT\r\n")
    client.expect(250)
    client.expect(250)
    client.expect(221)
    client.expect_closed()


def test_one_that_waits_holds_up_nobody(server):
    """The second is the child's, not the parent's"""
    before = time.monotonic()
    for client in [server.connect(greeting=False) for _ in range(5)]:
        client.expect(220)
    waited = time.monotonic() - before
    assert 0.7 < waited < 4, "expected: five greetings after a second\ncame:     after %.1f seconds" % waited
