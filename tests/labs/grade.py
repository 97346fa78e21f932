#!/usr/bin/env python3
"""Give marks: 100 points for a stage, what `make grade-02 PROG=... [OUT=dir] [HIDDEN=dir]` calls.

    grade.py 2 --prog ./mine                    a table on standard output
    grade.py 2 --prog ./mine --out marks        and marks/results.json (Gradescope), junit.xml, table.txt
    grade.py 2 --prog ./mine --hidden secret    with tests of your own, of which only name and marks are shown

points.txt says what a station is worth. Earlier stages are run too, and shown without points. The exit
status is 0 whatever the marks; it is 2 where no marks can be given, because of a fault in points.txt, say.
"""
import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import runner
import stations
from limits import Fault
from place import Place

POINTS = Path(__file__).resolve().parent / "points.txt"
OUTPUT_MAX = 4096       # octets of what is told of a test
HANGS_MAX = 40          # so many tests may run into the limit of time before the rest is given up
RUN_SECONDS = 7200      # the limit of time for all of them: a machine however slow gets there
RETRY_SECONDS = 180
RETRY_SCALE = 3
USUAL_SPEED = 0.25      # seconds that three starts of Python take where nothing else goes on
SCALE_MAX = 10


# ---- what a station is worth

def read_points(path=POINTS):
    """{(station, robust): points}, and what hidden tests of no station are worth."""
    points, hidden = {}, 0.0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#")[0].split()
        try:
            if words[:1] == ["hidden"]:
                hidden = float(words[1])
            elif words:
                stations.find(words[0])
                points[words[0], False], points[words[0], True] = map(float, words[1:])
        except (ValueError, IndexError):
            raise Fault("%s, line %d: not a station and its two numbers: %s"
                               % (path, number, line)) from None
    for stage in sorted({stations.stage_of(station) for station, _ in points}):
        total = sum(value for (station, _), value in points.items() if stations.stage_of(station) == stage)
        if abs(total - 100) > 1e-6:
            raise Fault("%s: stage %d comes to %g points, not to 100" % (path, stage, total))
    return points, hidden


class Mark:
    """One test with all its rows: how much of it is right, and what that is worth."""

    def __init__(self, rows):
        first = rows[0]
        self.rows, self.name, self.station, self.stage = rows, first.function, first.station, first.stage
        self.robust, self.hidden = first.robust, first.hidden
        parts = [row.part for row in rows if row.part is not None]
        self.part = sum(parts) / len(parts) if parts else None      # None: it can't be run here
        self.score = self.max_score = 0.0

    @property
    def group(self):
        return ("hidden" if self.hidden and not self.station else self.station), self.robust

    @property
    def status(self):
        return "not run here" if self.part is None else "passed" if self.part == 1 else "failed"


def marks_of(results):
    groups = {}
    for result in results:
        groups.setdefault((result.function, result.hidden, result.station, result.robust), []).append(result)
    return [Mark(rows) for rows in groups.values()]


def give_points(marks, stage, points, hidden):
    """Set score and max_score of the marks of this stage; they come to 100, to the hundredth."""
    groups = {}
    for mark in marks:
        if mark.stage == stage and mark.part is not None:
            groups.setdefault(mark.group, []).append(mark)
    worth = {group: points.get(group, 0.0) for group in groups}
    extra = {group: hidden for group in groups if group[0] == "hidden"}
    share = 100 - (hidden if extra else 0)
    total = sum(worth.values())
    given = before = 0.0
    for group in groups:
        value = hidden / len(extra) if group in extra else worth[group] * share / total if total else 0.0
        for mark in groups[group]:
            given += value / len(groups[group])
            mark.max_score = round(round(given, 2) - round(before, 2), 2)
            mark.score = round(mark.max_score * mark.part, 2)
            before = given


# ---- running

def slowness():
    """How much more time is to be given: how much slower than usual this machine is now, 1 or more, and what
    SMTPD_TEST_TIMEOUT_SCALE says."""
    def seconds():
        began = time.monotonic()
        for _ in range(3):
            subprocess.call([sys.executable, "-S", "-E", "-c", "sum(range(10 ** 6))"])
        return time.monotonic() - began
    return min(SCALE_MAX, max(1.0, min(seconds() for _ in range(2)) / USUAL_SPEED)) * runner.TIMEOUT_SCALE


