"""The suite's options, fixtures and failure output.

    pytest tests                              everything, on the newest step
    pytest tests --step 3                     stages 1 to 3, on our step 3
    pytest tests --step 3 --prog my/smtpd     the same, on a program of your own
    pytest tests --step 2 --station 2.2       one station
    pytest tests --step 3 --named 'test_03_data.py::name[row]'      one test
    pytest tests --step 2 --stage 3           stage 3's tests too, on our step 2: they must fail
    pytest tests --step 6 --tls               stages 1 to 5 on our step 6, every conversation inside TLS

The name of a test file says which stage it belongs to, and a line `# ======== 2.2 Paths` in it which
station the tests below it belong to (stations.py has the table). What a lesson asks of everybody is
`core`; what makes a program fit for strangers is marked `robust`, and comes after all that is core. What
is in repository/ tests the repository itself, the text and the suite.
"""
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

import stations                                                              # noqa: E402
from client import TIMEOUT, TIMEOUT_SCALE, Client, ConversationError         # noqa: E402
from server import ConnectError, Server, StartError, environment, make_mailbox             # noqa: E402
from watcher import Strace                                                   # noqa: E402

# What starts python3 gets this one. A shim, which looks for one each time, takes ten times as long.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])

REPOSITORY = TESTS.parent
BUILD = Path(os.environ.get("SMTPD_BUILD", REPOSITORY / "build")).resolve()

LIMIT = 600 * TIMEOUT_SCALE     # seconds for a whole run
SILENT_STARTS = 3               # so often may a program not start, or say nothing: then it is given up

collect_ignore = []     # pytest's: files that are not even looked into


# ---- which program, which tests

def pytest_addoption(parser):
    group = parser.getgroup("smtpd")
    group.addoption("--step", type=int, help="the step under test, 1 to 6 (default: the newest)")
    group.addoption("--prog", help="the program under test (default: ours, in build/)")
    group.addoption("--stage", type=int, help="the highest stage whose tests run (default: --step)")
    group.addoption("--from-stage", type=int, default=0, help="the lowest stage whose tests run")
    group.addoption("--station", help="only the tests of this station, as 2.2")
    group.addoption("--up-to", help="no station after this one, as 2.2")
    group.addoption("--changed", action="store_true",
                    help="not the stations of earlier steps none of whose files this step changes")
    group.addoption("--named", action="append", default=[],
                    help="only this test: test_02_commands.py::name or ...::name[row]")
    group.addoption("--limit", type=float, default=LIMIT,
                    help="seconds for the whole run (default: %g)" % LIMIT)
    group.addoption("--silent-starts", type=int, default=SILENT_STARTS,
                    help="so often may a program say nothing; then it is given up (default: %(default)s)")
    group.addoption("--counts",
                    help="write how many tests passed and failed into this file (run.py reads it)")
    group.addoption("--tls", action="store_true",
                    help="say everything inside TLS: the tests of stages 1 to 5 on step 6")
    group.addoption("--repository", action="store_true", help="only the tests of the repository itself")


def pytest_configure(config):
    config.addinivalue_line("markers", "station(n): the station that brings what this test asks for")
    config.addinivalue_line("markers", "core: what a lesson asks of everybody")
    config.addinivalue_line("markers", "robust: what makes a program fit for strangers")
    config.addinivalue_line("markers", "only_step(n): holds for step n alone; the next layer replaces it")
    config.addinivalue_line("markers", "key: must fail on the step before (repository/test_layers.py)")
    config.addinivalue_line("markers",
                            "plaintext: looks below the conversation: at the socket, the greeting, "
                                       "or how it ends; not for --tls")
    config.addinivalue_line("markers", "repository: tests the repository or the suite, not one program")
    for option in ("--station", "--up-to"):
        if config.getoption(option) not in (None, *stations.NUMBERS):
            raise pytest.UsageError("there is no station %s; there are %s"
                                    % (config.getoption(option), " ".join(stations.NUMBERS)))
    whole_suite = not any(config.getoption(name)
                          for name in ("--step", "--prog", "--stage", "--station", "--tls"))
    config.smtpd_whole_suite = whole_suite
    config.smtpd_step = config.getoption("--step") or config.getoption("--stage") or newest_step()
    config.smtpd_stage = config.getoption("--stage") or config.smtpd_step
    Server.tls = config.getoption("--tls")
    if Server.tls:
        config.smtpd_stage = min(config.smtpd_stage, 5)     # stage 6 is about TLS itself
    config.smtpd_deadline = time.monotonic() + config.getoption("--limit")
    config.smtpd_silent = 0
    collect_ignore[:] = [path.name for path in TESTS.glob("test_*.py") if not may_be_wanted(config, path)]
    if not whole_suite:
        collect_ignore.append("repository")


