"""Exercise 3-c: a program that loses a mail. Here that is what is asked for."""


def test_two_mails_are_promised_and_one_is_there(server):
    """rename(2) replaces the first mail by the second, which has the same name; both had their 250"""
    client = server.connect()
    client.ehlo()
    client.deliver(b"Subject: first\r\n\r\n")
    client.deliver(b"Subject: second\r\n\r\n")
    found = server.messages()
    assert len(found) == 1, "expected: one of two mails is left\ncame:     %d" % len(found)
    assert b"Subject: second" in found[0], "expected: the second mail\ncame:     %r" % found[0]
