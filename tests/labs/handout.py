#!/usr/bin/env python3
"""What a class gets for a stage, and nothing of what comes later: what `make handout-03 OUT=dir` makes.

    handout.py 3 dir

In it are the steps before as they are, the last of them as the start in mine/, the text up to this chapter
without the code that is to be written, and the tests up to this stage. It runs by itself: a bare
`make next` there shows the first station that is open.
"""
import argparse
import ast
import re
import shutil
import sys

import lab
import stations

REPOSITORY = lab.REPOSITORY
TESTS = REPOSITORY / "tests"

# And whatever those and the tests import.
TOOLS = ["run.py", "conftest.py", "stations.py", "spec.py", "pytest.ini"]
INSIDES = re.compile(r"test_\d\d_(primitives|key_schedule)")      # of our own program, and nobody else's
LABS = ["limits.py", "processes.py", "place.py", "runner.py", "plugin.py", "next.py", "grade.py", "lab.py"]
TELLING = 12            # so many characters of a line of code are more than a brace

YOURS = "> *Here the text shows code of %s. In this lab it is yours to write.*"

MAKEFILE = """\
# Stage {stage:d}. "make next" builds what is in mine/ and shows the first station that is open;
# "make next WATCH=1" again whenever a file there changes. Then: make test, make spec, make grade,
# and make diff-02 for what a step before has changed.

STAGE = {stage:02d}
PROG = $(CURDIR)/mine/smtpd
PYTHON ?= python3

next build test spec:
\t@$(MAKE) --no-print-directory -C mine $@

grade: build
\t@$(PYTHON) tests/labs/grade.py $(STAGE) --prog "$(PROG)" $(if $(OUT),--out "$(OUT)")

diff-%:
\t@set -- $(wildcard step*) && old=nothing && mkdir -p build/nothing && old=build/nothing && \\
\tfor step do case $$step in step$*-*) diff -ruN $$old $$step; break;; esac; old=$$step; done; [ $$? -le 1 ]

.PHONY: next build test spec grade
"""

README = """\
# Stage {stage}: {title}

Needed are a C compiler, GNU make and Python 3.8 or newer; the tests fetch pytest if it is not there.

    make next           # builds mine/ and shows the first station that is open
    make next WATCH=1   # the same, again whenever a file in mine/ changes
    make spec           # what this stage asks, station by station
    make test           # all tests
    make grade          # 100 points

Your program begins in `mine/`, with {start}. Read chapter {stage} of [TUTORIAL.md](TUTORIAL.md) beside
it; `mine/STATIONS.md` is a list to tick. In another language: see the first lines of `mine/Makefile`.
"""


# ---- code

def code_lines(paths):
    """The lines of code that say something, without the white space around them."""
    lines = set()
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if len(re.sub(r"\s", "", line)) >= TELLING:
                lines.add(line.strip())
    return lines


def sources(steps):
    return [path for number in steps for path in sorted(lab.step(number).rglob("*.[ch]"))]


def later_lines(stage):
    """Lines of this step and later ones that are in none of the steps before."""
    existing = [number for number in stations.STAGES if lab.step(number)]
    return (code_lines(sources(number for number in existing if number >= stage))
            - code_lines(sources(number for number in existing if number < stage)))


# ---- the text

ALWAYS = ("Contents", "Before you start")
FENCE = re.compile(r"^( *)(`{3,})(.*)$")


def blocks_and_lines(lines):
    """[(is a fenced block, its lines)]"""
    found, block, mark = [], [], None
    for line in lines:
        fence = FENCE.match(line)
        if mark is None and fence:
            block, mark = [line], fence.group(2)
        elif mark is None:
            found.append((False, [line]))
        else:
            block.append(line)
            if fence and fence.group(2) == mark and not fence.group(3).strip():
                found.append((True, block))
                mark = None
    return found


def without_code(lines, secret):
    """The text with those blocks left out in which a line of the code is that is to be written."""
    kept, last = [], None
    for fenced, block in blocks_and_lines(lines):
        if fenced and any(re.sub(r"^[-+ ]", "", line).strip() in secret or line.strip() in secret
                          for line in block):
            name = next(iter(re.findall(r"[\w-]+\.[ch]\b", block[0])), "the solution")
            if last != name:
                kept.append(YOURS % ("`%s`" % name if "." in name else name))
            last = name
        else:
            kept += block
            last = last if block == [""] else None
    return kept


def anchor(title):
    return re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).strip().replace(" ", "-")


