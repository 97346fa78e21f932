#!/usr/bin/env python3
"""What is next? The stations of a stage up to the first that is open: what `make next-02 PROG=...` calls.

    next.py 2 --prog ./mine                 a line for each station that is passed, and one failure
    next.py 2 --prog ./mine --watch         again whenever a file beside the program changes
    next.py 2 --prog ./mine --test NAME     one test, as a failure names it

What a lesson asks of everybody comes first, then the earlier stages, then what makes a program fit for
strangers.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import runner
import stations
from limits import LABS, REPOSITORY, Fault
from place import Place

WIDTH = 100


def group_of(result):
    return result.robust, result.stage, result.station


def title_of(group):
    robust, stage, number = group
    title = "%s %s" % (number, stations.find(number).title) if number else "stage %d" % stage
    return title + (", fit for strangers" if robust else "")


class Progress:
    """Prints a line for each station as it is passed, and keeps the first failure."""

    def __init__(self, suite):
        self.suite, self.failure, self.count, self.began = suite, None, {}, time.monotonic()
        self.left = {}

    def __call__(self, result):
        if not self.left:
            for each in self.suite.results:
                self.left[group_of(each)] = self.left.get(group_of(each), 0) + 1
        if result.outcome == "failed":
            self.failure = result
            return False
        group = group_of(result)
        self.left[group] -= 1
        if not self.left[group]:
            self.passed(group)
        return True

    def passed(self, group):
        results = [result for result in self.suite.results if group_of(result) == group]
        skipped = [result.text.strip() for result in results if result.outcome == "skipped"]
        print("  passed  %-58s %3d test%s, %.1f s%s" % (
            title_of(group), len(results), "s"[len(results) == 1:], sum(result.seconds for result in results),
            ", %d of them can't be run here" % len(skipped) if skipped else ""), flush=True)
        for reason in sorted(set(skipped)):
            print(wrapped("          since:", reason), flush=True)


# ---- one failure

def wrapped(label, text):
    """Text beside a label, its own lines kept."""
    lines = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, WIDTH - 10, subsequent_indent=re.match(" *", line).group(),
                               break_on_hyphens=False, break_long_words=False) or [""]
    return "%-10s%s" % (label, ("\n" + " " * 10).join(lines))


def clauses(asked):
    """What stands in brackets in the words of a test: the clause of the standard."""
    return "; ".join(re.findall(r"\(((?:RFC|design|SO_|POSIX|https?:)[^()]*)\)", asked))


def again(stage, program, name):
    """The command that repeats it, for the directory in which it was called."""
    called_from = os.environ.get("PWD", os.getcwd())
    at_home = Path(called_from).resolve() == REPOSITORY
    script = "tests/labs/next.py" if at_home else str(LABS / "next.py")
    words = ["python3", script, str(stage), "--prog", program] + (["--test", name] if name else [])
    return " ".join(map(shlex.quote, words))


LABELLED = re.compile(r"^(expected|came|standard error): *"        # and all up to the next of these words
                      r"((?:.*\n?)(?:(?!^(?:came|standard error): ).*\n?)*)", re.M)


def show(result, stage, program):
    conversation, _, text = ("\n" + result.text).rpartition("\nexpected: ")
    text = "expected: " + text if text else ""
    print("\n  open    %s" % title_of(group_of(result)))
    print("\n" + wrapped("about", re.sub(r" *\(RFC [^()]*\)$", "", result.asked)))
    for sentence in result.said:
        print(wrapped("it did", sentence))
    if conversation.strip():
        print(conversation.strip("\n"))
    for label, value in LABELLED.findall(text):
        print(wrapped(label.replace("standard error", "stderr"), value.rstrip("\n")))
    if clauses(result.asked):
        print(wrapped("clause", clauses(result.asked)))
    if result.station:
        print(wrapped("read", "TUTORIAL.md, chapter %d, section %s"
                      % (result.stage, stations.find(result.station).section)))
    print("again     " + again(stage, program, result.name))


# ---- a run

def once(options):
    """Returns whether all is passed."""
    print("Stage %d, %s: %s" % (options.stage, stations.STAGES[options.stage][0], options.prog), flush=True)
    try:
        with Place(options.prog) as place:
            stage, sentences = does_not_start(place, options.stage)
            for note in place.notes:
                print("  note    " + note)
            if not sentences:
                return tests(place, options)
    except Fault as fault:
        stage, sentences = 1, [str(fault)]
    first = stations.find("%d.1" % stage)
    print("\n  open    %s %s\n\n%s" % (first.number, first.title,
                                       wrapped("it did" if len(sentences) > 1 else "not yet",
                                               "\n".join(sentences))))
    print(wrapped("read", "TUTORIAL.md, chapter %d, section %s" % (stage, first.section)))
    print("again     " + again(options.stage, options.prog, None))
    return False


def does_not_start(place, stage):
    """(the stage that asks for it, sentences): none if it starts with the options of this stage."""
    sentences = sum(runner.Probe(place, stage, runner.TIMEOUT_SCALE).result(), [])
    if not sentences or stage == 1 or sum(runner.Probe(place, 1, runner.TIMEOUT_SCALE).result(), []):
        return 1, sentences
    return stage, ["With the options of stage %d (%s) it does not start."
                   % (stage, " ".join(runner.option_names(stage)))] + sentences


def tests(place, options):
    suite = runner.Suite(place, options.stage, names=options.test)
    progress = Progress(suite)
    suite.run(progress)
    failure = progress.failure or next((result for result in suite.results if result.outcome == "failed"),
                                       None)
    if failure:
        show(failure, options.stage, options.prog)
    for note in suite.notes:
        print("\n" + wrapped("ended", note))
    if failure or suite.notes:
        return False
    print("\nAll of stage %d is passed." % options.stage if not options.test else "\nPassed.")
    return True


def stamps(program):
    """When the files beside the program were changed last."""
    found = {}
    for word in shlex.split(program):
        for path in Path(word).absolute().parent.glob("*") if "/" in word or Path(word).exists() else ():
            try:
                if not path.name.startswith("."):
                    found[path] = path.stat().st_mtime_ns
            except OSError:
                pass
    return found


def build(command):
    return not command or subprocess.call(command, shell=True) == 0


def watch(options):
    while True:
        if build(options.build):
            once(options)
        before = stamps(options.prog)
        print("\n-- waiting for a change beside %s; Ctrl-C ends it" % options.prog, flush=True)
        while stamps(options.prog) == before:
            time.sleep(0.3)
        time.sleep(0.2)         # whoever writes several files may finish
        print("\n" + "=" * WIDTH, flush=True)


def main():
    parser = argparse.ArgumentParser(description="The stations of a stage, up to the first that is open.")
    parser.add_argument("stage", type=int, choices=sorted(stations.STAGES))
    parser.add_argument("--prog", default="", help="the program, or the command that starts it")
    parser.add_argument("--watch", action="store_true",
                        help="again whenever a file beside the program changes")
    parser.add_argument("--build", help="with --watch: what to call before each run")
    parser.add_argument("--test", action="append", default=[], help="only this test")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return watch(options) if options.watch else 0 if build(options.build) and once(options) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