def may_be_wanted(config, path):
    """Of a whole file. Importing sixteen files to run the tests of one takes longer than those."""
    text, stage = path.read_text(encoding="utf-8"), stage_of_file(path)
    if re.search(r"^pytestmark = .*\bpytest\.mark\.repository", text, re.M):
        return config.smtpd_whole_suite
    number, named = config.getoption("--station"), config.getoption("--named")
    if number and "# ======== %s " % number not in text and 'station("%s")' % number not in text:
        return False
    if named and not any(path.name in name for name in named):
        return False
    return stage is None or (not config.getoption("--repository")
                             and config.getoption("--from-stage") <= stage <= config.smtpd_stage)


def stage_of_file(path):
    """test_03_data.py is stage 3; None for what belongs to no stage."""
    found = re.match(r"test_(\d\d)_", Path(path).name)
    return int(found.group(1)) if found else None


def newest_step():
    return max([int(path.name[4:6]) for path in BUILD.glob("step[0-9][0-9]-*")], default=1)


def program_of_step(step):
    programs = sorted(BUILD.glob("step%02d-*" % step))
    return [str(programs[0])] if programs else None


def program_of_command(command):
    """PROG may be a command with arguments ("python3 my_smtpd.py"); it runs in another directory, so paths
    are made whole."""
    words = [str(Path(word).absolute()) if Path(word).exists() else word for word in shlex.split(command)]
    return words if shutil.which(words[0]) else None


def station_of(item):
    mark = item.get_closest_marker("station")
    return mark.args[0] if mark else None


def stage_of(item):
    return stations.stage_of(station_of(item)) if station_of(item) else 0


@functools.lru_cache(maxsize=None)
def banners_of(path):
    return stations.banners(Path(path).read_text(encoding="utf-8"))


def is_wanted(item):
    config = item.config
    if item.get_closest_marker("repository"):
        return config.smtpd_whole_suite
    if Server.tls and (item.get_closest_marker("plaintext") or "run" in item.fixturenames):
        return False        # where nothing is said, it can't be said inside TLS
    only = item.get_closest_marker("only_step")
    return (not config.getoption("--repository")
            and config.getoption("--from-stage") <= stage_of(item) <= config.smtpd_stage
            and config.getoption("--station") in (None, station_of(item))
            and (config.getoption("--up-to") is None or is_up_to(config.getoption("--up-to"), item))
            and (not config.getoption("--changed") or says_something(item))
            and (only is None or only.args[0] == config.smtpd_step))


def is_up_to(last, item):
    return stations.NUMBERS.index(station_of(item)) <= stations.NUMBERS.index(last)


def says_something(item):
    """On the program of a later step a station's tests say what they said of the step before, unless one
    of its files has changed. The key tests run all the same."""
    step, row = item.config.smtpd_step, stations.find(station_of(item))
    if stage_of(item) == step or item.get_closest_marker("key") or not row.brings:
        return True
    return any(fnmatch(name, pattern) for name in changed_files(step) for pattern in row.brings)


