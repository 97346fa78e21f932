"""next, grade, lab and handout (tests/labs/), on programs that are right, wrong, or do harm."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import stations

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "labs"))

import grade        # noqa: E402
import handout      # noqa: E402
import runner       # noqa: E402
from limits import Fault        # noqa: E402

TESTS = Path(__file__).resolve().parent.parent
LABS = TESTS / "labs"
REPOSITORY = TESTS.parent
PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.access(path, os.X_OK))
ASYNCIO = LABS / "programs" / "asyncio_smtpd.py"

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


def lab(script, *arguments, status=None, timeout=300, **environment):
    done = subprocess.run([sys.executable, str(LABS / script), *map(str, arguments)], cwd=str(REPOSITORY),
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                          env={**os.environ, "PWD": str(REPOSITORY), **environment})
    text = done.stdout.decode()
    assert status in (None, done.returncode), text
    return text


def plain(text):
    """In one line: how it is wrapped is a matter of taste."""
    return " ".join(text.split())


def next_station(stage, path, **options):
    return lab("next.py", stage, "--prog", path, **options)


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

def test_next_of_a_program_that_is_right(tmp_path):
    """A line for each station in their order, core before robust, and no failure"""
    text = next_station(1, REPOSITORY / "build" / "step01-echo", status=0)
    passed = re.findall(r"^  passed  (\d\.\d) .*?(, fit for strangers)? +\d+ tests?, ", text, re.M)
    rows = [row.number for row in stations.STATIONS if row.number.startswith("1.")]
    assert [number for number, robust in passed if not robust] == rows
    assert passed == sorted(passed, key=lambda row: bool(row[1]))
    assert "open" not in text


def test_next_shows_one_failure(tmp_path):
    """What it is about, the conversation, expected, came, clause, section, and a command that repeats it"""
    text = next_station(2, REPOSITORY / "build" / "step01-echo", status=1)
    assert text.count("\n  open ") == 1 and "  open    2.1 " in text
    for pattern in (r"^about +\w+", r"^the conversation:", r"^expected +220", r"^came +\w+",
                    r"^clause +RFC 5321", "^read +TUTORIAL.md, chapter 2, section 2.1 ", r"^again +python3 "):
        assert len(re.findall(pattern, text, re.M)) == 1, (pattern, text)
    command = re.search(r"^again +(.*)$", text, re.M).group(1)
    again = subprocess.run(command, shell=True, cwd=str(REPOSITORY), stdout=subprocess.PIPE,
                           universal_newlines=True, timeout=100)
    assert again.returncode == 1
    name = re.search(r"--test '?([^' ]+)", command).group(1)
    assert name in again.stdout and text.split("about", 1)[1] == again.stdout.split("about", 1)[1]


def test_next_then_asks_for_the_earlier_stages(tmp_path):
    """Once the stage's own stations are passed"""
    text = next_station(2, REPOSITORY / "build" / "step02-commands", status=0)
    places = [text.index("  passed  %s" % number) for number in ("2.1", "2.4", "1.1", "1.3")]
    assert places == sorted(places)


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
     r"It wrote more than 256 MB on standard error, the runner's limit on a file"),
    ("hold = [b'x' * 2 ** 28 for _ in range(8)]; time.sleep(100)",
     r"took more than 1024 MB of memory, the runner's limit on memory"),
], ids=["status", "why", "signal", "first line", "hangs", "floods", "a large file", "memory"])
def test_a_program_that_does_not_get_to_listen(tmp_path, first, words):
    text = next_station(1, program(tmp_path, first), status=1, SMTPD_TEST_TIMEOUT_SCALE="0.4"
                        if "sleep" in first and "hold" not in first else "1")
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
     r"It wrote a file of more than 256 MB, the runner's limit on a file"),
    ("while True: client.sendall(b'x' * 65536)", r"came a line without an end"),
    ("os.fork() or (os.setsid(), time.sleep(1000))",
     r"It left a process behind when it had ended, in a session of its own \(setsid\); killed"),
    (OUTSIDE % "/tmp",
     r"It wrote outside its directory, into the common temporary directory /tmp: \S+-\d+ \((removed|moved)"),
    ("open(os.environ['TMPDIR'] + '/x', 'w').close()",
     r"It wrote outside its directory, into the temporary directory: \$TMPDIR/x"),
    ("open(os.path.expanduser('~/.mine'), 'w').close()",
     r"It wrote outside its directory, into HOME: \$HOME/.mine \(removed\)"),
    ("hold = [b'x' * 2 ** 28 for _ in range(8)]",
     r"A process of it took more than 1024 MB of memory, the runner's limit on memory"),
], ids=["signal", "kills the tests", "ends", "floods", "a large file", "floods the client", "setsid", "tmp",
        "TMPDIR", "HOME", "memory"])
