"""Exercise 3-d: greylisting. The first attempt of a trio (network, sender, recipient) is answered with 451.

A minute passes here by setting back the times of all files that are no messages.
"""
import os

import pytest


def rcpt(client, sender="alice@example.org", recipient="you@localhost"):
    """One attempt, up to RCPT. Returns the code of its reply."""
    client.mail(sender)
    client.send("RCPT TO:<%s>" % recipient)
    code = client.read_reply("a reply to RCPT").code
    client.send("RSET")
    client.expect(250)
    return code


def let_pass(server, seconds):
    """All that the program has noted becomes older."""
    for directory, _, names in os.walk(str(server.directory)):
        if os.path.basename(directory) not in ("tmp", "new", "cur"):
            for name in names:
                path = os.path.join(directory, name)
                then = os.stat(path).st_mtime - seconds
                os.utime(path, (then, then))


@pytest.fixture
def server(start):
    return start(mailboxes=["you", "me"])


@pytest.fixture
def client(server):
    client = server.connect()
    client.ehlo()
    return client


def check(came, *expected):
    __tracebackhide__ = True
    assert came in expected, "expected: %s\ncame:     %d" % (" or ".join(map(str, expected)), came)


def test_the_first_attempt_is_too_early_and_so_is_one_at_once(client):
    """Come again later: a spammer's program does not"""
    check(rcpt(client), 450, 451)
    check(rcpt(client), 450, 451)


def test_after_a_minute_the_mail_is_taken(server, client):
    """By another process, on another connection; and from then on always"""
    check(rcpt(client), 450, 451)
    client.quit()
    let_pass(server, 61)
    for _ in range(2):
        client = server.connect()
        client.ehlo()
        check(rcpt(client), 250)
        client.deliver(b"Subject: hello\r\n\r\n")
        client.quit()
    assert len(server.new()) == 2, "expected: two messages\ncame:     %d" % len(server.new())


def test_the_minute_is_counted_from_the_first_attempt(server, client):
    """A sender that tries every 40 seconds gets through with its third attempt"""
    check(rcpt(client), 450, 451)
    let_pass(server, 40)
    check(rcpt(client), 450, 451)
    let_pass(server, 40)
    check(rcpt(client), 250)


def test_each_trio_has_a_time_of_its_own(server, client):
    """Another sender, or another recipient, is another trio"""
    check(rcpt(client), 450, 451)
    let_pass(server, 61)
    check(rcpt(client, sender="bob@example.org"), 450, 451)
    check(rcpt(client, recipient="me@localhost"), 450, 451)
    check(rcpt(client, sender=""), 450, 451)
    check(rcpt(client), 250)


@pytest.mark.parametrize("sender", ['"../../x"@example.org', '"a/b"@example.org', "a" * 900 + "@example.org"])
def test_a_sender_is_no_file_name(server, client, sender):
    """Whatever it is, it does not lead out of the directory, and works as any other"""
    check(rcpt(client, sender=sender), 450, 451)
    let_pass(server, 61)
    check(rcpt(client, sender=sender), 250)


def test_a_mailbox_that_is_not_there_is_refused_at_once(client):
    """550 is for good: nobody is to come again for that"""
    check(rcpt(client, recipient="nobody@localhost"), 550)
