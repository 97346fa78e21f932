"""SMTP smuggling.

A bank lets its customers send mail through mail.bank.example. That server is honest: it knows who
sends, and gives every mail the sender that belongs to its customer. It passes on what is in the mail,
with the dots doubled that begin a line.

In December 2023 Timo Longin showed that this is not enough. If the server that receives has another
idea of where a message ends, the text of one mail goes on as commands, and says things of its own:
another MAIL FROM, another message. It comes from the bank's own address, and passes every check.
Postfix, Sendmail and Exim had the fault (CVE-2023-51764 to -51766), and gateways that passed the trick
on, too.

You are the customer mallory@bank.example. Write message(): the text of one mail. It has worked if
you@localhost gets a mail from somebody else.
"""
import contextlib
import re
import socket


def play(server, exploit):
    with contextlib.suppress(AssertionError, OSError):      # whatever the server answers, the bank's goes on
        bank = server.connect()
        bank.ehlo("mail.bank.example")
        bank.envelope(sender="mallory@bank.example")
        bank.send_message(exploit.message())                # doubles the dots after CR LF: RFC 5321 4.5.2
        bank.sock.shutdown(socket.SHUT_WR)
        bank.read_to_the_end()
    found = [re.match(rb"Return-Path: <([^>]*)>", message) for message in server.messages()]
    senders = [path.group(1).decode() for path in found]
    forged = [sender for sender in senders if sender != "mallory@bank.example"]
    if forged:
        return True, "you@localhost has a mail from <%s>, and mallory has sent it." % forged[0]
    return False, "you@localhost has mail from: %s" % (", ".join(senders) or "nobody")
