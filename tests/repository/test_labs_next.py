"""next and its runner (tests/labs/), on programs that are right, wrong, or do harm."""
import ast
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import stations

LABS = Path(__file__).resolve().parent.parent / "labs"
REPOSITORY = LABS.parent.parent
sys.path.insert(0, str(LABS))

import handout      # noqa: E402
import runner       # noqa: E402
import spec         # noqa: E402

PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.access(path, os.X_OK))

# An echo in which something can be put in two places.
ECHO = '''#!%s
import os, resource, signal, socket, sys, time
%%(first)s
options = dict(zip(sys.argv[1:], sys.argv[2:]))     # of two the last counts
address, port = options.get("-l", "127.0.0.1"), int(options["-p"])
listener = socket.create_server((address, port), backlog=200)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
print("listening on %%%%s port %%%%d" %%%% (address, listener.getsockname()[1]), flush=True)
while True:
    client, _ = listener.accept()
    %%(then)s
    if os.fork():
        client.close()
        continue
    for line in client.makefile("rb"):
        client.sendall(line if line.endswith(b"\\r\\n") else b"only CR LF ends a line\\r\\n")
    os._exit(0)
''' % PYTHON


def program(directory, first="", then="pass"):
    path = directory / "mine"
    path.write_text(ECHO % {"first": first, "then": then})
    path.chmod(0o755)
    return path


# ---- a class of few tests

FEW = 2         # tests of a station and level
KEPT = {"test_wrong_usage"}
SLOW = {"test_an_answer_that_goes_in_parts", "test_a_client_that_does_not_read_holds_nobody_up"}
LOW = {"PROCESSES": "150", "MEMORY": "2 ** 27", "FILE_SIZE": "2 ** 24"}


def with_few_tests(text):
    """A test file in which each station has no more than FEW core tests and FEW robust ones."""
    rows, lines, count, drop = stations.banners(text), text.splitlines(), {}, set()
    for function in ast.parse(text).body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            kind = spec.is_marked(function, "robust"), stations.station_at(rows, function.lineno)
            count[kind] = count.get(kind, 0) + (function.name not in KEPT)
            if function.name in SLOW or count[kind] > FEW and function.name not in KEPT:
                first = min([function.lineno] + [each.lineno for each in function.decorator_list])
                drop.update(range(first, function.end_lineno + 1))
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in drop) + "\n"


@functools.lru_cache(maxsize=None)
def small_class():
    """What a class of stage 2 gets, with few tests and low limits: what runs them is the same, and soon through.
    All of the tests are run by other tests."""
    folder = tempfile.TemporaryDirectory(prefix="smtpd-class-")
    root = Path(folder.name) / "class"
    Path(folder.name).chmod(0o755)
    handout.make_handout(2, root)
    for path in (root / "tests").glob("test_*.py"):
        path.write_text(with_few_tests(path.read_text(encoding="utf-8")), encoding="utf-8")
    limits = (root / "tests" / "labs" / "limits.py").read_text()
    for name, value in LOW.items():
        limits, found = re.subn(r"(?m)^%s = [\d* ]+  " % name, "%s = %s  " % (name, value), limits)
        assert found == 1, name
    (root / "tests" / "labs" / "limits.py").write_text(limits)
    small_class.folder = folder     # which is removed when Python ends
    return root


def lab(script, *arguments, status=None, timeout=900, root=REPOSITORY, **environment):
    done = subprocess.run([sys.executable, str(root / "tests" / "labs" / script), *map(str, arguments)],
                          cwd=str(root), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                          env={**os.environ, "PWD": str(root), **environment})
    text = done.stdout.decode()
    assert status in (None, done.returncode), text
    return text


def plain(text):
    """In one line: how it is wrapped is a matter of taste."""
    return " ".join(text.split())


IMPATIENT = {"SMTPD_TEST_TIMEOUT_SCALE": "0.3"}     # for a program that is known to say nothing
PATIENT = {"SMTPD_TEST_TIMEOUT_SCALE": "5"}         # for one that takes its time to do harm


def next_station(stage, path, **options):
    return lab("next.py", stage, "--prog", path, **{"root": small_class(), **options})


