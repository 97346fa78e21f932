"""Exercise 2-d: a limit for each command, however it trickles in. -t 1 makes the limit a second."""
import select
import time

from client import TIMEOUT_SCALE


def test_a_command_that_trickles_in_is_ended(start):
    """RFC 5321 4.5.3.2.7: no octet comes late, and still the command does. 421 says so"""
    client = start("-t", "1").connect()
    end = time.monotonic() + 4 * TIMEOUT_SCALE
    while not select.select([client.sock], [], [], 0.3)[0]:
        if time.monotonic() > end:
            client.fail("421 after a second", "nothing, while an octet came every 0.3 seconds")
        client.send_raw(b"x")
    client.expect(421)
    client.expect_closed()


def test_each_command_has_a_time_of_its_own(start):
    """A long conversation is no slow command"""
    client = start("-t", "1").connect()
    for _ in range(6):
        time.sleep(0.4)
        client.send("NOOP")
        client.expect(250)


def test_commands_that_come_together_are_answered(start):
    """The time is looked at where the server waits, and only there"""
    client = start("-t", "1").connect()
    client.send_raw(b"NOOP\r\n" * 5000 + b"QUIT\r\n")
    for _ in range(5000):
        client.expect(250)
    client.expect(221)