@functools.lru_cache(maxsize=None)
def changed_files(step):
    """The names of the files of the step before that are others now."""
    old, new = (next(REPOSITORY.glob("step%02d-*" % number)) for number in (step - 1, step))
    names = [path.relative_to(old) for path in old.rglob("*.[ch]")]
    return [str(name) for name in names if (old / name).read_bytes() != (new / name).read_bytes()]


def name_of(item):
    """test_02_commands.py::test_sample[row], which no directory makes longer."""
    return "%s::%s" % (Path(str(item.fspath)).name, item.name)


def is_named(item):
    """Is it one of those that are asked for by name, with its row or without?"""
    named, name = item.config.getoption("--named"), name_of(item)
    names = [re.sub(r"^[^:]*/", "", word) for word in named]
    return not named or name in names or name.split("[")[0] in names


def pytest_itemcollected(item):
    """Each test bears its station and its level."""
    path = Path(str(item.fspath))
    if path.parent.name == "repository":
        item.add_marker("repository")
    if item.get_closest_marker("repository") or stage_of_file(path) is None:
        return
    if station_of(item) is None:
        line = item.function.__code__.co_firstlineno
        number = stations.station_at(banners_of(str(path)), line)
        if number:
            item.add_marker(pytest.mark.station(number))
    if station_of(item) not in stations.NUMBERS:
        raise pytest.UsageError("%s: no line `# ======== 2.2 Paths` above it says to which station "
                                "it belongs" % item.nodeid)
    if item.get_closest_marker("robust") is None:
        item.add_marker("core")


def pytest_collection_modifyitems(config, items):
    wanted = [item for item in items if is_wanted(item) and is_named(item)]
    if not wanted and config.getoption("--named") and not Server.tls:
        raise pytest.UsageError("there is no such test here: " + " ".join(config.getoption("--named")))
    config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
    items[:] = sorted(wanted, key=place_of)


def place_of(item):
    """Core before robust, each in the order of the stations."""
    number = station_of(item)
    return item.get_closest_marker("robust") is not None, stations.NUMBERS.index(number) if number else -1


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
    """As pytest's own, but it does not read all the directories that are there to number the next."""
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
    """Whether a program ends as it should is a test of its own. Here it has to be gone, and sanitizers have
    nothing to say."""
    server.end()
    server.check_no_sanitizer_report()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """What is to be said of a server after a test that went well is said as a failure of that test, and
    counts once. A failure says in words what was expected: where an assertion does not, it is what the
    test is about."""
    try:
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    except AssertionError as error:
        if station_of(pyfuncitem) and "expected:" not in str(error):
            error.args = ("expected: %s\ncame:     %s" % (what_is_asked(pyfuncitem.function), error),)
        raise
    except Exception as error:
        if not station_of(pyfuncitem):
            raise
        raise AssertionError("expected: %s\ncame:     %s: %s" % (
            what_is_asked(pyfuncitem.function), type(error).__name__, error)) from error
    close_clients()
    for server in getattr(pyfuncitem, "smtpd_servers", []):
        server.check_it_goes_on()
        end_server(server)
    return True


@pytest.fixture
def start(program, step, tmp_path, request):
    """start(*options, mailboxes=("you",), wrapper=(), **popen) starts a server, which is gone at the end of
    the test."""
    servers = []
    request.node.smtpd_servers = servers

    def start(*options, mailboxes=("you",), wrapper=(), directory=None, **popen):
        __tracebackhide__ = True
        directory = Path(directory or tmp_path / ("server%d" % (len(servers) + 1)))
        servers.append(new_server(program, step, directory, options, mailboxes, wrapper, popen))
        return servers[-1]

    yield start
    close_clients()
    for server in servers:
        server.end()


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
def strace(start):
    """strace(*options, mailboxes=...) starts a server and watches it. Returns both."""
    watchers = []

    def strace(*options, mailboxes=("you",)):
        # a leak check at the end of a process does not work while another one watches
        asan = environment()["ASAN_OPTIONS"] + ":detect_leaks=0"
        server = start(mailboxes=mailboxes, env={**environment(), "ASAN_OPTIONS": asan})
        watchers.append(Strace(server, *options))
        return server, watchers[0]

    yield strace
    for watcher in watchers:
        watcher.end()