def test_a_program_that_does_harm(tmp_path, then, words):
    """It is told so in a sentence, and nothing of it is left"""
    text = next_station(1, program(tmp_path, then=then), status=1, SMTPD_TEST_TIMEOUT_SCALE="0.4",
                        SMTPD_TEST_TOKEN=str(tmp_path))
    assert re.search(words, plain(text)), text
    assert len(text) < 6000
    assert not Path("/tmp", LEFT).exists()
    assert not left_of(tmp_path)


def test_forks_without_end(tmp_path):
    """There is a limit that the kernel knows, and the runner ends it"""
    text = next_station(1, program(tmp_path, then="""
    while True:
        try: os.fork()
        except OSError: time.sleep(0.01)"""), status=1, SMTPD_TEST_TIMEOUT_SCALE="3",
                        SMTPD_TEST_TOKEN=str(tmp_path))
    words = r"It forked without end: it had more than \d+ processes, the runner's limit on processes"
    assert re.search(words, plain(text)), text
    assert not left_of(tmp_path)


def test_a_write_into_the_repository(tmp_path):
    """Where it may write there at all"""
    place = REPOSITORY / "tests" / "samples"
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


# ---- grade

def graded(stage, prog, out, *arguments, **environment):
    """What results.json has, and the table."""
    text = lab("grade.py", stage, "--prog", prog, "--out", out, *arguments, status=0, **environment)
    assert (out / "table.txt").read_text(encoding="utf-8") == text
    return json.loads((out / "results.json").read_text(encoding="utf-8")), text


@pytest.fixture(scope="module")
def marks_of_step_2(tmp_path_factory):
    out = tmp_path_factory.mktemp("marks")
    return (*graded(2, REPOSITORY / "build" / "step02-commands", out), out)


def test_a_right_program_gets_100_points(marks_of_step_2):
    """And what it is asked of an earlier stage is shown without points"""
    results, text, _ = marks_of_step_2
    assert results["score"] == 100 and re.search(r"^total +100.00 of 100$", text, re.M)
    assert re.search(r"^1\.1 .* no points$", text, re.M)
    assert round(sum(test["max_score"] for test in results["tests"]), 2) == 100
    assert {test["max_score"] for test in results["tests"] if test["name"].startswith("1.")} == {0}


def test_results_as_gradescope_reads_them(marks_of_step_2):
    """tests with name, score, max_score, output of at most 4 KB, visibility"""
    for test in marks_of_step_2[0]["tests"]:
        assert isinstance(test["name"], str) and 0 <= test["score"] <= test["max_score"]
        assert len(test["output"].encode()) <= 4096
        assert test["visibility"] in ("visible", "hidden", "after_due_date", "after_published")


def test_results_as_junit_reads_them(marks_of_step_2):
    """One file, a testsuite for each stage"""
    root = ElementTree.parse(str(marks_of_step_2[2] / "junit.xml")).getroot()
    assert [suite.get("name") for suite in root] == ["stage 1", "stage 2"]
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.get("tests")) > 30
        assert suite.get("failures") == "0"


@pytest.fixture(scope="module")
def marks_of_an_event_loop(tmp_path_factory):
    out = tmp_path_factory.mktemp("loop")
    return [graded(1, "%s %s --echo" % (PYTHON, ASYNCIO), out / str(number)) for number in range(2)]


def test_the_same_program_gets_the_same_marks(marks_of_an_event_loop):
    """An event loop, twice"""
    first, second = ([(test["name"], test["score"]) for test in results["tests"]] for results,
                     _ in marks_of_an_event_loop)
    assert first == second
    assert 90 < marks_of_an_event_loop[0][0]["score"] < 100


def test_marks_by_row(marks_of_an_event_loop):
    """Of a table with rows that are wrong the others count; what failed is told"""
    results, text = marks_of_an_event_loop[0]
    usage, = [test for test in results["tests"] if test["name"].endswith("::test_wrong_usage")]
    assert 0 < usage["score"] < usage["max_score"]
    assert "expected: " in usage["output"] and re.search(r"- \S+::test_wrong_usage: \d of 10 rows", text)


def test_marks_of_a_program_that_does_not_start(tmp_path):
    """0 points, status 0, and the sentence"""
    results, text = graded(1, program(tmp_path, "sys.exit(3)"), tmp_path / "out")
    assert results["score"] == 0 and "ended with exit status 3" in text
    assert "exit status 3" in results["tests"][0]["output"] and results["tests"][0]["max_score"] == 100
    assert ElementTree.parse(str(tmp_path / "out" / "junit.xml")).getroot().find(".//failure") is not None


