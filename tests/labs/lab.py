#!/usr/bin/env python3
"""A directory to begin in: what `make lab-02 DIR=../mine` makes.

    lab.py 2 ../mine

The step before is the start; beside it are a Makefile (build, next, test) and the stations as a list to tick.
"""
import argparse
import os
import shutil
import sys
from pathlib import Path

LABS = Path(__file__).resolve().parent
REPOSITORY = LABS.parent.parent
sys.path.insert(0, str(LABS.parent))

import spec                 # noqa: E402
import stations             # noqa: E402

NOTHING_YET = """\
/* Chapter 1, station 1.1: four calls and a read. */
int main(void)
{
    return 0;
}
"""

MAKEFILE = """\
# Stage {stage:d}, {title}: yours. "make" builds smtpd, "make next" shows the first station that is
# open ("make next WATCH=1" again whenever a file changes), "make test" runs all tests, "make spec"
# says what is asked. In another language: let "build" make what has to be made, and set PROG to the
# command that starts it, with whole paths.

STAGE = {stage:02d}
REPOSITORY = {repository}
PROG = $(CURDIR)/smtpd
CFLAGS ?= -O2 -g -Wall -Wextra
PYTHON ?= python3

build: smtpd

smtpd: $(wildcard *.c *.h)
\t$(CC) -std=c11 $(CFLAGS) -o $@ $(filter %.c,$^) $(LDLIBS)

next: $(if $(WATCH),,build)
\t@$(PYTHON) $(REPOSITORY)/tests/labs/next.py $(STAGE) --prog "$(PROG)" $(if $(TEST),--test '$(TEST)') \\
\t    $(if $(WATCH),--watch --build "$(MAKE) --silent build")

test: build
\t$(PYTHON) $(REPOSITORY)/tests/run.py $(STAGE) --prog "$(PROG)"

spec:
\t@$(PYTHON) $(REPOSITORY)/tests/spec.py $(STAGE)

clean:
\trm -f smtpd

.PHONY: build next test spec clean
"""


class Refused(Exception):
    """In a sentence."""


def named(text):
    """A path, and not an empty word."""
    if not text:
        raise argparse.ArgumentTypeError("name a directory that is not there yet")
    return Path(text)


def step(number, root=REPOSITORY):
    found = sorted(root.glob("step%02d-*" % number))
    return found[0] if found else None


def check_list(stage):
    """The stations of a stage in Markdown, each with how many tests it has."""
    asked = spec.all_requirements()
    yield "# Stage %d: %s\n" % (stage, stations.STAGES[stage][0])
    yield "`make next` says which is the first that is open. Each is a section of TUTORIAL.md.\n"
    for row in stations.STATIONS:
        if stations.stage_of(row.number) == stage:
            core, robust = (sum((number, hard) == (row.number, level) for number, hard, _, _ in asked)
                            for level in (False, True))
            yield "- [ ] %s %s (%d tests%s)" % (row.number, row.title, core,
                                                ", and %d to be fit for strangers" % robust if robust else "")
    yield ""


def make_lab(stage, directory, repository=None):
    """Fill a directory that is not there yet, or empty. `repository` is written into its Makefile."""
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Refused("%s is there already, and not empty: nothing is overwritten." % directory)
    before = step(stage - 1)
    if before:
        shutil.copytree(str(before), str(directory / "new"))
        for path in (directory / "new").iterdir():
            path.rename(directory / path.name)
        (directory / "new").rmdir()
    else:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "main.c").write_text(NOTHING_YET)
    title = stations.STAGES[stage][0]
    makefile = MAKEFILE.format(stage=stage, title=title, repository=repository or REPOSITORY)
    (directory / "Makefile").write_text(makefile)
    (directory / "STATIONS.md").write_text("\n".join(check_list(stage)), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="A directory to begin a stage in.")
    parser.add_argument("stage", type=int, choices=sorted(stations.STAGES))
    parser.add_argument("directory", type=named)
    options = parser.parse_args()
    try:
        make_lab(options.stage, options.directory)
    except Refused as refused:
        sys.exit(str(refused))
    print("Stage %d begins in %s: cd %s; make next"
          % (options.stage, options.directory, os.path.relpath(str(options.directory))))


if __name__ == "__main__":
    main()
