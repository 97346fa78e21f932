"""The exercises are whole: that each is open on its step and done with its answer is for `make exercises`."""
import re
import shutil
import sys

import pytest

from conftest import REPOSITORY, TESTS

sys.path.insert(0, str(TESTS / "labs"))

import exercises    # noqa: E402
import labs         # noqa: E402

ALL = exercises.all_exercises()
WITHOUT_FOLDER = {"6-e"}       # so far


def test_each_exercise_of_the_text_has_a_folder():
    """By its letter; and there is no folder of which the text does not speak"""
    text = (REPOSITORY / "TUTORIAL.md").read_text(encoding="utf-8")
    asked = set(re.findall(r"^#### Exercise ([1-6]-[a-z]) ", text, re.M))
    assert {exercise.name for exercise in ALL} == asked - WITHOUT_FOLDER


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_it_has_a_test_and_an_answer(exercise, tmp_path):
    """A program has both, a question an answer in words; the answer is small and fits its step"""
    assert (exercise.test is None) == (exercise.diff is None)
    assert exercise.diff or exercise.words
    if exercise.diff:
        assert exercise.test.name == "test_%s.py" % exercise.name.replace("-", "_")
        assert len(exercise.diff.read_text(encoding="utf-8").splitlines()) <= 400, "an answer is small"
        shutil.copytree(str(REPOSITORY / exercise.step), str(tmp_path / "step"))
        labs.apply(exercise.diff, tmp_path / "step")


def marked(name, program):
    command = [sys.executable, TESTS / "labs" / "exercises.py", "exercise", name, "--prog", program]
    return labs.capture(command)


def test_a_program_is_marked():
    """The step has not done it"""
    done = marked("1-a", labs.right_program("step01-echo"))
    assert done.returncode == 1 and "is not done yet" in done.stdout


def test_a_question_has_an_answer_only():
    """Nothing can be run for it"""
    done = marked("3-a", labs.right_program("step03-data"))
    assert done.returncode == 1 and "make answer-3-a" in done.stdout