class Patience:
    """Counts the tests that ran into the limit of time: the same number on each machine."""

    def __init__(self, scale):
        self.seconds, self.hangs = 10 * scale * 0.95, 0

    def __call__(self, result):
        self.hangs += result.outcome == "failed" and result.seconds > self.seconds
        return self.hangs < HANGS_MAX


def run_once(place, stage, scale, tls=False):
    """All tests; then what failed once more, with more time: only what fails twice has failed."""
    suite = runner.Suite(place, stage, scale=scale, seconds=RUN_SECONDS, tls=tls)
    patience = Patience(scale)
    suite.run(patience)
    if patience.hangs >= HANGS_MAX:
        suite.notes.append("%d tests ran into the limit of time, and the rest was not run: it has failed."
                           % patience.hangs)
    failed = [result for result in suite.results if result.outcome == "failed"]
    if failed:
        again = runner.Suite(place, stage, names=sorted({result.name for result in failed}),
                             scale=scale * RETRY_SCALE,
                             seconds=RETRY_SECONDS * scale, tls=tls)
        take_the_better(failed, again.run())
    return suite.results, suite.notes


def take_the_better(failed, again):
    second = {(result.name, result.hidden): result for result in again}
    for result in failed:
        other = second.get((result.name, result.hidden))
        if other and (other.part or 0) > result.part:
            result.outcome, result.part = other.outcome, other.part
            result.text, result.said = other.text, other.said


def run_all(options):
    """(results, notes). A program that can't be tested has no results, and a note that says why."""
    try:
        with Place(options.prog, options.hidden) as place:
            scale = slowness()
            fatal, noted = runner.Probe(place, options.stage, scale).result()
            notes = place.notes + noted
            if fatal:
                return [], notes + fatal
            results, more = run_once(place, options.stage, scale)
            notes += more
            if options.stage == 6:
                inside, more = run_once(place, 6, scale, tls=True)
                for result in inside:
                    result.name = "inside TLS: " + result.name
                    result.stage = min(result.stage, 5)
                results, notes = results + inside, notes + more
            return results, notes
    except Fault as fault:
        if options.hidden and not Path(options.hidden).is_dir():
            raise
        return [], [str(fault)]


# ---- what is shown

def output_of(mark):
    """What is told of a test: of each row that failed, at most 4 KB in all. Nothing of a hidden one."""
    if mark.hidden:
        return ""
    texts = [mark.rows[0].asked]
    for row in mark.rows:
        if row.outcome in ("failed", "not run"):
            text = "\n".join(row.said + [row.text.strip()]).strip() or "It was not run."
            texts.append("%s\n%s" % (row.name, text))
        elif row.outcome == "skipped":
            texts.append("%s\nIt can't be run here: %s" % (row.name, row.text))
    return cut("\n\n".join(texts))


def cut(text):
    data = text.encode("utf-8", "replace")
    if len(data) <= OUTPUT_MAX:
        return text
    return data[:OUTPUT_MAX - 20].decode("utf-8", "ignore") + "\n(cut)"


def total_of(marks):
    return round(sum(mark.score for mark in marks), 2)


def title_of(group):
    number, robust = group
    title = "hidden tests" if number == "hidden" else "%s %s" % (number, stations.find(number).title)
    return title + (", fit for strangers" if robust else "")


def table(marks, notes, options):
    """Lines for people."""
    yield "Stage %d, %s: %s" % (options.stage, stations.STAGES[options.stage][0], options.prog)
    for note in notes:
        yield "  note: " + note.replace("\n", "\n        ")
    yield ""
    groups = {}
    for mark in marks:
        groups.setdefault((mark.stage != options.stage, mark.group), []).append(mark)
    for (earlier, group), those in groups.items():
        right, run = sum(mark.part == 1 for mark in those), sum(mark.part is not None for mark in those)
        worth = "%6.2f of %6.2f" % (total_of(those), sum(mark.max_score for mark in those))
        yield "%-64s %3d of %3d tests  %s" % (title_of(group), right, run, "no points" if earlier else worth)
        if run < len(those):
            yield "    - %d more can't be run here, and cost no points" % (len(those) - run)
        yield from lost(those)
    yield ""
    yield "%-64s %16s  %6.2f of 100" % ("total", "", total_of(marks))


