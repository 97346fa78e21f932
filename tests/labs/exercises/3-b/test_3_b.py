"""Exercise 3-b: you+lists@localhost goes to the mailbox you+lists if there is one, and to you otherwise."""
import pytest

MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


@pytest.mark.parametrize("local_part", ["you+lists", "you+", "you+a+b", "You+Lists"])
def test_it_goes_to_the_mailbox_before_the_plus(start, local_part):
    """The first plus counts, and letters may be large or small as everywhere"""
    server = start(mailboxes=["you"])
    client = server.connect()
    client.ehlo()
    client.deliver(MESSAGE, recipients=local_part + "@localhost")
    server.only_message("you")


def test_a_mailbox_of_that_name_comes_first(start):
    """you+lists is there, and has the mail; you has not"""
    server = start(mailboxes=["you", "you+lists"])
    client = server.connect()
    client.ehlo()
    client.deliver(MESSAGE, recipients="you+lists@localhost")
    server.only_message("you+lists")
    assert not server.new("you"), "expected: nothing in you/new\ncame:     %s" % server.new("you")


def test_two_ways_to_one_mailbox_are_one_message(start):
    """As it is wherever two recipients have the same mailbox"""
    server = start(mailboxes=["you"])
    client = server.connect()
    client.ehlo()
    client.deliver(MESSAGE, recipients=["you@localhost", "you+lists@localhost"])
    server.only_message("you")


@pytest.mark.parametrize("local_part", ["+", "+you", "nobody+you", '".+x"', '"..+x"', '"you/new+x"'])
def test_what_is_no_mailbox_is_none_with_a_plus(start, local_part):
    """Before the plus there may be nothing, or something that leads elsewhere"""
    client = start(mailboxes=["you"]).connect()
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<%s@localhost>" % local_part)
    client.expect(550)
