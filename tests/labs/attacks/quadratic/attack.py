"""A parser made quadratic.

On 20 July 2016 Stack Overflow was away for half an hour. Somebody had asked a question with 20,000
blanks in a row, and a rule that takes blanks off the end of a line looked at them: at the first blank,
on to the end of the run, where there was no end of the line; then at the second blank, on to the end of
the run; and so on, 200 million looks for one question. The text was not meant to harm.

Somewhere in step05-multipart/transfer.c of the faulty server is the same loop. A mail of moderate size
keeps it busy.

You are a stranger. Write message(): a mail of at most 1,000,000 octets for which the server needs more
than three seconds. A mail of that size takes it a few hundredths.
"""
import time

ENOUGH = 3      # seconds


def play(server, exploit):
    message = exploit.message()
    if len(message) > 1000000:
        return False, "that mail has %d octets, which is too many" % len(message)
    client = server.connect()
    client.ehlo()
    client.deliver(message)
    began = time.monotonic()
    client.sock.settimeout(ENOUGH)
    try:
        client.send("NOOP")
        client.expect(250)
    except AssertionError:
        return True, "%d octets keep the server busy for more than %d seconds" % (len(message), ENOUGH)
    return False, "%d octets took the server %.2f seconds" % (len(message), time.monotonic() - began)
