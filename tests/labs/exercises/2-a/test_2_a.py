"""Exercise 2-a: HELP MAIL says what the syntax of MAIL is."""
import pytest


@pytest.mark.parametrize("argument, keyword", [("MAIL", "FROM:"), ("RCPT", "TO:"), ("mail", "FROM:")])
def test_help_with_a_verb_says_its_syntax(client, argument, keyword):
    """RFC 5321 4.1.1.8: HELP may have an argument, as the name of a command"""
    client.send("HELP " + argument)
    reply = client.expect(211, 214, 250)
    text = " ".join(reply.lines).upper()
    assert keyword in text, "expected: %s in the help on %s\ncame:     %s" % (keyword, argument, text)


@pytest.mark.parametrize("argument", ["NOOP", "EHLO", "QUIT", "NONSENSE", "MAIL RCPT"])
def test_help_with_anything_else_is_one_reply(client, argument):
    """RFC 5321 4.1.1.8, 4.2.4: where there is nothing to say, 504 says that"""
    client.send("HELP " + argument)
    client.expect(211, 214, 250, 501, 504)
    client.expect_in_sync()
