#!/usr/bin/env python3
"""A mail receiver as a student might write it, with an event loop: stages 1 to 3, and not all of them.

With --echo it is an echo (stage 1). The labs' own tests grade it: what it does not do costs the same marks
each time.
"""
import argparse
import asyncio
import functools
import os
import re
import signal
import socket
import sys
import time
from email.utils import formatdate
from pathlib import Path

LINE_MAX = 2048
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL = r'(?:%s(?:\.%s)*|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*")' % (ATOM, ATOM)
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = r"(?:%s(?:\.%s)*|\[[0-9A-Fa-f.:IPv]+\])" % (LABEL, LABEL)
PATH = re.compile(r"<(?:@%s(?:,@%s)*:)?(?:(%s)@(%s))?>(.*)$" % (DOMAIN, DOMAIN, LOCAL, DOMAIN))


class Gone(Exception):
    """The client is to be left, or has left."""


class Session:
    def __init__(self, options, reader, writer):
        self.options, self.reader, self.writer = options, reader, writer
        self.hello, self.sender, self.recipients, self.faults = None, None, [], 0

    def say(self, *lines):
        for number, line in enumerate(lines, 1):
            code, _, text = line.partition(" ")
            self.writer.write(("%s%s%s\r\n" % (code, " " if number == len(lines) else "-", text)).encode())
        if lines[-1][:1] == "5":
            self.faults += 1
        if self.faults >= 20:
            self.writer.write(b"421 4.7.0 too many faults\r\n")
            raise Gone

    async def line(self):
        """The next line without its CR LF; None where it is no line."""
        try:
            line = await asyncio.wait_for(self.whole_line(), self.options.t)
        except asyncio.TimeoutError:
            self.writer.write(b"421 4.4.2 too slow\r\n")
            raise Gone from None
        if self.options.v:
            print("C: %s" % line.decode("ascii", "backslashreplace").__repr__(), file=sys.stderr, flush=True)
        if not line.endswith(b"\r\n") or re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line[:-2]):
            return None
        return line[:-2] if len(line) <= LINE_MAX else None

    async def whole_line(self):
        line = b""
        while not line.endswith(b"\n"):
            try:
                line += await self.reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                line = b"x" * LINE_MAX + (await self.reader.readexactly(error.consumed))[-1:]
        return line

    async def run(self):
        if self.options.echo:
            return await self.echo()
        self.say("220 %s ESMTP" % socket.gethostname())
        while True:
            await self.writer.drain()
            line = await self.line()
            if line is None:
                self.say("500 5.5.2 only CR LF ends a line, and no control character is in it")
                continue
            verb, _, argument = line.decode("utf-8", "replace").partition(" ")
            command = getattr(self, "do_" + verb.upper(), None) if re.match("[A-Za-z]+$", verb) else None
            await command(argument.strip()) if command else self.say("500 5.5.1 what is that?")

    async def echo(self):
        while True:
            line = await self.line()
            self.writer.write(line + b"\r\n" if line is not None else b"that was no line\r\n")
            await self.writer.drain()

    def reset(self):
        self.sender, self.recipients = None, []

    async def do_EHLO(self, name):
        if not name:
            return self.say("501 5.5.4 who are you?")
        self.hello = name
        self.reset()
        keywords = ["250 PIPELINING", "250 ENHANCEDSTATUSCODES"]
        self.say("250 hello", *keywords, *(["250 8BITMIME", "250 SIZE %d" % self.options.s]
                                           if self.options.m else []))

    async def do_HELO(self, name):
        if not name:
            return self.say("501 5.5.4 who are you?")
        self.hello = name
        self.reset()
        self.say("250 hello")

    async def do_MAIL(self, argument):
        found = PATH.match(re.sub(r"(?i)^FROM: ?", "", argument)) if argument[:5].upper() == "FROM:" else None
        if self.hello is None or self.sender is not None:
            self.say("503 5.5.1 not now")
        elif not found or found.group(3)[:1] not in ("", " "):
            self.say("501 5.5.4 MAIL FROM:<address>")
        elif not self.parameters(found.group(3)):
            self.say("555 5.5.4 what parameter is that?")
        else:
            self.sender = "%s@%s" % found.group(1, 2) if found.group(1) else ""
            self.say("250 2.1.0 go on")

    def parameters(self, text):
        known = r"SIZE=\d{1,20}|BODY=(7BIT|8BITMIME)" if self.options.m else "$."
        return all(re.match("(%s)$" % known, word, re.I) for word in text.split())

    async def do_RCPT(self, argument):
        text = re.sub(r"(?i)^TO: ?", "", argument)
        text = re.sub(r"(?i)^<postmaster>", "<postmaster@%s>" % self.options.d[0], text)
        found = PATH.match(text) if argument[:3].upper() == "TO:" else None
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
        elif not found or not found.group(1) or found.group(3)[:1] not in ("", " "):
            self.say("501 5.1.3 RCPT TO:<address>")
        elif found.group(3).strip():
            self.say("555 5.5.4 what parameter is that?")
        elif found.group(2).lower() not in self.options.d or re.search("[%!@]", found.group(1)):
            self.say("550 5.7.1 not here")
        elif self.options.m and not self.mailbox(found.group(1)):
            self.say("550 5.1.1 nobody of that name")
        elif len(self.recipients) >= 100:
            self.say("452 4.5.3 enough")
        else:
            self.recipients.append("%s@%s" % found.group(1, 2))
            self.say("250 2.1.5 go on")

    def mailbox(self, local):
        name = local.strip('"').lower()
        path = self.options.m / name
        return path if re.match(r"[a-z0-9_-][a-z0-9._-]*$", name) and (path / "new").is_dir() else None

    async def do_DATA(self, argument):
        if argument:
            return self.say("501 5.5.4 DATA alone")
        if not self.recipients:
            return self.say("503 5.5.1 RCPT first")
        if not self.options.m:
            return self.say("502 5.5.1 not yet")
        self.say("354 go on")
        await self.writer.drain()
        text, bare = [], False
        while True:
            line = await self.reader.readuntil(b"\n")
            bare = bare or not line.endswith(b"\r\n") or b"\r" in line[:-2]
            if line == b".\r\n" and (not text or text[-1].endswith(b"\r\n")):
                break
            text.append(line[1:] if line.startswith(b".") else line)
        message = b"".join(text)
        if bare:
            self.say("554 5.6.0 a bare CR or LF")
        elif len(message) > self.options.s:
            self.say("552 5.3.4 too large")
        else:
            self.store(message)
            self.say("250 2.0.0 kept")
        self.reset()

    def store(self, message):
        peer = self.writer.get_extra_info("peername")[0]
        trace = "Return-Path: <%s>\nReceived: from %s ([%s]) by %s with ESMTP; %s\n" % (
            self.sender, re.sub(r"[^\w.:\[\]-]", "?", self.hello), peer, socket.gethostname(),
            formatdate(localtime=True))
        for mailbox in {self.mailbox(recipient.rpartition("@")[0]) for recipient in self.recipients}:
            name = "%d.M%dP%d.%s" % (time.time(), time.time_ns() // 1000 % 10 ** 6, os.getpid(),
                                     socket.gethostname())
            with open(str(mailbox / "tmp" / name), "wb") as file:
                file.write(trace.encode() + message.replace(b"\r\n", b"\n"))
                file.flush()
                os.fsync(file.fileno())
            os.link(str(mailbox / "tmp" / name), str(mailbox / "new" / name))
            os.unlink(str(mailbox / "tmp" / name))

    async def do_RSET(self, argument):
        if argument:
            return self.say("501 5.5.4 RSET alone")
        self.reset()
        self.say("250 2.0.0 done")

    async def do_NOOP(self, _):
        self.say("250 2.0.0 done")

    async def do_VRFY(self, argument):
        self.say("252 2.1.5 try it" if argument else "501 5.5.4 whom?")

    async def do_EXPN(self, _):
        self.say("502 5.5.1 no lists here")

    async def do_HELP(self, _):
        self.say("214 2.0.0 RFC 5321")

    async def do_QUIT(self, argument):
        if argument:
            return self.say("501 5.5.4 QUIT alone")
        self.say("221 2.0.0 bye")
        raise Gone


