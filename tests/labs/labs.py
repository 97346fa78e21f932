#!/usr/bin/env python3
"""Find the bug; attack and mend: what `make bug-07` and `make attack-smuggling` call. See README.md.

    labs.py bug 07 [--check MENDED]              a program with a bug in it; is it mended?
    labs.py attack smuggling [--exploit FILE] [--check MENDED]
    labs.py bugs | attacks                       prove all of them: what CI runs

A lab is a diff to a step, with a head that says what a user would see and which tests see it. The step is
copied into build/labs/, broken there and compiled. MENDED is a diff to that, or a directory with the mended
sources. Needs nothing beside Python 3.8. Start reading at main().
"""
import argparse
import concurrent.futures
import functools
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

LABS = Path(__file__).resolve().parent
TESTS = LABS.parent
REPOSITORY = TESTS.parent
BUILD = REPOSITORY / "build" / "labs"
sys.path[:0] = [str(TESTS), str(LABS)]

import run                                  # noqa: E402
from server import Server, make_mailbox     # noqa: E402

# What a program with a bug does all the same: else it would be a ruin, and any test would do to find it.
STILL_RIGHT = {
    1: ["test_01_echo.py::test_option_p_chooses_the_port",
        "test_01_echo.py::test_it_ends_when_it_is_told_to"],
    2: ["test_02_commands.py::test_the_shortest_conversation",
        "test_02_commands.py::test_mail_within_mail"],
    3: ["test_03_data.py::test_a_message_arrives"],
    4: ["test_04_headers.py::test_a_message_is_reported"],
    5: ["test_05_multipart.py::test_the_tree_is_drawn"],
    6: [],
}


class Lab:
    """A diff with a head: Step, Symptom, Lesson, Tests, and a Story if there is one."""

    def __init__(self, name, path):
        self.name, self.diff = name, path
        text = path.read_text(encoding="utf-8")
        head = re.sub(r"\n[ \t]+", " ", text[:text.index("\n--- ") + 1])
        self.head = dict(re.findall(r"^(\w+): *(.*)$", head, re.M))
        self.step, self.tests = self.head["Step"], re.split(r"\s+(?=test_\d)", self.head["Tests"].strip())
        self.stage = int(self.step[4:6])
        self.directory = BUILD / name

    def sources(self, directory):
        """A fresh copy of the step with the bug in it."""
        shutil.rmtree(str(directory), ignore_errors=True)
        shutil.copytree(str(REPOSITORY / self.step), str(directory))
        apply(self.diff, directory)
        return directory


def all_bugs():
    return [Lab("bug-" + path.name[:2], path) for path in sorted((LABS / "bugs").glob("[0-9][0-9]-*.diff"))]


def all_attacks():
    faults = sorted((LABS / "attacks").glob("*/fault.diff"))
    return [Lab("attack-" + path.parent.name, path) for path in faults]


def find(labs, name):
    for lab in labs:
        if lab.name == name:
            return lab
    sys.exit("there is no %s; there are: %s" % (name, " ".join(lab.name for lab in labs)))


# ---- building

def capture(command, **more):
    """Run it, and have what it prints."""
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, **more)


def apply(diff, directory):
    done = capture(["patch", "-p1", "-s", "-f", "--no-backup-if-mismatch", "-d", directory, "-i", diff])
    if done.returncode:
        raise SystemExit("%s does not fit %s:\n%s" % (diff, directory, done.stdout))


def compile_in(directory):
    """The program made of the sources in a directory."""
    program = directory / "smtpd"
    cc(["-o", program, *sorted(directory.rglob("*.c")), *shlex.split(os.environ.get("LDLIBS", ""))])
    return program


def cc(arguments, **more):
    done = capture(shlex.split(os.environ.get("CC", "cc")) + ["-std=c11", "-g", "-O1", *arguments], **more)
    if done.returncode:
        raise SystemExit("it does not compile: cc %s\n%s" % (" ".join(map(str, arguments)), done.stdout))