def left_of(token):
    """Processes that have this in their environment, as all have that a program starts."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path("/proc", name, "environ").read_bytes().split(b"\0")
            if ("SMTPD_TEST_TOKEN=%s" % token).encode() in environment:
                found.append(int(name))
        except OSError:
            pass
    return found


# ---- next

def test_next_of_a_program_that_is_right():
    """A line for each station in their order, the earlier stage's next; then what is fit for strangers"""
    text = next_station(2, REPOSITORY / "build" / "step02-commands", status=0)
    passed = re.findall(r"^  passed  (\d\.\d) .*?(, fit for strangers)? +\d+ tests?, ", text, re.M)
    rows = [row.number for stage in "21" for row in stations.STATIONS if row.number.startswith(stage)]
    assert [number for number, robust in passed if not robust] == rows
    assert passed == sorted(passed, key=lambda row: bool(row[1]))
    assert "open" not in text


def test_next_shows_one_failure(tmp_path):
    """What it is about, the conversation, expected, came, clause, section, and a command that repeats it"""
    text = next_station(2, REPOSITORY / "build" / "step01-echo", status=1, root=REPOSITORY, **IMPATIENT)
    assert text.count("\n  open ") == 1 and "  open    2.1 " in text
    for pattern in (r"^about +\w+", r"^the conversation:", r"^expected +220", r"^came +\w+",
                    r"^clause +RFC 5321", "^read +TUTORIAL.md, chapter 2, section 2.1 ", r"^again +python3 "):
        assert len(re.findall(pattern, text, re.M)) == 1, (pattern, text)
    command = re.search(r"^again +(.*)$", text, re.M).group(1)
    again = subprocess.run(command, shell=True, cwd=str(REPOSITORY), stdout=subprocess.PIPE,
                           universal_newlines=True, timeout=100, env={**os.environ, **IMPATIENT})
    assert again.returncode == 1
    name = re.search(r"--test '?([^' ]+)", command).group(1)
    assert name in again.stdout and text.split("about", 1)[1] == again.stdout.split("about", 1)[1]


@pytest.mark.parametrize("kind, words", [
    ("none", r"There is no .*mine"),
    ("directory", r"is a directory"),
    ("not executable", r"is not executable: chmod \+x"),
    ("no interpreter", r"interpreter in its first line, `#!/no/such/python`, is not there"),
    ("no program", r"neither a binary of this machine nor a script"),
])
def test_a_program_that_can_not_be_started(tmp_path, kind, words):
    path = tmp_path / "mine"
    if kind == "directory":
        path.mkdir()
    elif kind != "none":
        content = {"no interpreter": "#!/no/such/python\n", "no program": "\0\0\0\0"}
        path.write_text(content.get(kind, "#!/bin/sh\n"))
        path.chmod(0o644 if kind == "not executable" else 0o755)
    assert re.search(words, plain(next_station(1, path, status=1)))


@pytest.mark.parametrize("first, words", [
    ("sys.exit(3)", r"It ended with exit status 3 before it said that it listens"),
    ("print('no such thing', file=sys.stderr); sys.exit(1)", r"standard error: no such thing"),
    ("os.kill(os.getpid(), signal.SIGSEGV)", r"It died by signal 11 \(SIGSEGV\) before it said"),
    ("print('Welcome')", r"Its first line is `Welcome`; expected: `listening on"),
    ("time.sleep(100)", r"It said nothing for \d+ seconds, the runner's limit on a start"),
    ("while True: print('Hello', flush=True)", r"It printed more than 65536 octets, no line `listening"),
    ("while True: os.write(2, b'x' * 65536)",
     r"It wrote more than 16 MB on standard error, the runner's limit on a file"),
    ("hold = [b'x' * 2 ** 28 for _ in range(2)]; time.sleep(100)",
     r"took more than 128 MB of memory, the runner's limit on memory"),
], ids=["status", "why", "signal", "first line", "hangs", "floods", "a large file", "memory"])
def test_a_program_that_does_not_get_to_listen(tmp_path, first, words):
    text = next_station(1, program(tmp_path, first), status=1,
                        **(IMPATIENT if first.startswith("time") else PATIENT))
    assert re.search(words, plain(text)), text
    assert "  open " in text and len(text) < 5000


LEFT = "left-by-test-%d" % os.getpid()
OUTSIDE = "open(%r + '/" + LEFT + "', 'w').close()"


