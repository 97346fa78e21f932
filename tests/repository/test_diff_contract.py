"""The diff between two neighbouring steps is the lesson, with no noise in it.

And a step stands alone: its directory, a C compiler, nothing else.
"""
import posixpath
import re
import shutil
import subprocess

import pytest

from conftest import REPOSITORY

STEPS = sorted(REPOSITORY.glob("step[0-9][0-9]-*"))
PAIRS = [(old, new) for old, new in zip(STEPS, STEPS[1:]) if int(new.name[4:6]) == int(old.name[4:6]) + 1]

REMOVED_SHARE_MAX = 0.10
OLD_LINES_TOUCHED_MAX = 60      # by step 6
FILE_MAX, FUNCTION_MAX, COLUMNS_MAX = 300, 60, 80
MOVED_LINES = 4                 # that many lines in a row which go here and come there were moved


def name_of(value):
    return "-".join(step.name[:6] for step in value) if isinstance(value, tuple) else getattr(value, "name", str(value))


each_pair = pytest.mark.parametrize("pair", PAIRS, ids=name_of)
each_step = pytest.mark.parametrize("step", STEPS, ids=name_of)


def sources(step):
    """{name: path} of the files of a step."""
    return {str(path.relative_to(step)): path for path in sorted(step.rglob("*")) if path.is_file()}


def diff(old, new):
    """(lines that go, lines that come) between two files; None is an empty one."""
    paths = [str(path) if path else "/dev/null" for path in (old, new)]
    out = subprocess.run(["diff", *paths], stdout=subprocess.PIPE).stdout.decode("utf-8", "replace").splitlines()
    return [line[2:] for line in out if line.startswith("<")], [line[2:] for line in out if line.startswith(">")]


def diffs(pair):
    """{name: (lines that go, lines that come)} of all files of two steps."""
    old, new = map(sources, pair)
    return {name: diff(old.get(name), new.get(name)) for name in sorted({*old, *new})}


def without_comments(text):
    """C source, with a space for each comment; what looks like one within a string stays."""
    literal = r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    return re.sub(literal + r"|/\*.*?\*/|//[^\n]*", lambda found: found.group(1) or " ", text, flags=re.S)


# ---- two neighbours

@each_pair
def test_a_file_keeps_its_name(pair):
    gone = set(sources(pair[0])) - set(sources(pair[1]))
    assert not gone, gone


@pytest.mark.parametrize("pair", PAIRS[1:], ids=name_of)
def test_old_lines_stay(pair):
    """At most a tenth of the lines that a step touches are old lines that go away or change. Step 2 replaces the echo."""
    changes = diffs(pair)
    gone = sum(len(removed) for removed, _ in changes.values())
    touched = sum(len(removed) + len(added) for removed, added in changes.values())
    assert gone <= REMOVED_SHARE_MAX * touched, "%d of %d; by file: %s" % (
        gone, touched, {name: len(removed) for name, (removed, _) in changes.items() if removed})


def test_tls_hardly_touches_what_was_there():
    for pair in PAIRS:
        if pair[1].name.startswith("step06"):
            old = sources(pair[0])
            touched = {name: max(map(len, change)) for name, change in diffs(pair).items() if name in old and any(change)}
            assert sum(touched.values()) <= OLD_LINES_TOUCHED_MAX, touched


@each_pair
def test_no_reformatting_and_no_idle_comments(pair):
    """A file whose code is the same, blanks and comments aside, is the same to the byte."""
    old, new = map(sources, pair)

    def code(path):
        return re.sub(r"\s", "", without_comments(path.read_text()))

    changed = [name for name in old if name in new and old[name].read_bytes() != new[name].read_bytes()]
    idle = [name for name in changed if code(old[name]) == code(new[name])]
    assert not idle, idle


@each_pair
def test_nothing_is_moved(pair):
    """Lines that go away do not come back elsewhere, with other blanks or not."""
    changes = diffs(pair)
    come = "\n".join(" ".join(line.split()) for _, added in changes.values() for line in added)
    moved = []
    for name, (removed, _) in changes.items():
        lines = [" ".join(line.split()) for line in removed]
        for at in range(len(lines) - MOVED_LINES + 1):
            block = lines[at:at + MOVED_LINES]
            if all(len(line) > 3 and not line.startswith("#include") for line in block) and "\n".join(block) in come:
                moved.append("%s: %s" % (name, block[0]))
    assert not moved, "\n".join(["these lines go and come again:"] + moved)


# ---- each one alone

@each_step
def test_nothing_but_c(step):
    """No generated file, no program, no build file: what is in the directory is what is to be read."""
    others = [name for name in sources(step) if not re.fullmatch(r"(tls/[a-z]+/)?[a-z0-9_]+\.[ch]", name)]
    assert not others, others


@each_step
def test_nothing_is_included_from_outside(step):
    files = sources(step)
    for name, path in files.items():
        directory = name[:name.rfind("/") + 1]
        for included in re.findall(r'^\s*#\s*include\s+"([^"]*)"', path.read_text(), re.M):
            assert posixpath.normpath(directory + included) in files, "%s includes %s" % (name, included)


@each_step
def test_it_compiles_alone(step, tmp_path):
    """In a copy of the directory, and the compiler has nothing to say. (The Makefile links the same files; with all warnings
    they are compiled by make check.)"""
    copy, command = tmp_path / "alone", "cc -fsyntax-only *.c"
    shutil.copytree(str(step), str(copy))
    if (copy / "tls").is_dir():
        command += " tls/*/*.c"
    done = subprocess.run(command, shell=True, cwd=str(copy), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    assert done.returncode == 0 and done.stdout == "", done.stdout


@each_step
def test_a_file_is_read_in_one_sitting(step):
    """At most 300 lines of code (no blanks, no comments), 80 columns, no tabs, and an end of line at the end"""
    for name, path in sources(step).items():
        text = path.read_text()
        code = [line for line in without_comments(text).splitlines() if line.strip()]
        assert len(code) <= FILE_MAX, "%s has %d lines of code" % (name, len(code))
        wrong = [line for line in text.splitlines() if len(line) > COLUMNS_MAX or "\t" in line or line != line.rstrip()]
        assert not wrong, "%s: %s" % (name, wrong[0])
        assert text.endswith("\n") and not text.endswith("\n\n"), name


@each_step
def test_a_function_fits_a_screen(step):
    """At most 60 lines, from its name to its closing brace"""
    for name, path in sources(step).items():
        for found in re.finditer(r"^[a-z][^;={}]*\([^;{}]*\)\s*\n\{\n.*?^\}", path.read_text(), re.M | re.S):
            lines = found.group().count("\n") + 1
            assert lines <= FUNCTION_MAX, "%s: %s... has %d lines" % (name, found.group().splitlines()[0], lines)
