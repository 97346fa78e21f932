"""Exercise 6-a: an option that refuses MAIL before STARTTLS. Here it is -T."""


def test_no_mail_before_starttls(start):
    """RFC 3207, section 4: 530 5.7.0; everything else works"""
    client = start("-T").connect()
    client.ehlo()
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(530, enhanced="5.7.0")
    client.expect_in_sync()


def test_mail_after_starttls(start):
    """On the same connection, once it is protected"""
    server = start("-T")
    client = server.connect()
    client.ehlo()
    client.starttls()
    client.ehlo()
    client.deliver(b"Subject: hello\r\n\r\n")
    server.only_message()


def test_without_the_option_all_is_as_before(server):
    """Who can't speak TLS is served"""
    client = server.connect()
    client.ehlo()
    client.deliver(b"Subject: hello\r\n\r\n")
