"""The labs are whole: that each bug is seen by its tests is for `make bugs`, and takes longer."""
import re
import sys

import pytest

from conftest import TESTS

sys.path.insert(0, str(TESTS / "labs"))

import labs     # noqa: E402

ATTACKS = ["browser", "helo", "quadratic", "relay", "smuggling", "starttls-injection", "stripping",
           "traversal"]
ALL = labs.all_bugs() + labs.all_attacks()


def test_there_are_enough():
    bugs = labs.all_bugs()
    assert len(bugs) >= 30 and {lab.stage for lab in bugs} == {1, 2, 3, 4, 5, 6}
    assert [lab.name for lab in bugs] == ["bug-%02d" % number for number in range(1, len(bugs) + 1)]
    assert sorted(path.name for path in (TESTS / "labs" / "attacks").iterdir()) == ATTACKS


@pytest.mark.parametrize("lab", ALL, ids=lambda lab: lab.name)
def test_each_has_a_head_and_fits_its_step(lab, tmp_path):
    needed = {"Step", "Symptom", "Lesson", "Tests"}
    assert needed <= set(lab.head) <= needed | {"Story"}
    changed = [line for line in lab.diff.read_text().splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
    assert len(changed) <= 40, "a bug is small"
    lab.sources(tmp_path / "sources")


@pytest.mark.parametrize("lab", ALL, ids=lambda lab: lab.name)
def test_its_tests_exist(lab):
    for name in lab.tests:
        file, function = re.fullmatch(r"(test_0\d_\w+\.py)::(\w+)(?:\[.*\])?", name).groups()
        assert re.search(r"^def %s\(" % function, (TESTS / file).read_text(encoding="utf-8"), re.M), name


@pytest.mark.parametrize("lab", labs.all_attacks(), ids=lambda lab: lab.name)
def test_a_template_is_short(lab):
    for name in ("template.py", "answer.py"):
        text = (lab.diff.parent / name).read_text(encoding="utf-8")
        code = [line for line in re.sub(r'""".*?"""', "", text, flags=re.S).splitlines() if line.strip()]
        assert len(code) <= 20, "%s has %d lines" % (name, len(code))


def test_an_exploit_stays_on_this_machine(tmp_path):
    """It can't even try to connect to another one"""
    (tmp_path / "mine.py").write_text("import socket\n\n\ndef attack(host, port):\n"
                                      "    socket.create_connection(('192.0.2.1', 25), 1)\n")
    done = labs.capture([sys.executable, TESTS / "labs" / "labs.py", "play", "relay",
                         "--exploit", tmp_path / "mine.py", "--program", labs.right_program("step03-data")])
    assert done.returncode == 1 and "stays on this machine" in done.stdout
