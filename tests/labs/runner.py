"""Run tests of the suite on somebody's program, and look after both. next.py and grade.py use this.

A program may be anything: it need not start, it may hang, flood, fork without end, leave processes
behind, write where it should not, or die. Each of these is said in a sentence, and nothing is left of it.
Where the runner is root, the program runs as a user of its own, who nobody else is. Start reading at
class Suite. Python 3.8 or newer, nothing else.
"""
import contextlib
import errno
import json
import os
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from limits import FILE_SIZE, PROBE_OUTPUT, RUN_SECONDS, START_SECONDS, TESTS, Fault, mb, readable
from place import become
from processes import Watch, kill_all, reap

sys.path.insert(0, str(TESTS))

import run                          # noqa: E402
from client import TIMEOUT_SCALE    # noqa: E402
from server import LISTENING, excerpt, status_in_words      # noqa: E402


# ---- does it start at all?

def default_options(stage, directory):
    """As conftest.py has them."""
    options = ["-p", "0"]
    if stage >= 3:
        options += ["-m", str(directory / "mail")]
    if stage >= 6:
        options += ["-c", str(directory / "certificate.pem"), "-k", str(directory / "key.pem")]
    return options


def option_names(stage):
    """Those that stage 1 does not know."""
    return [word for word in default_options(stage, Path("...")) if re.match("-[a-z]$", word)
            and word != "-p"]


class Probe:
    """One start, before any test."""

    def __init__(self, place, stage, scale):
        self.place, self.scale = place, scale
        self.watch = Watch(place)
        self.directory = place.make("probe%d" % stage)
        self.errors = place.root / "probe-stderr.txt"
        self.said = self.text = b""
        self.command = place.words + default_options(stage, self.directory)

    def child(self):
        self.place.prepare_child()
        become(self.place.uid)

    def result(self):
        """Sentences: those of faults that are fatal, those of others."""
        try:
            with open(str(self.errors), "wb") as errors:
                process = subprocess.Popen(self.command, cwd=str(self.directory), stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE,
                                           stderr=errors, env=self.place.environment(),
                                           start_new_session=True, preexec_fn=self.child)
        except OSError as error:
            return [self.why_not(error)], []
        try:
            return self.listen_to(process)
        finally:
            kill_all(self.watch.its, self.watch.awaited)
            process.wait()
            process.stdout.close()
            reap()

    def listen_to(self, process):
        self.watch.awaited = {process.pid}
        deadline = time.monotonic() + START_SECONDS * self.scale
        text, ended = b"", False
        while time.monotonic() < deadline and not ended:
            said = self.watch.look()
            if said:
                return [said + self.last_words()], []
            if select.select([process.stdout], [], [], 0.05)[0]:
                data = os.read(process.stdout.fileno(), 65536)
                text, ended = text + data, not data
            lines = text.decode("utf-8", "replace").split("\n")
            if any(map(LISTENING.match, lines[:-1])):
                return [], self.other_first_line(lines[0])
            if len(text) > PROBE_OUTPUT:
                return ["It printed more than %d octets, no line `listening on ADDRESS port N` among them."
                        % PROBE_OUTPUT], []
        return [self.silence(process, text, ended)], []

    def silence(self, process, text, ended):
        if ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
        if self.errors.stat().st_size >= FILE_SIZE:
            how = "It wrote more than %s on standard error, the runner's limit on a file." % mb(FILE_SIZE)
        elif process.poll() is not None:
            how = how_it_ended(process.returncode) + " before it said that it listens."
        else:
            how = ("It said nothing for %g seconds, the runner's limit on a start: as soon as it listens it "
                   "has to print `listening on ADDRESS port N`, and to flush it."
                   % (START_SECONDS * self.scale))
        return how + self.first_words(text) + self.last_words()

    def first_words(self, text):
        first = readable(text.decode("utf-8", "replace").split("\n")[0][:200])
        return "\nIts first line: `%s`; expected: `listening on ADDRESS port N`." % first if text else ""

    def other_first_line(self, line):
        if LISTENING.match(line):
            return []
        return ["Its first line is `%s`; expected: `listening on ADDRESS port N` before anything else."
                % readable(line[:200])]

    def last_words(self):
        text = self.errors.read_bytes()[-2000:].decode("utf-8", "replace").strip()
        return "\nstandard error: " + readable(excerpt(text.splitlines(), 10, 200)) if text else ""

    def why_not(self, error):
        name = self.command[0]
        if error.errno == errno.ENOEXEC:
            return ("%s does not start: it is neither a binary of this machine nor a script that begins "
                    "with #!." % name)
        first = ""
        with contextlib.suppress(OSError):
            first = Path(name).read_bytes()[:200].split(b"\n")[0].decode("utf-8", "replace")
        if error.errno in (errno.ENOENT, errno.EACCES) and first.startswith("#!"):
            gone = error.errno == errno.ENOENT
            why = "is not there" if gone else "can't be run by the user that it runs as"
            return ("%s does not start: the interpreter in its first line, `%s`, %s."
                    % (name, readable(first), why))
        return "%s does not start: %s." % (name, error.strerror)