def text_up_to(stage, text, secret):
    """The beginning and the chapters up to this one."""
    kept, chapter = [], True
    for fenced, block in blocks_and_lines(text.splitlines()):
        heading = None if fenced else re.match(r"## (.*)$", block[0])
        if heading:
            number = re.match(r"Chapter (\d+)", heading.group(1))
            chapter = int(number.group(1)) <= stage if number else heading.group(1) in ALWAYS
        kept += block if chapter else []
    kept = without_code(kept, secret)
    anchors = {anchor(re.sub("^#+ ", "", line)) for line in kept if re.match("#+ ", line)}
    dead = re.compile(r"\[([^\]]*)\]\(#([^)]*)\)")
    leads = [not re.match(r" *- \[", line) or {found.group(2) for found in dead.finditer(line)} & anchors
             for line in kept]      # an entry of the contents goes with its section; elsewhere only the link
    text = "\n".join(line for line, stays in zip(kept, leads) if stays).rstrip() + "\n"
    return dead.sub(lambda found: found.group(0 if found.group(2) in anchors else 1), text)


# ---- the tests

def stage_of(path):
    return int(path.name[5:7])


def imported(paths):
    """The modules beside the tests that these files import, and what those import."""
    found, wanted = set(), list(paths)
    while wanted:
        for node in ast.walk(ast.parse(wanted.pop().read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                path = TESTS / (name + ".py")
                if path.exists() and path not in found:
                    found.add(path)
                    wanted.append(path)
    return found


def without_later_rows(text, stage):
    """stations.py as it is for this stage: rows and pages of later ones left out."""
    lines, drop = text.splitlines(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.dump(node.func) == ast.dump(ast.Name("station", ast.Load())):
            if isinstance(node.args[0], ast.Constant) and int(node.args[0].value.split(".")[0]) > stage:
                drop.update(range(node.lineno, node.end_lineno + 1))
        if isinstance(node, ast.Dict) and {type(getattr(key, "value", None)) for key in node.keys} == {int}:
            for key, value in zip(node.keys, node.values):
                if key.value > stage:
                    drop.update(range(key.lineno, value.end_lineno + 1))
    return re.sub(r"\n{3,}(    station)", r"\n\n\1",
                  "\n".join(line for number, line in enumerate(lines, 1) if number not in drop)) + "\n"


def points_up_to(text, stage):
    return "\n".join(line for line in text.splitlines() if not re.match(r"\d", line)
                     or int(line.split(".")[0]) <= stage) + "\n"


def copy_tests(stage, target):
    tests = [path for path in TESTS.glob("test_[0-9][0-9]_*.py") if stage_of(path) <= stage
             and not INSIDES.match(path.name)]
    labs = [TESTS / "labs" / name for name in LABS]
    tools = [TESTS / name for name in TOOLS]
    files = {*tests, *tools, *imported(tests + labs + tools[:-1])}
    (target / "labs").mkdir(parents=True)
    for path in files:
        shutil.copy(str(path), str(target))
    for path in labs:
        shutil.copy(str(path), str(target / "labs"))
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    samples = [path for path in (TESTS / "samples").glob("*.eml") if '"%s"' % path.stem in text]
    if samples:
        (target / "samples").mkdir()
    for path in samples:
        shutil.copy(str(path), str(target / "samples"))
    rows = (TESTS / "stations.py").read_text(encoding="utf-8")
    (target / "stations.py").write_text(without_later_rows(rows, stage), encoding="utf-8")
    points = (TESTS / "labs" / "points.txt").read_text(encoding="utf-8")
    (target / "labs" / "points.txt").write_text(points_up_to(points, stage), encoding="utf-8")


# ---- all of it

def make_handout(stage, out):
    if out.exists() and any(out.iterdir()):
        raise lab.Refused("%s is there already, and not empty: nothing is overwritten." % out)
    out.mkdir(parents=True, exist_ok=True)
    for number in range(1, stage):
        shutil.copytree(str(lab.step(number)), str(out / lab.step(number).name))
    lab.make_lab(stage, out / "mine", "..")
    copy_tests(stage, out / "tests")
    text = (REPOSITORY / "TUTORIAL.md").read_text(encoding="utf-8")
    (out / "TUTORIAL.md").write_text(text_up_to(stage, text, later_lines(stage)), encoding="utf-8")
    (out / "Makefile").write_text(MAKEFILE.format(stage=stage))
    start = "what step %d had at its end" % (stage - 1) if stage > 1 else "a main() that does nothing"
    (out / "README.md").write_text(README.format(stage=stage, title=stations.STAGES[stage][0], start=start))
    shutil.copy(str(REPOSITORY / "LICENSE"), str(out))


def main():
    parser = argparse.ArgumentParser(description="What a class gets for a stage.")
    parser.add_argument("stage", type=int, choices=sorted(stations.STAGES))
    parser.add_argument("out", type=lab.named)
    options = parser.parse_args()
    try:
        make_handout(options.stage, options.out)
    except lab.Refused as refused:
        sys.exit(str(refused))
    print("The handout of stage %d is in %s: cd there; make next" % (options.stage, options.out))


if __name__ == "__main__":
    main()
