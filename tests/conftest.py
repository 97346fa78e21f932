"""The suite's options, fixtures and failure output.

    pytest tests                              everything, on the newest step
    pytest tests --step 3                     stages 1 to 3, on our step 3
    pytest tests --step 3 --prog my/smtpd     the same, on a program of your own
    pytest tests --step 2 --stage 3           stage 3's tests too, on our step 2: they must fail
    pytest tests --step 6 --tls               stages 1 to 5 on our step 6, every conversation inside TLS

A test file says which stage it belongs to: pytestmark = pytest.mark.stage(3). What is in repository/ tests the repository
itself, the text and the suite.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

from client import TIMEOUT, Client, ConversationError    # noqa: E402
from server import Server, environment, make_mailbox     # noqa: E402

REPOSITORY = TESTS.parent
BUILD = Path(os.environ.get("SMTPD_BUILD", REPOSITORY / "build")).resolve()


collect_ignore = []     # pytest's: files that are not even looked into


# ---- which program, which tests

def pytest_addoption(parser):
    group = parser.getgroup("smtpd")
    group.addoption("--step", type=int, help="the step under test, 1 to 6 (default: the newest)")
    group.addoption("--prog", help="the program under test (default: ours, in build/)")
    group.addoption("--stage", type=int, help="the highest stage whose tests run (default: --step)")
    group.addoption("--from-stage", type=int, default=0, help="the lowest stage whose tests run")
    group.addoption("--counts", help="write how many tests passed and failed into this file (run.py reads it)")
    group.addoption("--tls", action="store_true", help="say everything inside TLS: the tests of stages 1 to 5 on step 6")
    group.addoption("--repository", action="store_true", help="only the tests of the repository itself")


def pytest_configure(config):
    config.addinivalue_line("markers", "stage(n): the step that brings what this test asks for")
    config.addinivalue_line("markers", "only_step(n): holds for step n alone; the next layer replaces it")
    config.addinivalue_line("markers", "key: must fail on the step before (repository/test_layers.py)")
    config.addinivalue_line("markers", "plaintext: looks below the conversation: at the socket, the greeting, "
                                       "or how it ends; not for --tls")
    config.addinivalue_line("markers", "repository: tests the repository or the suite, not one program")
    whole_suite = not any(config.getoption(name) for name in ("--step", "--prog", "--stage", "--tls"))
    config.smtpd_whole_suite = whole_suite
    config.smtpd_step = config.getoption("--step") or config.getoption("--stage") or newest_step()
    config.smtpd_stage = config.getoption("--stage") or config.smtpd_step
    Server.tls = config.getoption("--tls")
    if Server.tls:
        config.smtpd_stage = min(config.smtpd_stage, 5)     # stage 6 is about TLS itself
    collect_ignore[:] = [path.name for path in TESTS.glob("test_*.py") if not may_be_wanted(config, path.read_text())]
    if not whole_suite:
        collect_ignore.append("repository")


def may_be_wanted(config, text):
    """Of a whole file, as its pytestmark says. Importing sixteen files to run the tests of one takes longer than those."""
    if re.search(r"^pytestmark = .*\bpytest\.mark\.repository", text, re.M):
        return config.smtpd_whole_suite
    stage = re.search(r"^pytestmark = .*\bpytest\.mark\.stage\((\d)\)", text, re.M)
    return stage is None or (not config.getoption("--repository")
                             and config.getoption("--from-stage") <= int(stage.group(1)) <= config.smtpd_stage)


def newest_step():
    return max([int(path.name[4:6]) for path in BUILD.glob("step[0-9][0-9]-*")], default=1)


def program_of_step(step):
    programs = sorted(BUILD.glob("step%02d-*" % step))
    return [str(programs[0])] if programs else None


def program_of_command(command):
    """PROG may be a command with arguments ("python3 my_smtpd.py"); it runs in another directory, so paths are made whole."""
    words = [str(Path(word).resolve()) if Path(word).exists() else word for word in shlex.split(command)]
    return words if shutil.which(words[0]) else None


def stage_of(item):
    mark = item.get_closest_marker("stage")
    return mark.args[0] if mark else 0


def is_wanted(item):
    config = item.config
    if item.get_closest_marker("repository"):
        return config.smtpd_whole_suite
    if Server.tls and (item.get_closest_marker("plaintext") or "run" in item.fixturenames):
        return False        # where nothing is said, it can't be said inside TLS
    only = item.get_closest_marker("only_step")
    return (not config.getoption("--repository")
            and config.getoption("--from-stage") <= stage_of(item) <= config.smtpd_stage
            and (only is None or only.args[0] == config.smtpd_step))


def pytest_itemcollected(item):
    if Path(str(item.fspath)).parent.name == "repository":
        item.add_marker("repository")


def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=[item for item in items if not is_wanted(item)])
    items[:] = [item for item in items if is_wanted(item)]


# ---- fixtures

@pytest.fixture(scope="session")
def step(request):
    """The number of the step under test."""
    return request.config.smtpd_step


@pytest.fixture(scope="session")
def program(request):
    """The command that starts the program under test."""
    prog = request.config.getoption("--prog")
    command = program_of_command(prog) if prog else program_of_step(request.config.smtpd_step)
    if command is None:
        pytest.exit("no such program: %s" % (prog or "%s/step%02d-* (run `make` first)"
                                             % (BUILD, request.config.smtpd_step)), returncode=3)
    return command


@pytest.fixture
def tmp_path(tmp_path_factory, request):
    """As pytest's own, but it does not read all the directories that are there already to number the next."""
    name = re.sub(r"\W+", "-", request.node.name)[:30]
    return Path(tempfile.mkdtemp(prefix=name + "-", dir=str(tmp_path_factory.getbasetemp())))


