"""Inside pytest: tell the runner (runner.py) of each test as it begins and ends, and wait for its leave.

Where the runner is root, the tests are read as root and run as the user that the program runs as, so that
a program can read no hidden test. The saved user id stays 0: no process of that user may look into this one.
"""
import contextlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

FILE_SIZE = resource.getrlimit(resource.RLIMIT_FSIZE)[0]    # which the runner has set
SHOWN_STDERR = 2000         # the last octets of it


class Link:
    def __init__(self):
        self.out, self.into = map(int, os.environ.pop("SMTPD_LAB_PIPES").split())
        self.uid = int(os.environ.pop("SMTPD_LAB_UID"))
        self.text, self.said, self.rows, self.outcome = "", [], None, "passed"
        os.environ.pop("PYTHONPATH", None)      # it was for this file, and is not the program's
        for descriptor in (self.out, self.into):
            os.set_inheritable(descriptor, False)

    def tell(self, **event):
        data = (json.dumps(event) + "\n").encode()
        while data:
            data = data[os.write(self.out, data):]

    def may_go_on(self, **event):
        self.tell(**event)
        return os.read(self.into, 1) == b"g"

    def become_user(self):
        if self.uid:
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, 0)


def pytest_configure(config):
    config.smtpd_link = link = Link()
    if link.uid:
        os.geteuid = lambda: link.uid       # tests ask when they are read; they will run as that user


# ---- which tests there are, and in which order

def own(item):
    """The suite's conftest.py as a module: it knows the stations."""
    return item.config.pluginmanager.get_plugin(str(Path(str(item.config.rootdir)) / "conftest.py"))


def is_hidden(item):
    return Path(str(item.fspath)).parent.name == "hidden"


def place_of(item):
    """What the lesson asks comes first, its own stage before the earlier ones; then what is robust."""
    known = own(item)
    number = known.station_of(item)
    stage = known.stage_of(item) or item.config.smtpd_step
    at = known.stations.NUMBERS.index(number) if number else len(known.stations.NUMBERS)
    return item.get_closest_marker("robust") is not None, stage != item.config.smtpd_step, at


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    items.sort(key=place_of)


def row_of(item):
    known = own(item)
    return {"name": known.name_of(item), "station": known.station_of(item), "hidden": is_hidden(item),
            "stage": known.stage_of(item) or item.config.smtpd_step,
            "asked": known.what_is_asked(item.function),
            "robust": item.get_closest_marker("robust") is not None}


def pytest_collection_finish(session):
    link = session.config.smtpd_link
    link.tell(event="collected", tests=[row_of(item) for item in session.items])
    link.become_user()


# ---- one test

@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    link = item.config.smtpd_link
    link.text, link.said, link.rows, link.outcome = "", [], None, "passed"
    link.may_go_on(event="start", name=own(item).name_of(item), hidden=is_hidden(item))
    yield
    if not link.may_go_on(event="end", name=own(item).name_of(item), outcome=link.outcome, text=link.text,
                          said=link.said, rows=link.rows):
        item.session.shouldstop = "the runner has seen enough"


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    link = item.config.smtpd_link
    flooded = [server for server in servers_of(item) if server.flooded]
    if flooded and "printed" not in "".join(link.said):
        link.said.append("It printed more than %d MB on standard output, the runner's limit on output, "
                         "and was ended." % (sys.modules["server"].OUTPUT_MAX >> 20))
        link.outcome = "failed"
    if report.skipped and link.outcome == "passed":
        link.outcome = "skipped"
        link.text = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
    if report.failed and not link.text:
        link.outcome = "failed"
        link.rows = getattr(call.excinfo.value, "rows", None)
        link.text = what_came(item, call.excinfo.value)
        link.said += deaths(item, 0.5 if "reset" in link.text or "end of the connection" in link.text else 0)


def servers_of(item):
    servers = list(getattr(item, "smtpd_servers", []))
    table = getattr(item, "funcargs", {}).get("table_server")
    return servers + [table] if table else servers


def deaths(item, patience):
    """A server that has ended though nobody told it to. A connection of it may end some moments before."""
    for server in servers_of(item):
        if server.was_told_to_end or server.group_is_gone or not server.has_ended_within(patience):
            continue
        if hasattr(os, "waitid"):
            state = os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            status = state.si_status if state.si_code == os.CLD_EXITED else -state.si_status
        else:
            status = server.process.returncode
        if status == -signal.SIGXFSZ or server.stderr_path.stat().st_size >= FILE_SIZE:
            yield "It wrote a file of more than %d MB, the runner's limit on a file." % (FILE_SIZE >> 20)
        else:
            yield "It ended in the middle of the test: %s." % sys.modules["server"].status_in_words(status)


def what_came(item, error):
    """The conversation up to the fault, what was expected, what came, the last words on standard error."""
    known = own(item)
    text = str(error)
    if not isinstance(error, AssertionError):
        text = "expected: %s\ncame:     %s: %s" % (known.what_is_asked(item.function), type(error).__name__,
                                                   error)
    talks = [client for client in known.Client.conversations if client.log]
    if talks and "the conversation:\n" not in text:
        text = "the conversation:\n%s\n%s" % (talks[-1].conversation(), text)
    for server in servers_of(item):
        with contextlib.suppress(OSError):
            last_words = server.stderr_text()[-SHOWN_STDERR:].strip()
            if last_words and last_words not in text:
                text += "\nstandard error: " + last_words
    return text
