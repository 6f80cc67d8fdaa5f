"""What a config says of a trick reaches the dialect as written, by every way in, and out of its record again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from harness.common.schema import build_dataclass
from harness.config.compose import compose_config, compose_fast
from harness.config.experiment import ExperimentConfig, check_config, load_config
from harness.training.run import RunSpec
from sweeps.grid.cells import compose_cells, select_cells
from tests.sweeps.grids import PLAIN, grid
from tricks.api import TrickError
from tricks.dialects.build import build_rule
from tricks.io.apply import read_options

AREAL = ("preset=dapo", "emulate=areal")
WAYS = [
    ("tricks.group_norm.eps=1e-6",),
    ("+tricks.group_norm={eps: 1e-6}",),
    ("++tricks.group_norm.eps=0.000001",),
    ("++tricks={group_norm: {eps: 1e-6}}",),
    ("tricks.group_norm={}", "tricks.group_norm.eps=1e-6"),
    ("tricks.group_norm.eps=1e-3", "tricks.group_norm.eps=1e-6"),
]


def eps(config: ExperimentConfig) -> float:
    found: float = config.update_rule().tricks["group_norm"].eps
    return found


@pytest.mark.parametrize("way", WAYS)
def test_a_default_that_is_written_reaches_the_dialect(way):
    assert eps(load_config(*AREAL)) == 1e-5
    assert eps(load_config(*AREAL, *way)) == 1e-6
    assert eps(check_config(compose_fast((*AREAL, *way)))) == 1e-6


def test_null_is_a_value_that_is_written():
    given = ("preset=grpo", "emulate=verl", "tricks.clip.dual_clip=null")
    for composed in (compose_config(given), compose_fast(given)):
        with pytest.raises(
            TrickError, match=r"^clip\.dual_clip: verl always has one .*, got null; leave dual_clip out"
        ):
            check_config(composed)


@pytest.mark.parametrize("way", [(), *WAYS])
def test_a_record_makes_the_same_rule_again(way):
    config = load_config(*AREAL, *way)
    recorded = RunSpec("tests", "laptop", {}, config, {}).head().config
    again: ExperimentConfig = build_dataclass(ExperimentConfig, json.loads(json.dumps(recorded)))
    assert again.run_id() == config.run_id()
    assert again.update_rule().settings() == config.update_rule().settings()
    assert check_config(asdict(config)).cell_id() == config.cell_id()


def test_a_cell_id_changes_with_what_is_computed_alone():
    ours = load_config("preset=dapo")
    assert load_config("preset=dapo", "tricks.group_norm.eps=1e-6").cell_id() == ours.cell_id()
    plain = load_config(*AREAL)
    assert load_config(*AREAL, "tricks.group_norm.eps=1e-5").cell_id() == plain.cell_id()
    assert load_config(*AREAL, "tricks.group_norm={}").cell_id() == plain.cell_id()
    assert load_config(*AREAL, "tricks.group_norm.eps=1e-6").cell_id() != plain.cell_id()


def test_a_dialect_that_is_changed_later_hears_what_was_written():
    config = load_config("preset=grpo", "tricks.group_norm.eps=1e-6")
    with pytest.raises(TrickError, match=r"^group_norm\.eps: trl fixes 0\.0001 .*, got 1e-06; leave eps out"):
        replace(config, emulate="trl").update_rule()


def test_arms_of_a_grid_are_told_apart_by_a_default_that_is_written(tmp_path):
    arms = {"own": "", "same": '"tricks.group_norm.eps=1e-5"', "ours": '"tricks.group_norm.eps=1e-6"'}
    arms["refused"] = '"tricks.group_norm.precision=single"'
    head, _, tail = PLAIN.partition("axes:")
    lines = "".join(f"    {label}: [{way}]\n" for label, way in arms.items())
    text = f"{head}overrides: [preset=dapo, emulate=areal]\naxes:\n  eps:\n{lines}{tail[tail.index('baseline') :]}"
    found = grid(tmp_path, text.replace("{norm: none}", "{eps: own}"))
    composed = compose_cells(found, select_cells(found, full=True).cells)
    own, same, ours = (cell.cell_id for cell in composed.cells)
    assert own == same != ours
    assert [refused.because.split(":")[0] for refused in composed.refused] == ["group_norm.precision"]


def test_the_words_of_apply_are_as_written():
    words = ("tricks.group_norm.eps=1e-6",)
    options, setup = read_options("dapo", "areal", tricks=words), load_config("preset=dapo").setup()
    rule = build_rule(options.preset, options.tricks, options.emulate, setup)
    assert rule.tricks["group_norm"].eps == 1e-6