HIDDEN = """
# ======== 1.2 Lines
def test_the_secret(client):
    \"\"\"Nobody is to know that it asks for MARZIPAN\"\"\"
    client.send("MARZIPAN")
    assert client.read_line() == b"marzipan"
"""


def test_hidden_tests(tmp_path):
    """Only name and marks of them are shown, and the program can't read them"""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "test_01_hidden.py").write_text(HIDDEN)
    spy = """
import glob
places = ['/dev/shm/smtpd-lab-*/suite/tests/hidden/*', '/tmp/smtpd-lab-*/suite/tests/hidden/*']
for name in sum(map(glob.glob, places), []):
    print(open(name).read(), file=sys.stderr)"""
    results, text = graded(1, program(tmp_path, spy), tmp_path / "out", "--hidden", secret)
    test, = [test for test in results["tests"] if "the_secret" in test["name"]]
    assert test["score"] == 0 < test["max_score"] and test["output"] == "" and "test_the_secret" in text
    told = text + json.dumps(results) + (tmp_path / "out" / "junit.xml").read_text()
    assert "MARZIPAN" not in told.replace("C: MARZIPAN", "") if os.geteuid() else "MARZIPAN" not in told


def result(name, part, station="2.1", robust=False, hidden=False):
    made = runner.Result({"name": name, "station": station, "stage": 2, "robust": robust, "hidden": hidden,
                          "asked": ""})
    made.part = part
    return made


def points_given(*results):
    marks = grade.marks_of(results)
    grade.give_points(marks, 2, {("2.1", False): 60.0, ("2.1", True): 10.0, ("2.2", False): 30.0}, 20.0)
    return {mark.name: (mark.score, mark.max_score) for mark in marks}


def test_how_points_are_shared():
    """The tests of a station share its points, the rows of a table what the test is worth"""
    given = points_given(result("a", 1.0), result("b[1]", 1.0), result("b[2]", 0.0), result("c", 0.0),
                         result("d", 0.5, robust=True),
                         result("e", 1.0, "2.2"))
    assert given == {"a": (20, 20), "b": (10, 20), "c": (0, 20), "d": (5, 10), "e": (30, 30)}
    given = points_given(*[result("t%d" % number, 1.0) for number in range(7)],
                         result("d", 1.0, robust=True), result("e", 1.0, "2.2"))
    assert round(sum(score for score, _ in given.values()), 2) == 100


def test_points_of_what_can_not_be_run():
    """They go to the rest"""
    assert points_given(result("a", 1.0), result("d", None, robust=True), result("e", 0.0, "2.2")) == {
        "a": (66.67, 66.67), "d": (0, 0), "e": (0, 33.33)}


def test_points_of_hidden_tests_without_a_station():
    """What points.txt says, and the rest is smaller"""
    assert points_given(result("a", 1.0), result("d", 1.0, robust=True), result("e", 1.0, "2.2"),
                        result("h", 0.5, None, hidden=True)) == {
        "a": (48, 48), "d": (8, 8), "e": (24, 24), "h": (10, 20)}


def test_what_fails_once_may_pass_with_more_time():
    """Only what fails twice has failed"""
    first, second = [result("a", 0.0), result("b", 0.5)], [result("a", 1.0), result("b", 0.0)]
    second[0].outcome = "passed"
    grade.take_the_better(first, second)
    assert [(each.part, each.outcome) for each in first] == [(1.0, "passed"), (0.5, "not run")]


def test_the_table_of_points(tmp_path):
    """100 for each stage; a fault is said, with its line"""
    points, _ = grade.read_points()
    assert {station for station, _ in points} <= set(stations.NUMBERS)
    assert {row.number for row in stations.STATIONS if stations.stage_of(row.number) < 6} <= {number for number, _ in points}
    for rows, words in (("1.1 50 49", "stage 1 comes to 99"), ("9.1 1 1", "line 1"), ("1.1 100", "line 1"),
                        ("1.1 a b", "line 1")):
        (tmp_path / "points.txt").write_text(rows + "\n")
        with pytest.raises(Fault, match=words):
            grade.read_points(tmp_path / "points.txt")


# ---- lab and handout

def make(directory, *arguments, **environment):
    names = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "SMTPD_BUILD", "PYTHONPATH")
    done = subprocess.run(["make", *arguments], cwd=str(directory), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300,
                          env={**{name: value for name, value in os.environ.items() if name not in names},
                               "PWD": str(directory), **environment})
    return done.returncode, done.stdout.decode()


