#!/usr/bin/env python3
"""Run the suite: what `make test` and `make test-03 PROG=...` call.

    run.py                          every step in build/, and the repository's own tests
    run.py 3                        stages 1 to 3, on our step 3
    run.py 3 --prog my/smtpd        the same, on a program of yours (or a command: "python3 my_smtpd.py")
    run.py 3 --station 3.2          one station
    run.py 3 'test_03_data.py::test_a_loop[100]'    one test, as a failure names it; all rows without [...]
    run.py 3 -- -k smuggled -x      what follows -- goes to pytest

The last line is `N passed, N failed`; the exit status is 1 if anything failed, or if
nothing ran. This file needs Python 3.6, the suite Python 3.8 and pytest. Where no
interpreter has pytest, it is installed into build/venv, or by the system's package
manager. Start reading at main().
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
BUILD = Path(os.environ.get("SMTPD_BUILD", str(REPOSITORY / "build")))
VENV = REPOSITORY / "build" / "venv"

# Tests are compiled once for all processes, and not into the source tree.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT.setdefault("PYTHONPYCACHEPREFIX", str(REPOSITORY / "build" / "pycache"))
# What a run of all tests tells its parts: what the text runs again, it need not.
ALL = {"SMTPD_ALL_TESTS": "1"}

# What to say to a package manager, for those who may.
PACKAGE_MANAGERS = [
    ["apt-get", "install", "-y", "python3-pytest"],
    ["dnf", "install", "-y", "python3-pytest"],
    ["zypper", "--non-interactive", "install", "python3-pytest"],
    ["pacman", "-S", "--noconfirm", "python-pytest"],
    ["apk", "add", "py3-pytest"],
    ["pkg", "install", "-y", "py311-pytest"],
    ["pkg_add", "-I", "py3-test"],
]


# ---- an interpreter that has pytest

def interpreters():
    """This one, then every other python3 there is, in the order of PATH."""
    found = [sys.executable, str(VENV / "bin" / "python3")]
    usual = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    for directory in os.environ.get("PATH", "").split(os.pathsep) + usual:
        found.append(os.path.join(directory, "python3"))
    return [path for path in dict.fromkeys(found) if path and os.access(path, os.X_OK)]


def can(python, statement):
    """True if this interpreter is new enough and runs the statement."""
    return quiet([python, "-c", "import sys; assert sys.version_info >= (3, 8); " + statement])


def quiet(command):
    try:
        return subprocess.call(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def with_pytest():
    return next((python for python in interpreters() if can(python, "import pytest")), None)


def install_into_venv():
    """pytest in build/venv, which `make clean` removes."""
    python = next((python for python in interpreters() if can(python, "import venv, ensurepip")), None)
    if python is None:
        return False
    print("no Python here has pytest: installing it into " + str(VENV), flush=True)
    install = [str(VENV / "bin" / "python3"), "-m", "pip", "install", "pytest"]
    return quiet([python, "-m", "venv", str(VENV)]) and quiet(install)


def install_with_package_manager():
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        return False
    for command in PACKAGE_MANAGERS:
        if shutil.which(command[0]):
            print("no Python here has pytest: " + " ".join(command), flush=True)
            if command[0] == "apt-get":
                quiet(["apt-get", "update"])
            return quiet(command)
    return False


def find_python():
    python = with_pytest()
    for install in (install_into_venv, install_with_package_manager):
        if python is None and install():
            python = with_pytest()
    if python is None:
        sys.exit("The tests need pytest, no python3 (3.8 or newer) here has it, and it could not be "
                 "installed.\n"
                 "Install it, for example with: sudo apt-get install python3-pytest")
    return python


# ---- runs of pytest

def make_scratch():
    """A directory for all that the tests write: in memory where there is room, for they make and delete ten
    thousand files."""
    memory = "/dev/shm"
    roomy = ("TMPDIR" not in os.environ and os.access(memory, os.W_OK)
             and shutil.disk_usage(memory).free > 2 ** 30)
    return tempfile.mkdtemp(prefix="smtpd-tests-", dir=memory if roomy else None)


def steps():
    return sorted(int(path.name[4:6]) for path in REPOSITORY.glob("step[0-9][0-9]-*"))


class Run:
    """One pytest process. Its results come by a file, so that nothing depends on what it prints."""

    def __init__(self, python, scratch, title, arguments, extra):
        self.title = title
        self.results = Path(scratch) / (title.replace(" ", "-") + ".counts")
        self.command = [python, "-m", "pytest", "-q", "-c", str(TESTS / "pytest.ini"), str(TESTS),
                        "--counts", str(self.results),
                        "--basetemp", str(Path(scratch) / title.replace(" ", "-"))] + arguments + extra

    def run(self):
        """For runs side by side: the output is kept until the end."""
        done = subprocess.run(self.command, env={**ENVIRONMENT, **ALL}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        return self, done.returncode, done.stdout

    def counts(self, status):
        """(passed, failed). A run that has no results, or ended by a fault of its own, has failed."""
        try:
            passed, failed = map(int, self.results.read_text().split())
        except (OSError, ValueError):
            return 0, 1
        return passed, failed if failed or status in (0, 5) else 1


def runs_of(python, scratch, step, arguments, extra, plaintext=False):
    """The tests of one step. From step 6 on all that was asked before is asked again, inside TLS, unless
    plaintext."""
    arguments = ["--step", str(step)] + arguments
    runs = [Run(python, scratch, "step %d" % step, arguments, extra)]
    if step >= 6 and not plaintext:
        runs.append(Run(python, scratch, "step %d inside TLS" % step, arguments + ["--tls"], extra))
    return runs


# Tests of what is around the steps. Some are runs of their own: they take long.
REPOSITORY_RUNS = (("the repository", ["test_0*.py", "repository/test_[st]*.py", "repository/test_labs*.py",
                                       "repository/test_book.py"]),
                   ("the stations", ["test_0*.py", "repository/test_[!s]*.py"]),
                   ("the tutorial", ["test_0*.py", "repository/test_[!t]*.py"]))
LABS_RUNS = (("the labs", ["test_0*.py", "repository/test_[!l]*.py", "repository/test_layers.py",
                           "repository/test_labs_grade.py"]),
             ("grading", ["test_0*.py", "repository/test_[!l]*.py", "repository/test_layers.py",
                          "repository/test_labs.py", "repository/test_labs_next.py"]),
             ("the book", ["test_0*.py", "repository/test_[!b]*.py", "repository/test_bounds.py"]))


def run_all(python, scratch, options, extra):
    """Every step, four side by side on two processors, for they wait a lot; those that take longest go
    first. What an earlier stage asks is asked again where the step has changed what answers it."""
    runs = [Run(python, scratch, title,
                ["--repository", "--limit=inf"] + ["--ignore-glob=%s/%s" % (TESTS, name) for name in others],
                extra)
            for title, others in (LABS_RUNS if options.labs else REPOSITORY_RUNS)]
    for step in [] if options.labs else reversed(steps()):
        runs += runs_of(python, scratch, step, ["--changed"], extra, options.plaintext)
    passed = failed = 0
    jobs = int(os.environ.get("SMTPD_TEST_JOBS", (os.cpu_count() or 1) + 2))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(run.run) for run in runs]):
            run, status, output = future.result()
            print("==== %s\n%s" % (run.title, output), flush=True)
            counts = run.counts(status)
            passed, failed = passed + counts[0], failed + counts[1]
    return passed, failed


def run_one(python, scratch, options, extra):
    arguments = ["--prog", options.prog] if options.prog else []
    arguments += ["--station", options.station] if options.station else []
    for name in options.names:
        arguments += ["--named", name]
    passed = failed = 0
    if options.stage:
        about_tls = any(name.startswith(("6.", "test_06"))
                        for name in [options.station or ""] + options.names)
        runs = runs_of(python, scratch, options.stage, arguments, extra, options.plaintext or about_tls)
    else:
        runs = [Run(python, scratch, "the repository", ["--repository"] + arguments, extra)]
    for run in runs:
        counts = run.counts(subprocess.call(run.command, env=ENVIRONMENT))
        passed, failed = passed + counts[0], failed + counts[1]
    return passed, failed


def parse(arguments):
    extra = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, extra = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(description="Run the test suite.")
    parser.add_argument("stage", nargs="?", help="stages 1 to this (default: every step)")
    parser.add_argument("names", nargs="*",
                        help="tests to run, as test_03_data.py::name or test_03_data.py::name[row]")
    parser.add_argument("--prog", help="the program under test (default: ours)")
    parser.add_argument("--station", help="only the tests of this station, as 2.2")
    parser.add_argument("--labs", action="store_true", help="the tests of the labs and of the book alone")
    parser.add_argument("--plaintext", action="store_true", help="step 6: not all of it again inside TLS")
    options = parser.parse_intermixed_args(arguments)
    if options.stage and "::" in options.stage:
        options.stage, options.names = None, [options.stage] + options.names
    if options.stage:
        if not re.match("0?[1-6]$", options.stage):
            parser.error("a stage is a number from 1 to 6, not " + options.stage)
        options.stage = int(options.stage)
    if (options.prog or options.station) and not options.stage:
        parser.error("--prog and --station need a stage")
    return options, extra


def main():
    options, extra = parse(sys.argv[1:])
    python = find_python()
    scratch = make_scratch()
    try:
        if options.stage or options.names:
            passed, failed = run_one(python, scratch, options, extra)
        else:
            passed, failed = run_all(python, scratch, options, extra)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