@pytest.fixture
def said_hello(table_server):
    """A client of that server which has said EHLO."""
    client = table_server.connect()
    client.ehlo()
    return client


@pytest.fixture
def run(program, step, tmp_path):
    """run(*options): the program as it ends by itself, for start-up faults. No options are added."""
    def run(*options, **popen):
        command = [*program, *map(str, options)]
        try:
            return subprocess.run(command, cwd=str(tmp_path), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=TIMEOUT, universal_newlines=True,
                                  **{"env": environment(), **popen})
        except subprocess.TimeoutExpired:
            raise AssertionError("%s\nexpected: it says what is wrong and ends\n"
                                 "came:     it runs on, for %g seconds"
                                 % (" ".join(command), TIMEOUT)) from None
    return run


# ---- what a failure shows

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if time.monotonic() > item.config.smtpd_deadline:
        item.session.shouldstop = ("the limit: this run has taken %g seconds, the rest was not run "
                                   "(--limit, or a larger SMTPD_TEST_TIMEOUT_SCALE on a slow machine)"
                                   % item.config.getoption("--limit"))
    if not report.failed:
        return
    give_up_on_a_silent_program(item, call)
    if hasattr(call.excinfo.value, "rows"):
        item.user_properties.append(("rows", "%d of %d" % call.excinfo.value.rows))
    if call.excinfo is not None and not call.excinfo.errisinstance(ConversationError):
        for client in [each for each in Client.conversations if each.log][-3:]:
            report.sections.append(("the conversation", client.conversation()))
    for server in getattr(item, "smtpd_servers", []):
        text = server.stderr_text()
        if text:
            report.sections.append(("standard error of " + " ".join(server.command), text[-3000:]))
    report.sections.append(("where to read", where_to_read(item)))


SILENCE = (StartError, ConnectError, ConversationError)


def give_up_on_a_silent_program(item, call):
    """Nobody is to wait for hours for what can't come."""
    if Client.heard or call.excinfo is None or not call.excinfo.errisinstance(SILENCE):
        return
    item.config.smtpd_silent += 1
    if item.config.smtpd_silent >= item.config.getoption("--silent-starts"):
        item.session.shouldstop = ("the program was started %d times, and has never said a word to a "
                                   "client: the rest was not run" % item.config.smtpd_silent)


def pytest_terminal_summary(terminalreporter, config):
    """A test that passed and then erred at its end has failed, once."""
    stats = terminalreporter.stats
    failed = {report.nodeid for name in ("failed", "error") for report in stats.get(name, [])}
    passed = {report.nodeid for report in stats.get("passed", [])} - failed
    if config.getoption("--counts"):
        Path(config.getoption("--counts")).write_text("%d %d" % (len(passed), len(failed)))


def what_is_asked(function):
    """The first paragraph of a test's own text, in one line."""
    return " ".join((function.__doc__ or function.__name__).strip().split("\n\n")[0].split())


def where_to_read(item):
    """What is asked, where it is explained, and the command that runs this test alone."""
    lines = [what_is_asked(item.function) if getattr(item, "function", None) else ""]
    if station_of(item):
        lines += ["TUTORIAL.md, chapter %d, station %s"
                  % (stage_of(item), stations.find(station_of(item)).section), "again: " + command_for(item)]
    return "\n".join(filter(None, lines)) or item.nodeid


def command_for(item):
    config, words = item.config, ["python3", "tests/run.py"]
    words += [str(config.smtpd_step), name_of(item)]
    if config.getoption("--prog"):
        words += ["--prog", config.getoption("--prog")]
    return " ".join(map(shlex.quote, words))
