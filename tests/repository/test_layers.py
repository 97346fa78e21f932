"""Each layer is needed: the key tests of a stage fail on the step before it.

A test that passes without the layer it is meant for tests something else.
"""
import os
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from conftest import REPOSITORY, program_of_step

TESTS = REPOSITORY / "tests"
STEPS = sorted(int(path.name[4:6]) for path in REPOSITORY.glob("step[0-9][0-9]-*"))

# How a program's fault shows, in contrast to an error in the suite
FAULTS = ("ConversationError", "AssertionError", "assert ", "StartError", "ConnectError", "RowsDiffer", "Failed: ")


def key_tests(step, stage, results):
    """Run the key tests of one stage on a step. Returns {name: what came of it}."""
    environment = {**os.environ, "SMTPD_TEST_TIMEOUT_SCALE": "0.05"}     # many of them wait for what can't come
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-c", str(TESTS / "pytest.ini"), str(TESTS),
               "-m", "key", "--step", str(step), "--stage", str(stage), "--from-stage", str(stage), "--limit", "600",
               "--silent-starts", "1000", "--junitxml", str(results), "--basetemp", str(results) + ".tmp"]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    outcome = {}
    for case in xml.etree.ElementTree.parse(str(results)).iter("testcase"):
        fault = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped") is not None
        outcome[case.get("name")] = "skipped" if skipped else "passed" if fault is None else fault.get("message", "")
    return outcome


@pytest.mark.parametrize("step", [step for step in STEPS if step + 1 in STEPS])
def test_the_key_tests_of_a_stage_fail_on_the_step_before(step, tmp_path):
    if not program_of_step(step):
        pytest.fail("step %d is not built" % step)
    outcome = key_tests(step, step + 1, tmp_path / "results.xml")
    outcome = {name: came for name, came in outcome.items() if came != "skipped"}
    assert len(outcome) >= 3, "stage %d has no key tests" % (step + 1)
    passed = [name for name, came in outcome.items() if came == "passed"]
    assert not passed, "these do not need step %d: %s" % (step + 1, passed)
    errors = {name: came for name, came in outcome.items() if not any(fault in came for fault in FAULTS)}
    assert not errors, "these fail by an error of the suite: %s" % errors