def compile_changed(step, diff, directory):
    """As compile_in(), for a proof: what the diff does not change comes from the step's own archive."""
    changed = re.findall(r"^\+\+\+ b/(\S+)", diff.read_text(encoding="utf-8"), re.M)
    if not all((REPOSITORY / step / name).exists() and name.endswith(".c") for name in changed):
        return compile_in(directory)
    program = directory / "smtpd"
    cc(["-o", program, *(directory / name for name in changed), archive_of(step),
        *shlex.split(os.environ.get("LDLIBS", ""))])
    return program


@functools.lru_cache(maxsize=None)
def archive_of(step):
    objects = BUILD / (step + "-objects")
    shutil.rmtree(str(objects), ignore_errors=True)
    objects.mkdir(parents=True)
    cc(["-c", *sorted((REPOSITORY / step).rglob("*.c"))], cwd=str(objects))
    archive = BUILD / (step + ".a")
    archive.unlink() if archive.exists() else None
    subprocess.run(["ar", "rcs", str(archive), *map(str, objects.glob("*.o"))], check=True)
    return archive


def right_program(step):
    """The step as it is."""
    subprocess.run([os.environ.get("MAKE", "make"), "-s", "build/" + step], cwd=str(REPOSITORY), check=True)
    return REPOSITORY / "build" / step


def prepare(steps):
    """What the proofs share is made before they run side by side."""
    for step in sorted(steps):
        right_program(step)
        archive_of(step)


def build_for_student(lab):
    """What the student has changed in it already is left as it is."""
    if not lab.directory.exists():
        lab.sources(lab.directory)
    return compile_in(lab.directory)


def build_mended(lab, mended):
    """A directory with mended sources, or a diff to those with the bug."""
    mended, directory = Path(mended).resolve(), BUILD / (lab.name + "-mended")
    if mended.is_dir():
        shutil.rmtree(str(directory), ignore_errors=True)
        shutil.copytree(str(mended), str(directory))
    else:
        apply(mended, lab.sources(directory))
    return compile_in(directory)


# ---- testing

python = functools.lru_cache(maxsize=None)(run.find_python)


def pytest_command(files, stage, program, scratch):
    return list(map(str, [python(), "-m", "pytest", "-q", "-c", TESTS / "pytest.ini", *files, "--step", stage,
                          "--prog", program, "--basetemp", scratch + "/tests"]))


def pytest(files, stage, program, *more, scale=1):
    """Run test files on a program. Returns (its results as XML, or None; what it printed)."""
    scratch = run.make_scratch()
    try:
        results = Path(scratch) / "results.xml"
        done = capture(pytest_command(files, stage, program, scratch) + ["--junitxml", results, *more],
                       env={**run.ENVIRONMENT, "SMTPD_TEST_TIMEOUT_SCALE": str(scale)})
        return (xml.etree.ElementTree.parse(str(results)) if results.exists() else None), done.stdout
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run_tests(stage, names, program, scale):
    """Run tests by name. Returns {name: [what came of each row]}: passed, skipped, error, or failed: why."""
    outcome = {name: [] for name in names}
    files = sorted({str(TESTS / name.split("::")[0]) for name in names})
    results, output = pytest(files, stage, program, *("--named=" + name for name in names), scale=scale)
    for case in results.iter("testcase") if results is not None else []:
        whole = "%s.py::%s" % (case.get("classname").split(".")[-1], case.get("name"))
        for name in (whole, whole.split("[")[0]):
            if name in outcome:
                outcome[name].append(what_came(case))
    if not any(outcome.values()):
        raise SystemExit("no test ran on %s:\n%s" % (program, output))
    return outcome


def what_came(case):
    for kind in ("error", "skipped"):
        if case.find(kind) is not None:
            return kind
    failure = case.find("failure")
    return "passed" if failure is None else "failed: " + failure.get("message", "")


def key_tests_hold(stage, program):
    """The key tests of all stages so far."""
    command = [sys.executable, TESTS / "run.py", stage, "--prog", program, "--plaintext"]
    return capture(command + ["--", "-m", "key", "--tb=no"]).returncode == 0