@pytest.mark.parametrize("then, words", [
    ("os.kill(os.getpid(), signal.SIGABRT)", r"It ended in the middle of the test: signal 6 \(SIGABRT\)"),
    ("os.kill(os.getppid(), signal.SIGKILL)", r"The tests themselves were ended here: signal 9"),
    ("sys.exit(5)", r"It ended in the middle of the test: exit status 5"),
    ("while True: os.write(1, b'x' * 79 + b'\\n')",
     r"It printed more than 16 MB on standard output, the runner's limit on output"),
    ("while True: os.write(2, b'x' * 65536)",
     r"It wrote a file of more than 16 MB, the runner's limit on a file"),
    ("while True: client.sendall(b'x' * 65536)", r"came a line without an end"),
    ("os.fork() or (os.setsid(), time.sleep(1000))",
     r"It left a process behind when it had ended, in a session of its own \(setsid\); killed"),
    (OUTSIDE % "/tmp",
     r"It wrote outside its directory, into the common temporary directory /tmp: \S+-\d+ \((removed|moved)"),
    ("open(os.environ['TMPDIR'] + '/x', 'w').close()",
     r"It wrote outside its directory, into the temporary directory: \$TMPDIR/x"),
    ("open(os.path.expanduser('~/.mine'), 'w').close()",
     r"It wrote outside its directory, into HOME: \$HOME/.mine \(removed\)"),
    ("hold = [b'x' * 2 ** 28 for _ in range(5)]",
     r"A process of it took more than 128 MB of memory, the runner's limit on memory"),
], ids=["signal", "kills the tests", "ends", "floods", "a large file", "floods the client", "setsid", "tmp",
        "TMPDIR", "HOME", "memory"])
def test_a_program_that_does_harm(tmp_path, then, words):
    """It is told so in a sentence, and nothing of it is left"""
    text = next_station(1, program(tmp_path, then=then), status=1, SMTPD_TEST_TOKEN=str(tmp_path),
                        **(IMPATIENT if "setsid" in then else PATIENT))
    assert re.search(words, plain(text)), text
    assert len(text) < 6000
    assert not Path("/tmp", LEFT).exists()
    assert not left_of(tmp_path)


def test_forks_without_end(tmp_path):
    """There is a limit that the kernel knows, and the runner ends it"""
    text = next_station(1, program(tmp_path, then="""
    while True:
        try: os.fork()
        except OSError: time.sleep(0.01)"""), status=1, SMTPD_TEST_TOKEN=str(tmp_path), **PATIENT)
    words = r"It forked without end: it had more than \d+ processes, the runner's limit on processes"
    assert re.search(words, plain(text)), text
    assert not left_of(tmp_path)


def test_a_write_into_the_repository(tmp_path):
    """Where it may write there at all"""
    place = small_class() / "tests"
    os.chmod(str(place), 0o777)
    try:
        text = next_station(1, program(tmp_path, then=OUTSIDE % str(place)), status=1)
        words = r"It wrote outside its directory, into the repository: \S*/left-by-test-\d+ \((removed|moved)"
        assert re.search(words, plain(text)), text
    finally:
        os.chmod(str(place), 0o755)
    assert not (place / LEFT).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_program_that_is_out_of_reach(tmp_path):
    """The folder of the program is copied to where the unprivileged user can read it; it runs as that user"""
    secret = tmp_path / "home"
    secret.mkdir(mode=0o700)
    (secret / "words.txt").write_text("hello")
    first = ("assert os.getuid() >= 64000; "
             "open(os.path.dirname(os.path.abspath(__file__)) + '/words.txt').read()")
    path = program(secret, first)
    path.chmod(0o700)
    assert "  passed  1.1 " in next_station(1, path, SMTPD_TEST_TIMEOUT_SCALE="0.4")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_interpreter_that_the_user_may_not_run(tmp_path):
    """It is said"""
    secret = tmp_path / "home"
    secret.mkdir(mode=0o700)
    interpreter = secret / "mypython"
    interpreter.symlink_to(PYTHON)
    path = program(tmp_path)
    text = next_station(1, "%s %s" % (interpreter, path), status=1)
    assert re.search(r"mypython can't be run by the unprivileged user", plain(text)), text


def test_watch(tmp_path):
    """WATCH=1 runs again when the program changes"""
    path = program(tmp_path, "sys.exit(7)")
    process = subprocess.Popen([sys.executable, str(LABS / "next.py"), "1", "--prog", str(path), "--watch"],
                               cwd=str(REPOSITORY),
                               stdout=subprocess.PIPE, universal_newlines=True)
    try:
        lines = iter(process.stdout.readline, "")
        assert next(line for line in lines if "status 7" in line)
        assert next(line for line in lines if "waiting for a change" in line)
        time.sleep(0.1)
        program(tmp_path, "sys.exit(8)")
        assert next(line for line in lines if "status 8" in line)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stdout.close()