@pytest.fixture(autouse=True)
def fresh_conversations():
    Client.conversations.clear()
    yield
    close_clients()


def close_clients():
    for client in Client.conversations:
        client.close()


def default_options(step, directory):
    """Any free port, and everything that is written goes below the test's own directory."""
    options = ["-p", "0"]
    if step >= 3:
        options += ["-m", directory / "mail"]
    if step >= 6:
        options += ["-c", directory / "certificate.pem", "-k", directory / "key.pem"]
    return options


def new_server(program, step, directory, options=(), mailboxes=("you",), wrapper=(), popen=None):
    directory.mkdir(exist_ok=True)
    if step >= 3:
        for name in mailboxes:
            make_mailbox(directory / "mail", name)
    return Server([*wrapper, *program, *default_options(step, directory), *options], directory, step, popen)


def end_server(server):
    """SIGTERM, unless the test has ended it: whatever happened before, it is a clean end."""
    status = server.stop()
    server.check_no_sanitizer_report()
    assert server.killed or status == 0, "expected: exit status 0 after SIGTERM\ncame:     %d" % status


@pytest.fixture
def start(program, step, tmp_path, request):
    """start(*options, mailboxes=("you",), wrapper=(), **popen) starts a server; at the end each must end cleanly."""
    servers = []
    request.node.smtpd_servers = servers

    def start(*options, mailboxes=("you",), wrapper=(), directory=None, **popen):
        __tracebackhide__ = True
        directory = Path(directory or tmp_path / ("server%d" % (len(servers) + 1)))
        servers.append(new_server(program, step, directory, options, mailboxes, wrapper, popen))
        return servers[-1]

    yield start
    close_clients()
    try:
        for server in servers:
            end_server(server)
    finally:
        for server in servers:
            server.kill()


@pytest.fixture(scope="module")
def table_server(program, step, tmp_path_factory):
    """One server for the rows of a table, each of which has a connection of its own and delivers nothing."""
    server = new_server(program, step, tmp_path_factory.mktemp("table"))
    yield server
    close_clients()
    end_server(server)


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def client(server):
    return server.connect()


@pytest.fixture
def run(program, step, tmp_path):
    """run(*options): the program as it ends by itself, for start-up faults. Nothing is added to the options."""
    def run(*options, **popen):
        return subprocess.run([*program, *map(str, options)], cwd=str(tmp_path), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                              universal_newlines=True, **{"env": environment(), **popen})
    return run


# ---- what a failure shows

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    if call.excinfo is not None and not call.excinfo.errisinstance(ConversationError):
        for client in Client.conversations[-3:]:
            report.sections.append(("the conversation", client.conversation()))
    for server in getattr(item, "smtpd_servers", []):
        text = server.stderr_text()
        if text:
            report.sections.append(("standard error of " + " ".join(server.command), text[-3000:]))
    report.sections.append(("where to read", where_to_read(item)))


def pytest_terminal_summary(terminalreporter, config):
    counts = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error")}
    if config.getoption("--counts"):
        Path(config.getoption("--counts")).write_text("%d %d" % (counts["passed"], counts["failed"] + counts["error"]))


def where_to_read(item):
    doc = (getattr(item, "function", None) and item.function.__doc__ or "").strip()
    stage = stage_of(item)
    return "\n".join(filter(None, [doc, "TUTORIAL.md, chapter %d" % stage if stage else ""])) or item.nodeid