def lost(marks):
    """What is missing, a line for each test."""
    for mark in marks:
        if mark.part is None or mark.part == 1:
            continue
        right, rows = sum(row.part or 0 for row in mark.rows), sum(row.part is not None for row in mark.rows)
        yield "    - %s%s%s" % (mark.name, ": %g of %d rows" % (round(right, 2), rows) if rows > 1 else "",
                                "" if not mark.max_score else ", %.2f of %.2f" % (mark.score, mark.max_score))
        said = [sentence for row in mark.rows for sentence in row.said]
        if said and not mark.hidden:
            yield "        " + said[0].split("\n")[0]


def gradescope(marks, notes, options):
    tests = [{"name": ("%s %s" % (mark.station or "", mark.name)).strip(), "score": mark.score,
              "max_score": mark.max_score,
              "output": output_of(mark), "visibility": "visible",
              "status": "failed" if mark.status == "failed" else "passed"} for mark in marks]
    if not marks:
        tests = [{"name": "stage %d" % options.stage, "score": 0, "max_score": 100,
                  "output": cut("\n".join(notes)),
                  "visibility": "visible", "status": "failed"}]
    return {"score": total_of(marks), "output": cut("\n".join(table(marks, notes, options))),
            "visibility": "visible", "tests": tests}


def junit(marks, notes, options):
    """One testsuite for each stage, in one file."""
    root = ElementTree.Element("testsuites", name="smtpd")
    for stage in sorted({mark.stage for mark in marks}) or [options.stage]:
        cases = [(mark, row) for mark in marks if mark.stage == stage for row in mark.rows]
        failed = [row for _, row in cases if row.outcome in ("failed", "not run")]
        suite = ElementTree.SubElement(root, "testsuite", name="stage %d" % stage,
                                       tests=str(len(cases) or 1), errors="0",
                                       failures=str(len(failed) if cases else 1),
                                       skipped=str(sum(row.outcome == "skipped" for _, row in cases)))
        for mark, row in cases:
            case = ElementTree.SubElement(suite, "testcase", classname=mark.station or "hidden",
                                          name=row.name, time="%.3f" % row.seconds)
            if row.outcome in ("failed", "not run"):
                failure = ElementTree.SubElement(case, "failure", message="" if mark.hidden else row.asked)
                failure.text = "" if mark.hidden else cut("\n".join(row.said + [row.text]))
            elif row.outcome == "skipped":
                ElementTree.SubElement(case, "skipped", message="" if mark.hidden else row.text)
        if not cases:
            case = ElementTree.SubElement(suite, "testcase", classname="start", name="it starts")
            ElementTree.SubElement(case, "failure", message="it does not start").text = cut("\n".join(notes))
    return ElementTree.ElementTree(root)


def main():
    parser = argparse.ArgumentParser(description="100 points for a stage.")
    parser.add_argument("stage", type=int, choices=sorted(stations.STAGES))
    parser.add_argument("--prog", default="", help="the program, or the command that starts it")
    parser.add_argument("--out", type=Path, help="a directory for results.json, junit.xml and table.txt")
    parser.add_argument("--hidden", type=Path,
                        help="a directory of tests of which only name and marks are shown")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        points, hidden = read_points()
        results, notes = run_all(options)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 2
    marks = marks_of(results)
    give_points(marks, options.stage, points, hidden)
    lines = "\n".join(table(marks, notes, options))
    print(lines)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.txt").write_text(lines + "\n", encoding="utf-8")
        (options.out / "results.json").write_text(json.dumps(gradescope(marks, notes, options), indent=1),
                                                  encoding="utf-8")
        junit(marks, notes, options).write(str(options.out / "junit.xml"), encoding="utf-8",
                                           xml_declaration=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
