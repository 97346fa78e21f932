"""grade, lab and handout (tests/labs/): what a teacher has."""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

import stations
from test_labs_next import IMPATIENT, LABS, PYTHON, REPOSITORY, lab, program, small_class

import grade
import handout
import runner
from limits import Fault

ASYNCIO = LABS / "programs" / "asyncio_smtpd.py"


# ---- grade

def graded(stage, prog, out, *arguments, **environment):
    """What results.json has, and the table."""
    text = lab("grade.py", stage, "--prog", prog, "--out", out, *arguments, status=0, root=small_class(),
               **environment)
    assert (out / "table.txt").read_text(encoding="utf-8") == text
    return json.loads((out / "results.json").read_text(encoding="utf-8")), text


@pytest.fixture(scope="module")
def marks_of_step_2(tmp_path_factory):
    """In the handout that a class of stage 2 gets, elsewhere, with our step in mine/"""
    place = tmp_path_factory.mktemp("marks")
    shutil.copytree(str(small_class()), str(place / "class"))
    for path in (REPOSITORY / "step02-commands").iterdir():
        shutil.copy(str(path), str(place / "class" / "mine"))
    status, text = make(place / "class", "grade", "OUT=%s" % (place / "out"))
    assert status == 0, text
    return json.loads((place / "out" / "results.json").read_text(encoding="utf-8")), text, place / "out"


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
        assert len(suite.findall("testcase")) == int(suite.get("tests")) > 10
        assert suite.get("failures") == "0"


@pytest.fixture(scope="module")
def marks_of_an_event_loop(tmp_path_factory):
    out = tmp_path_factory.mktemp("loop")
    command = "%s %s --echo" % (PYTHON, ASYNCIO)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda number: graded(1, command, out / number, **IMPATIENT), "12"))


def test_the_same_program_gets_the_same_marks(marks_of_an_event_loop):
    """An event loop, twice at the same time"""
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
    shutil.copy(str(REPOSITORY / "build" / "step01-echo"), str(tmp_path / "echo"))
    (secret / "test_01_hidden.py").write_text(HIDDEN)
    spy = """
import glob
places = ['/dev/shm/smtpd-lab-*/suite/tests/hidden/*', '/tmp/smtpd-lab-*/suite/tests/hidden/*']
for name in sum(map(glob.glob, places), []):
    print(open(name).read(), file=sys.stderr)
os.execv(os.path.join(os.path.dirname(os.path.abspath(__file__)), "echo"), sys.argv)"""
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
    assert ({row.number for row in stations.STATIONS if stations.stage_of(row.number) < 6}
            <= {number for number, _ in points})
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
                          stderr=subprocess.STDOUT, timeout=900,
                          env={**{name: value for name, value in os.environ.items() if name not in names},
                               "PWD": str(directory), **environment})
    return done.returncode, done.stdout.decode()


def test_a_directory_to_begin_in(tmp_path):
    """The step before, a Makefile with build, next, test, the stations as a list; nothing is overwritten"""
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


def test_a_handout_where_nobody_has_pytest_and_nothing_can_be_fetched(tmp_path):
    """It is said in a sentence, with what to do"""
    shutil.copytree(str(small_class()), str(tmp_path / "class"))
    for name in ("bin", "nobody"):
        (tmp_path / name).mkdir()
    (tmp_path / "nobody" / "pytest.py").write_text("raise ImportError('there is none')\n")
    for name in ("make", "sh", "cc", "as", "ld"):       # and no package manager
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    status, text = make(tmp_path / "class", "next", PATH=str(tmp_path / "bin"), HOME=str(tmp_path),
                        PYTHON=PYTHON, PYTHONPATH=str(tmp_path / "nobody"), TMPDIR=str(tmp_path),
                        PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="0")
    assert status and "The tests need pytest, no python3 (3.8 or newer) here has it" in text, text
    assert "Traceback" not in text, text


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
