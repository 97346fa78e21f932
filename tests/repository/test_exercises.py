"""The exercises are whole: that each is open on its step and done with its answer is for `make exercises`."""
import hashlib
import re
import shutil
import sys

import pytest

from conftest import REPOSITORY, TESTS

sys.path.insert(0, str(TESTS / "labs"))

import exercises    # noqa: E402
import labs         # noqa: E402

ALL = exercises.all_exercises()


def test_each_exercise_of_the_text_has_a_folder():
    """By its letter; and there is no folder of which the text does not speak"""
    text = (REPOSITORY / "TUTORIAL.md").read_text(encoding="utf-8")
    asked = set(re.findall(r"^#### Exercise ([1-6]-[a-z]) ", text, re.M))
    assert {exercise.name for exercise in ALL} == asked


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_it_has_a_test_and_an_answer(exercise, tmp_path):
    """A program has both, a question an answer in words; the answer is small and fits its step"""
    assert (exercise.test is None) == (exercise.diff is None and exercise.source is None)
    assert exercise.diff or exercise.source or exercise.words
    if exercise.test:
        assert exercise.test.name == "test_%s.py" % exercise.name.replace("-", "_")
    if exercise.diff:
        assert len(exercise.diff.read_text(encoding="utf-8").splitlines()) <= 450, "an answer is small"
        shutil.copytree(str(REPOSITORY / exercise.step), str(tmp_path / "step"))
        labs.apply(exercise.diff, tmp_path / "step")


def test_the_ml_kem_of_6_e_is_that_of_the_standard():
    """C2SP's accumulated vectors: 100 keys, ciphertexts and secrets, valid and not, in one hash"""
    sys.path.insert(0, str(exercises.FOLDERS / "6-e"))
    import mlkem768
    source = hashlib.shake_128().digest(100 * (64 + 32 + mlkem768.CIPHERTEXT_SIZE))
    results, at = hashlib.shake_128(), 0

    def take(size):
        nonlocal at
        at += size
        return source[at - size:at]

    for _ in range(100):
        key, private = mlkem768.key_pair(take(64))
        secret, ciphertext = mlkem768.encapsulate(key, take(32))
        assert mlkem768.decapsulate(private, ciphertext) == secret
        rejected = mlkem768.decapsulate(private, take(mlkem768.CIPHERTEXT_SIZE))
        results.update(key + ciphertext + secret + rejected)
    assert results.hexdigest(32) == "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"


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
