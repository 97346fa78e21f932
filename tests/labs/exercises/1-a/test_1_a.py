"""Exercise 1-a: each line comes back in upper case."""


def test_a_line_comes_back_in_upper_case(client):
    """Small letters become large ones, and all else stays as it is"""
    came = client.ask("Hello, World 1!")
    assert came == b"HELLO, WORLD 1!", "expected: HELLO, WORLD 1!\ncame:     %r" % came


def test_octets_that_are_no_letters_of_ascii_stay(client):
    """toupper(3) wants an unsigned char: an octet above 127 is none as a char"""
    sent = bytes(range(128, 256))
    client.send(sent)
    came = client.read_line()
    assert came == sent, "expected: the octets from 128 to 255 as they were sent\ncame:     %r" % came
