"""Start a program under test, know where it listens, collect what it prints, and end it.

The program is the leader of a process group of its own, so that a test can kill it
with all its children, as a power cut would. Start reading at Server.__init__().
"""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from client import TIMEOUT, Client

SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:")
MARK = re.compile(rb"# mark \d+\n$")
OUTPUT_MAX = 2 ** 24        # octets of standard output: whoever prints more is ended
LISTENING = re.compile(r"listening on (\S+) port (\d+)$")


class StartError(AssertionError):
    """The program did not say that it listens."""


class ConnectError(AssertionError, OSError):
    """It said that it listens, but nobody can connect."""


def has_ipv6():
    """Does this machine have it?"""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def make_mailbox(mail, name):
    """A Maildir: https://cr.yp.to/proto/maildir.html"""
    for part in ("tmp", "new", "cur"):
        (Path(mail) / name / part).mkdir(parents=True, exist_ok=True)


def children_of(pid):
    """The process ids of a process's children; zombies are among them."""
    out = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], stdout=subprocess.PIPE,
                         universal_newlines=True).stdout
    return [int(line.split()[1]) for line in out.splitlines() if line.split()[0] == str(pid)]


def status_in_words(status):
    """Of Popen.returncode."""
    if status >= 0:
        return "exit status %d" % status
    return "signal %d (%s)" % (-status, signal.Signals(-status).name)


def excerpt(lines, most=40, width=300):
    """The last lines of an output, so that one that floods can be shown, too."""
    shown = [line if len(line) <= width else line[:width] + "..." for line in lines[-most:]]
    return "\n          ".join(["(%d lines, the last of them:)" % len(lines)] * (len(lines) > most)
                               + shown) or "nothing"


