"""The code that TUTORIAL.md speaks of: its steps, files, functions, diffs, options and reply codes.

What is asked twice is read once. Each function takes the root of the repository, or steps of it.
"""
import ctypes
import functools
import os
import re
import subprocess
from pathlib import Path

from tutorial_text import REPOSITORY

@functools.lru_cache(maxsize=None)
def steps(root):
    return sorted(path for path in root.glob("step[0-9][0-9]-*") if path.is_dir())


def step_named(root, name):
    return next((step for step in steps(root) if step.name == name), None)


def chapter_step(root, chapter):
    return next((step for step in steps(root) if int(step.name[4:6]) == chapter), None)


def program(root, step):
    """A step as it is built; where $SMTPD_BUILD says, if it is one of ours."""
    build = os.environ.get("SMTPD_BUILD", root / "build") if root == REPOSITORY else root / "build"
    return Path(build).resolve() / step.name


@functools.lru_cache(maxsize=None)
def sources(step):
    """{name: path}, as "tls/record/record.c"."""
    return {path.relative_to(step).as_posix(): path for path in sorted(step.rglob("*.[ch]"))}


@functools.lru_cache(maxsize=None)
def names(root):
    """(every name with a parenthesis behind it, every other word) of the steps and the tests, comments left out."""
    paths = [path for step in steps(root) for path in sources(step).values()]
    paths += [path for path in (root / "tests").rglob("*") if path.suffix in (".py", ".c")]
    functions, words = set(), set()
    for path in paths:
        code = path.read_text(encoding="utf-8")
        code = code if path.suffix == ".py" else without_comments(code)
        functions.update(re.findall(r"\b(\w+)\s*\(", code))
        words.update(re.findall(r"\w+", code))
    return functions, words


def is_function(root, name):
    """In our code or tests, or in libc."""
    return name in names(root)[0] or is_in_libc(name)


def is_name(root, name):
    return name in names(root)[1] or is_in_libc(name)


def is_in_libc(name):
    return hasattr(ctypes.CDLL(None), name)


@functools.lru_cache(maxsize=None)
def file_names(root):
    """Every file of the repository, by all ways to write it: "conn.c", "step06-starttls/conn.c"."""
    paths = [path.relative_to(root).parts for step in steps(root) for path in sources(step).values()]
    paths += [path.relative_to(root).parts for path in (root / "tests").rglob("*") if path.is_file()]
    return {"/".join(parts[start:]) for parts in paths for start in range(len(parts))}


@functools.lru_cache(maxsize=None)
def diff_lines(old, new, name, context=3):
    """diff -u of one file of two steps. A file that one of them does not have is an empty one."""
    places = [str(step / name) if step and (step / name).exists() else "/dev/null" for step in (old, new)]
    done = subprocess.run(["diff", "-U%d" % context, *places], stdout=subprocess.PIPE)
    return done.stdout.decode("utf-8").split("\n")[:-1]


@functools.lru_cache(maxsize=None)
def changes(old, new):
    """{name: (lines added, lines removed)} of the files that differ; old is None for step 1."""
    names = {*(sources(old) if old else ()), *sources(new)}
    counts = {name: [line[0] for line in diff_lines(old, new, name)[2:]] for name in sorted(names)}
    return {name: (signs.count("+"), signs.count("-")) for name, signs in counts.items() if signs}


def without_comments(code):
    return re.sub(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/|//[^\n]*', lambda found: found.group(1) or " ", code, flags=re.S)


def public_functions(step):
    """{name: header} of the functions that a step declares in its headers; those that are static inline are not meant."""
    found = {}
    for name, path in sources(step).items():
        if name.endswith(".h"):
            code = re.sub(r"^\s*#.*(?:\\\n.*)*", "", without_comments(path.read_text(encoding="utf-8")), flags=re.M)
            code = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*(?=;)", "", code, flags=re.S)
            while re.search(r"\{[^{}]*\}", code):       # bodies, and what is within structs
                code = re.sub(r"\{[^{}]*\}", "<>", code)
            for statement in re.split(r";|<>", code):
                declared = re.match(r"(?!typedef|static)[\w\s*]*?\b(\w+)\s*\(", statement.strip())
                if declared:
                    found[declared.group(1)] = name
    return found


@functools.lru_cache(maxsize=None)
def options(root, step):
    """{"-l": True}: the options of a step, and whether they want an argument, as its usage text has them."""
    done = subprocess.run([program(root, step), "-?"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return {letter: bool(argument) for letter, argument in re.findall(r"^ +(-[a-zA-Z])( [a-z]+)?  ", done.stdout, re.M)}


@functools.lru_cache(maxsize=None)
def replies(step):
    """{("550", "5.1.1")}: what a step answers, with "" where a reply has no enhanced status code."""
    found = set()
    for path in sources(step).values():
        code = without_comments(path.read_text(encoding="utf-8"))
        found.update(re.findall(r'\b([2-5]\d\d),\s*"([245]\.\d+\.\d+)"', code))
        found.update(re.findall(r'"([2-5]\d\d)[ -](?:([245]\.\d+\.\d+) )?', code))
    return found


@functools.lru_cache(maxsize=None)
def make_targets(root):
    """Regular expressions of the targets in the Makefile: "test-%" is test-[\\w-]+"""
    text = (root / "Makefile").read_text(encoding="utf-8")
    names = re.findall(r"^([a-z][\w%-]*)(?:\s|:)(?!=)", text, re.M)
    return sorted({re.escape(name).replace("%", r"[\w-]+") for name in names})
