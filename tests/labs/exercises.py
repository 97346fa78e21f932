#!/usr/bin/env python3
"""Exercises that mark themselves: what `make exercise-3-b` and `make answer-3-b` call. See README.md.

    exercises.py exercise 3-b --prog PROGRAM     does it do what exercise 3-b of TUTORIAL.md asks?
    exercises.py answer 3-b                      show one way to do it
    exercises.py exercises [3-b]                 prove all of them, or one: what CI runs

A folder exercises/3-b/ has a test and an answer: answer.diff to step 3, answer.c where a program of its own
is asked for, or answer.md where it is a question. Start reading at main().
"""
import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
from pathlib import Path

LABS = Path(__file__).resolve().parent
FOLDERS = LABS / "exercises"
sys.path[:0] = [str(LABS), str(LABS.parent)]

import labs     # noqa: E402
import run      # noqa: E402


class Exercise:
    def __init__(self, folder):
        self.name, self.stage = folder.name, int(folder.name[0])
        self.step = next(labs.REPOSITORY.glob("step%02d-*" % self.stage)).name
        self.test = next(folder.glob("test_*.py"), None)
        self.diff = next(folder.glob("answer.diff"), None)
        self.source = next(folder.glob("answer.c"), None)       # a program of its own
        self.words = next(folder.glob("answer.md"), None)


def all_exercises():
    return [Exercise(folder) for folder in sorted(FOLDERS.glob("[1-6]-[a-z]"))]


def find(name):
    for exercise in all_exercises():
        if exercise.name == name:
            return exercise
    sys.exit("there is no exercise %s here; there are: %s"
             % (name, " ".join(exercise.name for exercise in all_exercises())))


# ---- testing

def counts(exercise, program, *options, scale=1):
    """Run the test: how many of {"tests", "failures", "errors", "skipped"}, and what it printed."""
    results, output = labs.pytest([exercise.test], exercise.stage, program, *options, scale=scale)
    if results is None:
        return dict.fromkeys(("tests", "failures", "skipped"), 0, errors=1), output
    suite = next(results.iter("testsuite"))
    return {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}, output


def mark(exercise, program):
    """The student's program. Returns whether it does what is asked."""
    if exercise.test is None:
        print("Exercise %s is a question, no program: `make answer-%s` has the answer."
              % (exercise.name, exercise.name))
        return False
    if not program:
        print("Say which program: make exercise-%s PROG=path/to/smtpd" % exercise.name)
        return False
    scratch = run.make_scratch()
    try:
        done = subprocess.call(labs.pytest_command([exercise.test], exercise.stage, program, scratch),
                               env=run.ENVIRONMENT)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("Exercise %s is %s. `make test-%02d PROG=%s` says whether all else still works."
          % (exercise.name, "not done yet" if done else "done", exercise.stage, program))
    return done == 0


def show_answer(exercise):
    for path in filter(None, (exercise.words, exercise.diff, exercise.source)):
        print(path.read_text(encoding="utf-8"))
    return True


# ---- proofs, for CI

def answer_program(exercise):
    """The step with the answer in it, or the program that is the answer."""
    directory = labs.BUILD / ("exercise-" + exercise.name)
    shutil.rmtree(str(directory), ignore_errors=True)
    if exercise.source:
        directory.mkdir(parents=True)
        shutil.copy(str(exercise.source), str(directory))
        return labs.compile_in(directory)
    shutil.copytree(str(labs.REPOSITORY / exercise.step), str(directory))
    labs.apply(exercise.diff, directory)
    return labs.compile_changed(exercise.step, exercise.diff, directory)


def proof(exercise):
    """Red on the step, green with the answer. Returns (whether it is so, in a word or more)."""
    if exercise.test is None:
        return exercise.words is not None, "a question"
    before, _ = counts(exercise, labs.right_program(exercise.step), "-x", scale=0.3)
    try:
        after, output = counts(exercise, answer_program(exercise))
    except SystemExit as error:     # it does not fit, or does not compile
        return False, str(error)
    if not before["failures"] or before["errors"]:
        return False, "not red on %s: %s" % (exercise.step, before)
    if not after["tests"] or after["failures"] or after["errors"]:
        return False, "not green with the answer: %s\n%s" % (after, output)
    return True, "holds, but part of it can't be shown here" if after["skipped"] else "holds"


def prove(exercises):
    labs.prepare({exercise.step for exercise in exercises if exercise.test})
    with concurrent.futures.ThreadPoolExecutor((os.cpu_count() or 1) + 2) as pool:
        doubtful = [exercise for exercise, came in zip(exercises, pool.map(proof, exercises))
                    if not tell(exercise, came)]
    # alone: a busy machine is no fault of the exercise
    return all([tell(exercise, proof(exercise), ", again, alone") for exercise in doubtful])


def tell(exercise, came, how=""):
    holds, words = came
    print("exercise-%s%s  %s" % (exercise.name, how, words), flush=True)
    return holds


def main():
    parser = argparse.ArgumentParser(description="Exercises that mark themselves.")
    parser.add_argument("what", choices=["exercise", "answer", "exercises"])
    parser.add_argument("name", nargs="?", help="as 3-b")
    parser.add_argument("--prog", help="your program")
    options = parser.parse_args()
    if options.what == "exercises":
        return prove([find(options.name)] if options.name else all_exercises())
    if not options.name:
        parser.error("which exercise?")
    exercise = find(options.name)
    return show_answer(exercise) if options.what == "answer" else mark(exercise, options.prog)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