def eventually(condition):
    """Wait for something of which no event tells. Returns what condition() returned last."""
    deadline = time.monotonic() + TIMEOUT
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def environment():
    """Our own, with sanitizers that end the program at the first fault and say where it was."""
    return {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1", **os.environ}


class Server:
    """A running program. `directory` is its current directory; mailboxes and parts are made there."""

    tls = False         # option --tls of the suite: connect() does STARTTLS
    patience = TIMEOUT  # how long end() waits; short once a program did not end

    def __init__(self, command, directory, step, popen=None):
        self.command = [str(word) for word in command]
        self.directory = Path(directory)
        self.mail = self.directory / "mail"
        self.parts = self.directory / "parts"
        self.step = step
        self.was_told_to_end = False
        self.group_is_gone = False
        self.lines = []
        self.marks = set()
        self.flooded = False
        self.changed = threading.Condition()
        self.reading = threading.Event()    # cleared: whoever reads standard output stops
        self.reading.set()
        self.stderr_path = self.directory.with_name(self.directory.name + "-stderr.txt")
        self.write_end = self.start(popen or {})
        self.pid = self.process.pid
        self.wait_for_listening()
        self.port = self.listening[0][1]

    # ---- starting and ending

    def start(self, popen):
        read_end, write_end = os.pipe()
        with open(self.stderr_path, "ab") as stderr:
            streams = {"stdin": subprocess.DEVNULL, "stdout": write_end, "stderr": stderr}
            self.process = subprocess.Popen(self.command, cwd=str(self.directory), start_new_session=True,
                                            **{**streams, "env": environment(), **popen})
        self.reader = threading.Thread(target=self.collect, args=(read_end,), daemon=True)
        self.reader.start()
        return write_end

    @property
    def listening(self):
        """The sockets it says it listens on so far, as [(address, port)]."""
        found = filter(None, map(LISTENING.match, self.lines))
        return [(line.group(1), int(line.group(2))) for line in found]

    def wait_for_listening(self):
        """Wait until it listens on a socket; another may follow."""
        if not self.wait_for(lambda: self.listening or self.has_ended()) or not self.listening:
            lines = self.stdout_lines()
            how = "; it ended with " + status_in_words(self.kill()) if self.has_ended() else ""
            self.kill()
            raise StartError("%s\nexpected: a line `listening on ADDRESS port N` on stdout\n"
                             "came:     %s%s\nstderr:   %s" % (
                " ".join(self.command), excerpt(lines), how, excerpt(self.stderr_text().splitlines())))

    def send_signal(self, number):
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.was_told_to_end = True
        self.process.send_signal(number)

    def has_ended(self):
        """Where waitid(2) can look, the process is not reaped, so that its group can't be anyone else's."""
        if self.process.returncode is None and hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return self.process.poll() is not None

    def has_ended_within(self, seconds):
        deadline = time.monotonic() + seconds
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.has_ended()

    def wait(self):
        """Wait for the end of the program; what is left of its children is killed. Returns its status."""
        if not self.has_ended_within(TIMEOUT):
            self.kill()
            raise AssertionError("expected: %s ends\ncame:     it did not end within %g seconds"
                                 % (self.command[0], TIMEOUT))
        return self.end_group()

    def stop(self, number=signal.SIGTERM):
        """Ask the program to end, once, and return its exit status."""
        if not self.group_is_gone:
            if not self.was_told_to_end:
                self.send_signal(number)
            self.wait()
        return self.process.returncode

    def expect_end(self):
        """It ends with status 0 once it is told to, or has ended so."""
        __tracebackhide__ = True
        status = self.stop()
        assert status == 0, "expected: %s ends with exit status 0\ncame:     %s" % (
            self.command[0], status_in_words(status))

    def end(self):
        """After a test: ask the program to end, once; if it does not, that is for another test to say."""
        if not self.group_is_gone and not self.was_told_to_end:
            self.send_signal(signal.SIGTERM)
        if not self.group_is_gone and not self.has_ended_within(Server.patience):
            Server.patience = min(Server.patience, 0.5)
        self.end_group()

    def kill(self):
        """kill -9 the program and all its children at once, as a power cut would."""
        return self.end_group()

    def check_it_goes_on(self):
        """Whatever was said to it, it has not ended: nobody has told it to."""
        if not self.group_is_gone and not self.was_told_to_end and self.has_ended():
            raise AssertionError("expected: the program goes on\ncame:     it ended with %s"
                                 % status_in_words(self.end_group()))

    def end_group(self):
        """End what is left of the process group. Returns the exit status."""
        if not self.group_is_gone:
            self.group_is_gone = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.write_end is not None:
            os.close(self.write_end)
            self.write_end = None
            self.reading.set()
            self.reader.join(TIMEOUT)
        return self.process.returncode

    # ---- talking to it

    def connect(self, family=None, source=None, greeting=None):
        """A client. From step 2 on the greeting is read, unless greeting=False; with --tls it is through the
        handshake."""
        __tracebackhide__ = True
        address, port = next(pair for pair in self.listening
                             if family is None or (":" in pair[0]) == (family == socket.AF_INET6))
        place = (source, 0) if source else None
        try:
            client = Client(socket.create_connection((address, port), TIMEOUT, source_address=place))
        except OSError as error:
            raise ConnectError("expected: a connection to %s port %d\ncame:     %s"
                               % (address, port, error)) from None
        if self.step > 1 if greeting is None else greeting:
            client.expect(220)
            if self.tls:
                client.ehlo()
                client.starttls()
        return client

    # ---- what it printed

    def collect(self, read_end):
        unfinished, printed = b"", 0
        with open(read_end, "rb") as stream:
            for line in iter(lambda: stream.readline(OUTPUT_MAX), b""):
                self.reading.wait()
                mark = MARK.search(line)
                printed += len(line)
                if printed > OUTPUT_MAX and not mark:
                    self.end_flood()
                    continue
                with self.changed:
                    if mark:    # it may stand in the middle of a line of the program
                        self.marks.add(mark.group())
                        unfinished += line[:mark.start()]
                    else:
                        whole = unfinished + line
                        self.lines.append(whole.decode("utf-8", "backslashreplace").rstrip("\n"))
                        unfinished = b""
                    self.changed.notify_all()

    def end_flood(self):
        """It has printed more than anybody can want to keep."""
        if not self.flooded and not self.group_is_gone:
            self.flooded = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def wait_for(self, condition):
        """Wait until condition() holds; it is looked at after each line of stdout. Returns what it returned
        last."""
        deadline = time.monotonic() + TIMEOUT
        with self.changed:
            while not condition() and time.monotonic() < deadline:
                self.changed.wait(0.01)
            return condition()

    def sync(self):
        """Read all that the program has written by now: a mark that we write into the same pipe comes after
        it."""
        if self.write_end is None:
            return
        mark = b"# mark %d\n" % time.monotonic_ns()
        os.write(self.write_end, mark)
        self.wait_for(lambda: mark in self.marks)

    def stdout_lines(self):
        """The lines of standard output so far."""
        self.sync()
        return list(self.lines)

    def reports(self):
        """The reports so far, each a list of lines that begins with `message ...`."""
        reports = []
        for line in self.stdout_lines():
            if line.startswith("message "):
                reports.append([line])
            elif reports:
                reports[-1].append(line)
        return reports

    def wait_for_report(self, count=1):
        """The count-th report. Let the client quit first: then the program has printed all of it."""
        if not self.wait_for(lambda: sum(line.startswith("message ") for line in self.lines) >= count):
            raise AssertionError("expected: report %d on stdout\ncame:     %s\nstderr:   %s"
                                 % (count, excerpt(self.stdout_lines()),
                                    excerpt(self.stderr_text().splitlines())))
        return self.reports()[count - 1]

    def stderr_text(self):
        return self.stderr_path.read_bytes().decode("utf-8", "backslashreplace")

    def check_no_sanitizer_report(self):
        text = self.stderr_text()
        assert not SANITIZER_REPORT.search(text), "a sanitizer has found a fault:\n" + text

    # ---- what it stored

    def new(self, mailbox="you"):
        """The files of delivered messages, oldest name first."""
        return sorted((self.mail / mailbox / "new").glob("*"))

    def tmp(self, mailbox="you"):
        """What lies in tmp/: messages on their way, or left behind."""
        return sorted((self.mail / mailbox / "tmp").glob("*"))

    def messages(self, mailbox="you"):
        """The content of each delivered message."""
        return [path.read_bytes() for path in self.new(mailbox)]

    def only_message(self, mailbox="you"):
        messages = self.messages(mailbox)
        assert len(messages) == 1, "expected: one message in %s/new\ncame:     %d" % (mailbox, len(messages))
        return messages[0]


def trace_and_content(stored):
    """A stored message as (Return-Path field, Received field, the message as it was sent but with LF)."""
    found = re.match(rb"(Return-Path:[^\n]*(?:\n[ \t][^\n]*)*\n)(Received:[^\n]*(?:\n[ \t][^\n]*)*\n)",
                     stored, re.I)
    assert found, "expected: Return-Path: and Received: first\ncame:     %r" % stored[:300]
    return found.group(1), found.group(2), stored[found.end():]