def test_a_directory_to_begin_in(tmp_path):
    """The step before, a Makefile with build, next and test, the stations as a list; nothing is overwritten"""
    mine = tmp_path / "mine"
    status, text = make(REPOSITORY, "lab-02", "DIR=%s" % mine)
    assert status == 0, text
    before = REPOSITORY / "step01-echo"
    assert all((mine / path.name).read_bytes() == path.read_bytes() for path in before.iterdir())
    rows = [row.number for row in stations.STATIONS if row.number.startswith("2.")]
    assert re.findall(r"^- \[ \] (\S+) ", (mine / "STATIONS.md").read_text(encoding="utf-8"), re.M) == rows
    status, text = make(mine, "next", SMTPD_TEST_TIMEOUT_SCALE="0.3")
    assert status and "  open    2.1 " in text, text
    assert make(REPOSITORY, "lab-02", "DIR=%s" % mine)[0] != 0
    assert make(REPOSITORY, "lab-02")[0] != 0


@pytest.mark.parametrize("stage", [1, 4])
def test_a_directory_for_another_stage(tmp_path, stage):
    """Before step 1 there is nothing but a main()"""
    assert lab("lab.py", stage, tmp_path / "mine", status=0)
    expected = {"main.c"} if stage == 1 else {path.name for path in (REPOSITORY / "step03-data").iterdir()}
    assert {path.name for path in (tmp_path / "mine").iterdir()} == expected | {"Makefile", "STATIONS.md"}


@pytest.fixture(scope="module")
def handout_3(tmp_path_factory):
    out = tmp_path_factory.mktemp("handout") / "class"
    status, text = make(REPOSITORY, "handout-03", "OUT=%s" % out)
    assert status == 0, text
    return out


def test_a_handout_shows_the_first_open_station(handout_3, tmp_path):
    """make next in a copy of it, elsewhere, with nothing that this machine has prepared"""
    elsewhere = tmp_path / "class"
    shutil.copytree(str(handout_3), str(elsewhere))
    status, text = make(elsewhere, "next", HOME=str(tmp_path))
    assert status and "Stage 3" in text and "  open    3.1 " in text and str(REPOSITORY) not in text, text
    command = re.search(r"^again +(.*)$", text, re.M).group(1)
    assert "  open    3.1 " in subprocess.run(command, shell=True, stdout=subprocess.PIPE,
                                              cwd=str(tmp_path)).stdout.decode()


def test_a_handout_goes_all_the_way(handout_3, tmp_path):
    """With our step in mine/ all of it is passed, and gets 100 points"""
    elsewhere = tmp_path / "class"
    shutil.copytree(str(handout_3), str(elsewhere))
    for path in (REPOSITORY / "step03-data").iterdir():
        shutil.copy(str(path), str(elsewhere / "mine"))
    status, text = make(elsewhere, "grade")
    assert status == 0 and re.search("^total +100.00 of 100", text, re.M), text


@pytest.mark.parametrize("stage", [1, 2, 3, 4, 5, 6])
def test_a_handout_has_nothing_of_what_comes_later(tmp_path, stage):
    """No directory, no test, no chapter, no station, and no line of code of this step or a later one"""
    out = tmp_path / "class"
    handout.make_handout(stage, out)
    names = [str(path.relative_to(out)) for path in out.rglob("*")]
    steps = {int(found.group(1)) for found in map(re.compile(r"step(\d\d)-").match, names) if found}
    assert steps == set(range(1, stage))
    assert {int(found.group(1)) for found in map(re.compile(r"tests/test_(\d\d)_").match, names)
            if found} == set(range(1, stage + 1))
    text = (out / "TUTORIAL.md").read_text(encoding="utf-8")
    assert re.findall(r"^## Chapter (\d)", text, re.M) == [str(number) for number in range(1, stage + 1)]
    anchors = {handout.anchor(re.sub("^#+ ", "", line)) for line in text.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors
    for row in stations.STATIONS:
        inside = any('station("%s"' % row.number in path.read_text(encoding="utf-8")
                     for path in out.rglob("stations.py"))
        assert inside == (stations.stage_of(row.number) <= stage), row
    secret = handout.later_lines(stage)
    for path in out.rglob("*"):
        if path.is_file() and path.suffix != ".eml":
            found = secret & {line.strip() for line in path.read_text(encoding="utf-8",
                                                                      errors="replace").splitlines()}
            assert not found, (path, found)


def test_the_answer_in_python_is_in_no_handout(handout_3):
    assert not list(handout_3.rglob("*asyncio*"))
