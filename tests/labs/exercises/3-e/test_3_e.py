"""Exercise 3-e: CHUNKING (RFC 3030)."""
import pytest

from server import eventually, trace_and_content


@pytest.fixture
def client(server):
    client = server.connect()
    client.ehlo()
    return client


def envelope(client):
    client.mail()
    client.rcpt()


def bdat(client, data, last=False, code=250):
    """One chunk: the command and its octets leave together."""
    client.send_raw(b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data)
    return client.expect(code)


def content(server):
    return trace_and_content(server.only_message())[2]


def test_it_is_announced(client):
    """RFC 3030, section 2: the keyword is CHUNKING"""
    assert "CHUNKING" in client.ehlo().keywords, "expected: EHLO announces CHUNKING"


def test_a_message_comes_in_chunks(server, client):
    """Each is answered with 250; they may end anywhere, between CR and LF too"""
    envelope(client)
    bdat(client, b"Subject: hello\r")
    bdat(client, b"\n\r\nhel")
    bdat(client, b"lo\r\n", last=True)
    client.quit()
    assert content(server) == b"Subject: hello\n\nhello\n", \
        "expected: the message\ncame:     %r" % content(server)


def test_no_dot_means_anything(server, client):
    """What would end a message after DATA is text here, and no dot is taken away"""
    envelope(client)
    bdat(client, b"a\r\n.\r\n..b\r\n.\r\nQUIT\r\n", last=True)
    assert content(server) == b"a\n.\n..b\n.\nQUIT\n", "expected: each dot\ncame:     %r" % content(server)


def test_the_last_chunk_may_be_empty(server, client):
    """BDAT 0 LAST"""
    envelope(client)
    bdat(client, b"hello\r\n")
    bdat(client, b"", last=True)
    assert content(server) == b"hello\n", "expected: hello\ncame:     %r" % content(server)


def test_a_message_need_not_end_with_a_line(server, client):
    """Octets are counted, and no line end is added"""
    envelope(client)
    bdat(client, b"hello", last=True)
    assert content(server).rstrip(b"\n") == b"hello", "expected: hello\ncame:     %r" % content(server)


def test_chunks_may_be_pipelined(client):
    """RFC 3030, section 4.1; and the reply to each comes in its turn"""
    envelope(client)
    client.send_raw(b"BDAT 3\r\na\r\nBDAT 4 LAST\r\nbc\r\nNOOP\r\nQUIT\r\n")
    for code in (250, 250, 250, 221):
        client.expect(code)


def test_a_chunk_out_of_order_is_read_and_refused(server, client):
    """RFC 3030, section 2: its octets come, whatever the reply is. They are no commands"""
    bdat(client, b"QUIT\r\n", code=503)
    client.expect_in_sync()
    client.mail()
    bdat(client, b"QUIT\r\n", last=True, code=503)
    client.expect_in_sync()
    assert not server.new(), "expected: no message"


@pytest.mark.parametrize("command", ["DATA", "RCPT TO:<you@localhost>", "MAIL FROM:<a@example.org>"])
def test_between_two_chunks_there_is_nothing_else(client, command):
    """RFC 3030, section 2: DATA after BDAT is 503; and the envelope is complete"""
    envelope(client)
    bdat(client, b"hello\r\n")
    client.send(command)
    client.expect(503)
    bdat(client, b"bye\r\n", last=True)


@pytest.mark.parametrize("command, code", [("RSET", 250), ("EHLO again", 250), ("QUIT", 221)])
def test_what_is_not_finished_is_forgotten(server, client, command, code):
    """Nothing is delivered, and nothing is left in tmp/"""
    envelope(client)
    bdat(client, b"hello\r\n")
    client.send(command)
    client.expect(code)
    if code != 221:
        bdat(client, b"bye\r\n", last=True, code=503)
        client.quit()
    check_nothing(server)


def test_a_lost_connection_leaves_nothing(server, client):
    """In the middle of a chunk"""
    envelope(client)
    bdat(client, b"hello\r\n")
    client.send_in_pieces(b"BDAT 1000 LAST\r\nhello")
    client.close()
    check_nothing(server)


def check_nothing(server):
    assert eventually(lambda: not server.tmp()), "expected: nothing in tmp/\ncame:     %s" % server.tmp()
    assert not server.new(), "expected: nothing in new/\ncame:     %s" % server.new()


@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\rb\r\n", b"a\r"])
def test_a_lone_lf_or_cr_is_not_stored_as_a_line_end(server, client, data):
    """A lone one is refused, or stored as it is: it can't become another message's line end"""
    envelope(client)
    client.send_raw(b"BDAT %d LAST\r\n" % len(data) + data)
    if client.expect(250, 554).code == 554:
        assert not server.new(), "expected: no message"
    client.expect_in_sync()


def test_the_size_is_held_to_the_limit(start):
    """RFC 1870: over all chunks together; the connection stays in sync"""
    server = start("-s", "1000")
    client = server.connect()
    client.ehlo()
    envelope(client)
    bdat(client, b"x" * 898 + b"\r\n")
    bdat(client, b"x" * 898 + b"\r\n", last=True, code=552)
    client.expect_in_sync()
    assert not server.new(), "expected: no message"


@pytest.mark.parametrize("argument", ["", "x", "-1", "5 FIRST", "LAST"])
def test_what_is_no_size_is_refused(client, argument):
    """RFC 3030, section 2: chunk-size is a number"""
    envelope(client)
    client.send(("BDAT " + argument).strip())
    client.expect(500, 501, 555)
