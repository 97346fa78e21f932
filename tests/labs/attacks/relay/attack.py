"""The open relay.

In the 1980s mail had to find its way between networks. "victim%elsewhere.example@here" asked the server
here to send a mail on to victim@elsewhere.example, and "@here:victim@elsewhere.example", a source
route, asked the same in other words. Every server did it for everybody. Around 1996 spammers noticed:
one message with a thousand such recipients, and a stranger's machine does the work and gets the blame.
A server that still does it is found within hours and on every block list the next day.

The faulty server knows both. What is for others it puts into the mailbox `outbound`, from which it goes
on its way.

You are nobody in particular. Write attack(host, port), which has a mail sent to
victim@elsewhere.example, once by a percent sign and once by a source route. The server's own domain is
localhost.
"""
import re


def play(server, exploit):
    exploit.attack(*server.listening[0])
    text = b"".join(server.messages("outbound")).decode("latin-1")
    found = re.findall(r"for <([^>]*elsewhere\.example[^>]*)>", text)
    percent = any("%" in address for address in found)
    route = any("%" not in address for address in found)
    if percent and route:
        return True, "two mails are on their way: to " + " and ".join(found)
    return False, "on its way to elsewhere.example: %s" % (", ".join(found) or "nothing")
