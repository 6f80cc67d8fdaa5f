from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.experiment import load_config
from harness.data.cache import Tier
from harness.data.catalog import DataError
from harness.data.tiers import save_custom_tier
from harness.evaluation.pass_rates import read_pool
from harness.tracking.store import Store
from sweeps.launch.ready import read_data
from sweeps.plan.plan import PlannedRun
from tests.sweeps.drivers import here

GRID = """
question: Does a sweep say what data it lacks?
metric: final/accuracy
feeds: [study]
axes: {norm: {none: []}}
baseline: {norm: none}
seeds: [0, 1]
overrides: [data=math_easy, "eval.benchmarks=[aime24]", eval.problems=1]
"""


def planned(*overrides: str, seed: int = 0) -> PlannedRun:
    config = replace(load_config(*overrides), seed=seed)
    return PlannedRun(config.run_id(), config.cell_id(), "study", "laptop", {}, config, {}, 1.0)


def a_tier(path: Path) -> tuple[str, ...]:
    drawn: Tier = read_pool("arithmetic_easy", 5)
    save_custom_tier(path, drawn.problems[:3], "the first three", drawn.card)
    return "data.source=file", "data.difficulties=[]", f"data.path={path}"


def test_the_card_of_each_tier_comes_once(tmp_path: Path) -> None:
    one, other = a_tier(tmp_path / "one.jsonl"), a_tier(tmp_path / "other.jsonl")
    runs = [planned(*overrides, seed=seed) for overrides in (one, other) for seed in (0, 1)]
    cards = read_data([*runs, planned()])
    assert [card.partition(":")[0] for card in cards] == ["one", "other"]


def test_a_tier_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    overrides = a_tier(tmp_path / "one.jsonl")
    (tmp_path / "one.jsonl").unlink()
    with pytest.raises(DataError, match=r"one\.jsonl: cannot be read"):
        read_data([planned(*overrides)])


def test_a_sweep_without_its_data_ends_before_it_begins(tmp_path: Path, store: Store) -> None:
    (tmp_path / "study.yaml").write_text(GRID)
    code, said = here(
        "run", f"grid={tmp_path / 'study.yaml'}", f"results={tmp_path / 'results'}", DATA_DIR=str(tmp_path / "nowhere")
    )
    assert (code, "Traceback" in said) == (2, False)
    assert "no such folder" in said
    assert not list((tmp_path / "results" / "runs").glob("study.*-s*"))
    assert not store.statuses("study")