def check_mended(lab, mended):
    program = build_mended(lab, mended)
    outcome = run_tests(lab.stage, lab.tests, program, 1)
    red = [name for name, rows in outcome.items() if not holds(rows)]
    if red:
        print("Not mended. %s" % lab.head["Symptom"])
        for name in red:
            print("    python3 tests/run.py %d %s --prog %s" % (lab.stage, shlex.quote(name), program))
        return False
    good = key_tests_hold(lab.stage, program)
    print("Mended." if good else "That symptom is gone, but something else is broken now:\n"
          "    make test-%02d PROG=%s" % (lab.stage, program))
    return good


def holds(rows):
    """What is skipped can't be shown here."""
    return bool(rows) and all(came in ("passed", "skipped") for came in rows)


# ---- proofs, for CI

def faults_of(lab, right, scale):
    """Why it is not so that the lab's tests see its bug, and nothing but that bug; [] where it is."""
    faults = ["%s on the step without the bug: %s" % (name, right[name])
              for name in lab.tests if not holds(right[name])]
    program = compile_changed(lab.step, lab.diff, lab.sources(BUILD / (lab.name + "-proof")))
    controls = [name for stage in range(1, lab.stage + 1) for name in STILL_RIGHT[stage]]
    outcome = run_tests(lab.stage, lab.tests + controls, program, scale)
    for name in lab.tests:
        failed = [came for came in outcome[name] if came.startswith("failed")]
        if not failed and "skipped" not in outcome[name]:
            faults.append("%s does not see it" % name)
        if "error" in outcome[name]:
            faults.append("%s ends by an error of the suite" % name)
    return faults + ["%s, too: %s" % (name, outcome[name])
                     for name in controls if name not in lab.tests and not holds(outcome[name])]


def prove(labs, more=lambda lab: []):
    """Prove all labs, side by side. Returns whether they hold. One that does not is proved once more, alone
    and with more time: a busy machine is no fault of the lab."""
    wanted, doubtful, good = {}, [], True
    for lab in labs:
        wanted.setdefault(lab.step, set()).update(lab.tests)
    prepare(wanted)
    with concurrent.futures.ThreadPoolExecutor((os.cpu_count() or 1) + 2) as pool:
        runs = {step: pool.submit(run_tests, int(step[4:6]), sorted(names), right_program(step), 1)
                for step, names in wanted.items()}
        proofs = [pool.submit(lambda lab: faults_of(lab, runs[lab.step].result(), 0.5) + more(lab), lab)
                  for lab in labs]
        for lab, proof in zip(labs, proofs):
            faults = tell(lab, proof.result)
            doubtful += [lab] if faults else []
    for lab in doubtful:
        right = functools.partial(run_tests, lab.stage, lab.tests, right_program(lab.step), 2)
        good = not tell(lab, lambda: faults_of(lab, right(), 2) + more(lab), ", again, alone") and good
    return good


def tell(lab, proof, how=""):
    """Print what comes of a proof, and return it."""
    try:
        faults = proof()
    except SystemExit as error:
        faults = [str(error)]
    print("%-28s %s" % (lab.name + how, "; ".join(faults) or "holds"), flush=True)
    return faults


# ---- attacks

WHY_LOOPBACK = """All of this stays on 127.0.0.1, and the runner sees to it: what works here works on a
careless server of somebody else's, too, and to try it there is a crime and harms people."""
LIMIT = 60      # seconds for an exploit


def only_loopback(event, arguments):
    if (event == "socket.connect" and isinstance(arguments[1], tuple)
            and arguments[1][0] not in ("127.0.0.1", "::1", "localhost")):
        raise PermissionError("an exploit stays on this machine: no connection to %s" % (arguments[1],))