def how_it_ended(status):
    return ("It died by " if status < 0 else "It ended with ") + status_in_words(status)


# ---- the tests

class Result:
    """What came of one test. `part` is how much of it was right, from 0 to 1; None: it can't be told here."""

    def __init__(self, row):
        self.__dict__.update(row)       # name station stage robust hidden asked
        self.outcome, self.text, self.said, self.part, self.seconds = "not run", "", [], 0.0, 0.0

    @property
    def function(self):
        return self.name.split("[")[0]

    def end(self, event, said):
        self.outcome, self.text = event["outcome"], readable(event["text"])
        self.said = list(map(readable, said + event["said"]))
        if self.said and self.outcome == "passed":
            self.outcome = "failed"
        rows = event["rows"]
        right = rows[0] / rows[1] if rows and not self.said else 0.0
        self.part = {"passed": 1.0, "skipped": None}.get(self.outcome, right)


class Suite:
    """One run of pytest on a program. results is filled as the tests go by."""

    def __init__(self, place, stage, names=(), scale=TIMEOUT_SCALE, seconds=RUN_SECONDS, tls=False):
        self.place, self.stage, self.names, self.scale, self.tls = place, stage, list(names), scale, tls
        self.seconds, self.deadline = seconds, time.monotonic() + seconds
        self.results, self.notes, self.current, self.said = [], [], None, []

    def command(self, python):
        base = tempfile.mkdtemp(dir=str(self.place.work))
        if self.place.uid:
            os.chown(base, self.place.uid, self.place.uid)
        words = [python, "-m", "pytest", "-q", "-p", "plugin", "-c", str(self.place.tests / "pytest.ini"),
                 str(self.place.tests),
                 "--basetemp", base + "/t", "--limit", "%g" % self.seconds, "--step", str(self.stage),
                 "--prog", " ".join(map(shlex.quote, self.place.words))]
        for name in self.names:
            words += ["--named", name]
        return words + ["--tls"] * self.tls

    def start(self):
        events, out = os.pipe()
        into, self.leave = os.pipe()
        environment = {**self.place.environment(), "SMTPD_LAB_PIPES": "%d %d" % (out, into),
                       "SMTPD_LAB_UID": str(self.place.uid),
                       "PYTHONPATH": str(self.place.tests / "labs"),
                       "SMTPD_TEST_TIMEOUT_SCALE": "%g" % self.scale}
        environment.pop("SMTPD_BUILD", None)
        self.log = self.place.root / "pytest.txt"
        with open(str(self.log), "wb") as log:
            self.process = subprocess.Popen(self.command(run.find_python()), env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, pass_fds=(out, into),
                                            preexec_fn=self.place.prepare_child, cwd=str(self.place.work))
        os.close(out)
        os.close(into)
        self.watch = Watch(self.place, [self.process.pid])
        return events

    def run(self, keep_going=lambda result: True):
        """Run the tests; after each keep_going(result) says whether to go on. Returns the results."""
        self.keep_going = keep_going
        events, rest, data = self.start(), b"", b"-"
        try:
            while data:
                said = self.watch.look()
                self.said += [said] if said else []
                if time.monotonic() > self.deadline:
                    self.notes.append("The run was ended after %g seconds, the runner's limit on time; "
                                      "what was not run counts as failed." % self.seconds)
                    break
                if select.select([events], [], [], 0.1)[0]:
                    data = os.read(events, 65536)
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self.heard(json.loads(line.decode()))
        finally:
            os.close(events)
            os.close(self.leave)
            self.end()
        return self.results

    def end(self):
        """pytest is gone, and all that it started."""
        if not self.has_ended_within(20 if time.monotonic() < self.deadline else 0):
            self.process.kill()
        kill_all(self.watch.its, self.watch.awaited)
        status = self.process.wait()
        reap()
        if self.current is not None:
            self.current.outcome = "failed"
            self.current.said = ["The tests themselves were ended here: " + status_in_words(status)]
        elif not self.results:
            raise Fault("The tests could not be run:\n" + self.log.read_text(errors="replace")[-3000:])

    def has_ended_within(self, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode is not None

    def heard(self, event):
        if event["event"] == "collected":
            self.results = list(map(Result, event["tests"]))
            self.by_name = {}
            for result in self.results:
                self.by_name.setdefault((result.name, result.hidden), []).append(result)
            return
        leave = b"g"
        if event["event"] == "start":
            self.current, self.began = self.by_name[event["name"], event["hidden"]].pop(0), time.monotonic()
        else:
            result, self.current = self.current, None
            result.seconds = time.monotonic() - self.began
            said = self.said + self.watch.left_behind(self.process.pid) + self.place.outside.check()
            self.said = []
            result.end(event, said)
            leave = b"g" if self.keep_going(result) else b"s"
        with contextlib.suppress(BrokenPipeError):
            os.write(self.leave, leave)