SESSIONS = set()


async def serve(options, reader, writer):
    SESSIONS.add(writer)
    try:
        await Session(options, reader, writer).run()
    except (Gone, asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        SESSIONS.discard(writer)
        writer.close()


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("-l", action="append")
    parser.add_argument("-p", type=int, default=2525)
    parser.add_argument("-t", type=int, default=300)
    parser.add_argument("-s", type=int, default=52428800)
    parser.add_argument("-d", action="append")
    parser.add_argument("-m", type=Path)
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    options.d = [name.lower() for name in options.d or ["localhost"]]
    if not 0 <= options.p < 65536 or options.t < 1:
        parser.error("a number is out of range")
    return options


async def main():
    options, end = parse(), asyncio.Event()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    for address in options.l or ["127.0.0.1", "::1"]:
        try:
            server = await asyncio.start_server(functools.partial(serve, options), address, options.p,
                                                limit=LINE_MAX, backlog=200)
        except OSError as error:
            sys.exit("cannot listen on %s port %d: %s" % (address, options.p, error.strerror))
        options.p = server.sockets[0].getsockname()[1]
        print("listening on %s port %d" % (address, options.p), flush=True)
    await end.wait()
    for writer in SESSIONS:
        writer.write(b"421 4.3.2 the end\r\n")
        writer.close()
    await asyncio.sleep(0.05)
    os._exit(0)     # whoever does not read holds nobody up


if __name__ == "__main__":
    asyncio.run(main())
