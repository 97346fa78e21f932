"""TUTORIAL.md shows what the programs do: every fenced block of it is checked, and so are its form, links and tables.

TUTORIAL=path checks another text, or a part of it. tutorial.py has the rules; `python3 tests/repository/tutorial.py` is the same
without pytest.
"""
import os
import shutil
from pathlib import Path

import pytest

import tutorial
from tutorial_blocks import check_block
from tutorial_text import REPOSITORY, Text

PATH = Path(os.environ.get("TUTORIAL", REPOSITORY / "TUTORIAL.md"))
if not PATH.exists() and "TUTORIAL" not in os.environ:
    pytest.skip("there is no TUTORIAL.md", allow_module_level=True)

TEXT = Text(PATH)
CHAPTERS = tutorial.console_chapters(TEXT)


def fail_if(faults):
    __tracebackhide__ = True
    if faults:
        pytest.fail("\n".join(fault.show(TEXT.name) for fault in sorted(faults)), pytrace=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The console blocks of all chapters, running."""
    return tutorial.run_chapters(TEXT, CHAPTERS, tmp_path_factory.mktemp("tutorial"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_commands(chapter, runs):
    """The console blocks of a chapter"""
    faults, skipped, _ = runs[chapter].result()
    fail_if(faults)
    if skipped:
        pytest.skip("; ".join(skipped))


@pytest.mark.parametrize("rule", tutorial.text_rules(TEXT), ids=lambda rule: rule.__name__[len("check_"):])
def test_text(rule):
    fail_if(rule(TEXT))


@pytest.mark.parametrize("block", TEXT.blocks, ids=lambda block: "line-%d-%s" % (block.line, "-".join(block.words[:2]) or "no-rule"))
def test_block(block):
    fail_if(check_block(TEXT, block))
