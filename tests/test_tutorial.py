"""TUTORIAL.md shows what the programs do: every fenced block of it is checked, and so are its form, links and tables.

TUTORIAL=path checks another text, or a part of it. tutorial.py has the rules; `python3 tests/tutorial.py` is the same
without pytest.
"""
import os
from pathlib import Path

import pytest

import tutorial
from tutorial_text import REPOSITORY, Text

pytestmark = pytest.mark.repository

PATH = Path(os.environ.get("TUTORIAL", REPOSITORY / "TUTORIAL.md"))
TEXT = Text(PATH) if PATH.exists() else None
CHAPTERS = tutorial.console_chapters(TEXT) if TEXT else {}

needs_text = pytest.mark.skipif(TEXT is None, reason="there is no %s yet" % PATH)


def fail_if(faults):
    __tracebackhide__ = True
    if faults:
        pytest.fail("\n".join(fault.show(TEXT.name) for fault in sorted(faults)), pytrace=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The console blocks of all chapters, running."""
    return tutorial.run_chapters(TEXT, CHAPTERS, tmp_path_factory.mktemp("tutorial"))


@needs_text
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_commands(chapter, runs):
    """The console blocks of a chapter"""
    faults, skipped, _ = runs[chapter].result()
    fail_if(faults)
    if skipped:
        pytest.skip("; ".join(skipped))


@needs_text
@pytest.mark.parametrize("rule", tutorial.text_rules(TEXT) if TEXT else [], ids=lambda rule: rule.__name__[len("check_"):])
def test_text(rule):
    fail_if(rule(TEXT))


@needs_text
@pytest.mark.parametrize("block", TEXT.blocks if TEXT else [], ids=lambda block: "line-%d-%s" % (block.line, "-".join(block.words[:2]) or "no-rule"))
def test_block(block):
    fail_if(tutorial.check_block(TEXT, block))
