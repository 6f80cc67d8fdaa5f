"""docs/reference/tricks.md says what the code does: its tables are the code's, and no trick or metric is missing."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from harness.rollouts.metrics import METRICS
from tests.docs_tables import PAGES, rewritten
from tricks.api import TrickSpec
from tricks.catalog import BUILT_IN_TRICKS
from tricks.conformance import check_trick
from tricks.io.document import PARTS

ROOT = Path(__file__).parent.parent
TRICKS = (ROOT / "docs" / "reference" / "tricks.md").read_text()
SECTIONS = {part.split("\n", 1)[0]: part for part in re.split(r"^### ", TRICKS, flags=re.MULTILINE)[1:]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_tables_are_those_of_the_code(page: Path) -> None:
    assert page.read_text() == rewritten(page.read_text()), f"{page.name} is stale; run `make docs`"


def test_a_block_that_nothing_writes_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        rewritten("<!-- generated: nothing -->\n<!-- end -->")


def test_a_stale_table_is_written_anew() -> None:
    assert "| `rewards` | B numbers | yes |" in rewritten("<!-- generated: parts -->\nold\n<!-- end -->")


def test_every_trick_has_one_section_and_every_section_a_trick() -> None:
    assert sorted(SECTIONS) == sorted(spec.name for spec in BUILT_IN_TRICKS)


@pytest.mark.parametrize("spec", BUILT_IN_TRICKS, ids=lambda spec: spec.name)
def test_a_section_has_formula_table_details_silence_and_metrics(spec) -> None:
    section = SECTIONS[spec.name]
    order = ["\n\n    ", f"<!-- generated: trick {spec.name} -->", "\n1. ", "\n*The ", "\n*Moves* "]
    if spec.name == "leave_one_out_norm":
        order[3] = "\n*Nothing to be silent*"
    if spec.name == "dual_clip":
        order[3] = "\n*Its paper*"
    places = [section.find(part) for part in order]
    assert places == sorted(places)
    assert min(places) > 0


def test_every_metric_that_a_trick_moves_is_logged() -> None:
    lines = [line for line in TRICKS.splitlines() if line.startswith("*Moves*")]
    named = {name for line in lines for name in re.findall(r"`([a-z_]+/[a-z_]+)`", line)}
    assert named <= set(METRICS)


def test_the_example_batch_has_every_part_but_those_that_replace_others() -> None:
    example = json.loads((ROOT / "docs" / "reference" / "rollouts.example.json").read_text())
    assert set(PARTS) - set(example) == {"response_mask", "micro_batch"}


def test_the_example_of_a_new_trick_keeps_the_contract() -> None:
    block = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
    assert block is not None
    module = ModuleType("example")
    sys.modules["example"] = module
    exec(HEADER + dedent(block[1]), module.__dict__)  # the page is ours
    check_trick(TrickSpec("square_root_length", module.SquareRootLength, "nowhere", "from the page"))
    del sys.modules["example"]


HEADER = """
from dataclasses import dataclass
from typing import Annotated
from torch import Tensor
from tricks.batch import Signal
"""
