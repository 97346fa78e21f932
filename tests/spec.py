#!/usr/bin/env python3
"""What a stage asks of a program, station by station: what `make spec-02` prints.

    spec.py 2

It is made of the tests themselves: what each says in its first words. Needs nothing beside Python.
"""
import ast
import sys
import textwrap
from pathlib import Path

import stations

TESTS = Path(__file__).resolve().parent
WIDTH = 100


def is_marked(function, mark):
    """True for @pytest.mark.robust, with or without arguments."""
    marks = [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]
    return any(isinstance(node, ast.Attribute) and node.attr == mark for node in marks)


def own_station(function):
    """The argument of @pytest.mark.station("2.4"), or None."""
    for node in function.decorator_list:
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "station":
            return ast.literal_eval(node.args[0])
    return None


def first_words_of(function):
    """The first paragraph of its text, in one line."""
    return " ".join((ast.get_docstring(function) or "").split("\n\n")[0].split())


def requirements(path):
    """(station, robust, first words, name) of each test in a file."""
    text = path.read_text(encoding="utf-8")
    rows, tree = stations.banners(text), ast.parse(text)
    if any(getattr(node, "attr", "") == "repository" for node in ast.walk(tree)):
        return      # asks nothing of a program
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            number = own_station(function) or stations.station_at(rows, function.lineno)
            yield number, is_marked(function, "robust"), first_words_of(function), function.name


def all_requirements():
    return [row for path in sorted(TESTS.glob("test_[0-9]*.py")) for row in requirements(path)]


def spec(stage):
    """The lines of the page."""
    title, contract = stations.STAGES[stage]
    yield "Stage %d: %s" % (stage, title)
    yield ""
    yield from contract.split("\n")
    if stage > 1:
        yield ""
        yield "And all that `make spec-%02d` says." % (stage - 1)
    asked = all_requirements()
    for row in stations.STATIONS:
        if stations.stage_of(row.number) == stage:
            yield ""
            yield "%s %s" % (row.number, row.title)
            for robust in (False, True):
                lines = list(dict.fromkeys(line for number, hard, line, _ in asked
                                           if (number, hard) == (row.number, robust) and line))
                if robust and lines:
                    yield "  To be fit for strangers:"
                for line in lines:
                    yield from textwrap.wrap(line, WIDTH - 4, initial_indent="  - ",
                                             subsequent_indent="    ")


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit() or int(sys.argv[1]) not in stations.STAGES:
        sys.exit("usage: spec.py STAGE, a number from 1 to %d" % max(stations.STAGES))
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    print("\n".join(spec(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