def load(path):
    spec = importlib.util.spec_from_file_location(re.sub(r"\W", "_", str(path)), str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def attack_in_a_process(lab, program, exploit):
    """Does the exploit work on this program? It runs in its own process, which an endless loop can't keep."""
    command = [sys.executable, LABS / "labs.py", "play", lab.name[7:]]
    command += ["--exploit", exploit, "--program", program]
    try:
        done = capture(command, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return None, "it did not end within %d seconds" % LIMIT
    return done.returncode == 0, done.stdout.strip()


def play(lab, exploit, program):
    """Start the program, play the scene of the attack, and say what came of it."""
    scene = load(lab.diff.parent / "attack.py")
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "server"
        for name in getattr(scene, "MAILBOXES", ["you"]):
            make_mailbox(place / "mail", name)
        options = ["-p", "0", "-l", "127.0.0.1", "-m", place / "mail", *getattr(scene, "OPTIONS", [])]
        place.mkdir(exist_ok=True)
        server = Server([program, *options], place, lab.stage)
        try:
            sys.addaudithook(only_loopback)
            worked, words = scene.play(server, load(exploit))
        finally:
            server.end()
    print(words)
    return worked


def attack_and_tell(lab, exploit):
    """On the faulty server, which the student sees, and on the right one."""
    worked, words = attack_in_a_process(lab, build_for_student(lab), Path(exploit).resolve())
    print("On the faulty server: %s" % words)
    if not worked:
        print("It does not work yet.")
        return False
    also, words = attack_in_a_process(lab, right_program(lab.step), Path(exploit).resolve())
    print("On the right server:  %s" % words)
    print("It works on both: that is no attack on this fault." if also else
          "It works. Now mend it: the sources are in %s,\nand `make %s CHECK=%s` says whether it is mended."
          % (lab.directory, lab.name, lab.directory))
    return not also


def faults_of_attack(lab):
    """The answer works on the faulty server and not on the right one; the template does nothing yet."""
    folder, faults = lab.diff.parent, []
    faulty = BUILD / (lab.name + "-proof") / "smtpd"
    right = right_program(lab.step)
    for exploit, program, expected in (("answer.py", faulty, True), ("answer.py", right, False),
                                       ("template.py", faulty, False)):
        worked, words = attack_in_a_process(lab, program, folder / exploit)
        if worked is not expected:
            faults.append("%s on %s: %s" % (exploit, program, words))
    return faults


# ---- the command line

def show_bug(lab):
    print("A user writes:\n\n    %s\n" % lab.head["Symptom"])
    print("The program is %s, its sources are there, too:\n%s with a bug in it. "
          "Find it and mend it there; `make %s` compiles it again, and\n`make %s CHECK=%s` says whether\n"
          "it is mended. To begin anew, remove that directory."
          % (lab.directory / "smtpd", lab.step, lab.name, lab.name, lab.directory))


def show_attack(lab):
    scene = load(lab.diff.parent / "attack.py")
    print("%s\n\n%s" % (scene.__doc__.strip(), WHY_LOOPBACK))
    print("\nThe faulty server is %s. Begin with:\n\n    cp %s mine.py\n    make %s EXPLOIT=mine.py"
          % (lab.directory / "smtpd", lab.diff.parent / "template.py", lab.name))


def parse():
    parser = argparse.ArgumentParser(description="Labs: find the bug, attack and mend.")
    parser.add_argument("what", choices=["bug", "bugs", "attack", "attacks", "play"])
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--check", help="a diff that mends it, or a directory with the mended sources")
    parser.add_argument("--exploit", help="your exploit")
    parser.add_argument("--program", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    BUILD.mkdir(parents=True, exist_ok=True)
    if options.what == "bugs":
        return prove([lab for lab in all_bugs() if options.name in ("", lab.name[4:])])
    if options.what == "attacks":
        return prove([lab for lab in all_attacks() if options.name in ("", lab.name[7:])], faults_of_attack)
    is_bug = options.what == "bug"
    lab = find(all_bugs() if is_bug else all_attacks(), ("bug-" if is_bug else "attack-") + options.name)
    if options.what == "play":
        return play(lab, options.exploit, options.program)
    if options.check:
        good = check_mended(lab, options.check)
        if good:
            print("\nThe lesson: %s" % lab.head["Lesson"])
            if "Story" in lab.head:
                print("The story:  %s" % lab.head["Story"])
        return good
    build_for_student(lab)
    if options.exploit:
        return attack_and_tell(lab, options.exploit)
    show_bug(lab) if is_bug else show_attack(lab)
    return True


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
