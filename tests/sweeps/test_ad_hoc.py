"""Grids from the words of the command line: names, axes, baselines, what is refused, and one that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.__main__ import main as analysis
from harness.common.schema import SchemaError
from harness.tracking.store import Store
from liteppo.program import main
from sweeps.grid.ad_hoc import build_ad_hoc_grid
from sweeps.grid.grid import read_grid
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import write

SMALL = ("steps=1", "rollout.prompts_per_batch=4", "rollout.group_size=2", "eval.problems=2", "eval.samples=1")
AXES = ("preset=grpo,liteppo", "optim.lr=3e-4,1e-3")
WRITTEN = """
question: The same, written.
metric: final/accuracy
feeds: [study]
axes:
  preset:
    grpo: [preset=grpo]
    liteppo: [preset=liteppo]
  lr:
    "0.0003": [optim.lr=3e-4]
    "0.001": [optim.lr=1e-3]
baseline: {preset: grpo, lr: "0.0003"}
seeds: [0, 1]
overrides: [steps=1, rollout.prompts_per_batch=4, rollout.group_size=2, eval.problems=2, eval.samples=1]
"""


def plan_of(grid):
    return make_plan(grid, False, (), (), {})


def test_words_with_several_values_are_axes_and_their_first_values_the_baseline() -> None:
    grid = build_ad_hoc_grid((*AXES, "steps=8"), seeds=(0, 1))
    assert {axis: list(labels) for axis, labels in grid.axes.items()} == {
        "preset": ["grpo", "liteppo"],
        "lr": ["0.0003", "0.001"],
    }
    assert (grid.baseline, grid.overrides, grid.seeds) == ({"preset": "grpo", "lr": "0.0003"}, ("steps=8",), (0, 1))
    assert build_ad_hoc_grid(AXES).seeds == (0, 1, 2, 3, 4, 5)


def test_runs_are_those_of_the_same_grid_in_a_file(tmp_path: Path) -> None:
    here, there = build_ad_hoc_grid((*AXES, *SMALL), seeds=(0, 1)), read_grid(write(tmp_path, WRITTEN))
    assert [run.run_id for run in plan_of(here).runs] == [run.run_id for run in plan_of(there).runs]


def test_a_name_is_the_same_for_the_same_words() -> None:
    assert build_ad_hoc_grid((*AXES, "steps=8")).name == "adhoc_preset_lr_c698f61e"  # on disk: it never changes
    same = [("steps=8", *AXES), (AXES[0], "steps=8", "optim.lr=0.0003,1e-3")]
    assert {build_ad_hoc_grid(words).name for words in same} == {"adhoc_preset_lr_c698f61e"}
    other = [AXES, (*AXES, "steps=9"), ("preset=liteppo,grpo", AXES[1], "steps=8")]
    assert len({build_ad_hoc_grid(words).name for words in other} | {"adhoc_preset_lr_c698f61e"}) == 4


@pytest.mark.parametrize(
    ("word", "axis", "labels"),
    [
        ("tricks.group_norm=null,{}", "group_norm", ["off", "on"]),
        ("+tricks.clip_higher.clip_ratio_high=0.28,0.3", "clip_ratio_high", ["0.28", "0.3"]),
        ("data=arithmetic_easy,arithmetic_hard", "data", ["arithmetic_easy", "arithmetic_hard"]),
        ("steps=range(1,4)", "steps", ["1", "2", "3"]),
        ("data.difficulties=[easy],[easy,hard]", "difficulties", ["easy", "easy_hard"]),
        ("model.path=builtin:small_base,/a b/c", "path", ["builtin:small_base", "a_b_c"]),
    ],
)
def test_axes_and_labels_are_short_and_clear(word: str, axis: str, labels: list[str]) -> None:
    grid = build_ad_hoc_grid((word.replace("/a b/c", "'/a b/c'"),))
    assert {axis: list(known) for axis, known in grid.axes.items()} == {axis: labels}


def test_axes_that_end_alike_keep_their_whole_keys() -> None:
    grid = build_ad_hoc_grid(("eval.temperature=0.5,1", "rollout.temperature=0.9,1", "optim.lr=1e-4,1e-3"))
    assert list(grid.axes) == ["eval_temperature", "rollout_temperature", "lr"]


def test_twins_and_power_are_those_of_a_written_grid() -> None:
    plan = plan_of(build_ad_hoc_grid(("tricks.group_norm={},null", "reward=zero_one,plus_minus_one", *SMALL)))
    assert plan.promise is not None
    assert [[cell.labels for cell in twins.cells] for twins in plan.twins] == [
        [
            {"group_norm": "on", "reward": "zero_one"},
            {"group_norm": "on", "reward": "plus_minus_one"},
        ]
    ]


def test_a_profile_of_all_grids_holds_for_it() -> None:
    grid = build_ad_hoc_grid(AXES, "cpu_engines")
    assert grid.profile == "cpu_engines"
    assert any(word.startswith("backend=") for word in grid.overrides)
    with pytest.raises(SchemaError, match=r"command line: profiles\.gpu_small: derives from the profile 'gpu', which"):
        build_ad_hoc_grid(AXES, "gpu_small")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("steps=3",),
            "steps=3: no axis; give a setting several values, as in preset=grpo,liteppo, or start one run: lit",
        ),
        (("gird=a,b",), "gird: no such argument; did you mean 'grid'?"),
        (("optm.lr=1e-4,1e-3",), "optm: no such argument; did you mean 'optim'?"),
        (("preset=grpo,liteppo", "steps"), "steps: write a setting as NAME=VALUE"),
        (("optim.lr=1e-4,1e-3", "optim.lr=1e-5"), "optim.lr: given twice; keep one, with all values"),
        (("optim.lr=1e-4,0.0001",), "optim.lr: the value 0.0001 appears twice; leave one out"),
        (("optim.lr=interval(1,2)",), "optim.lr=interval(1,2): an axis has values that can be listed"),
        (("seed=0,1",), "command line: axes.seed.0: seed=0: the grid's seeds replace a seed set here"),
    ],
)
def test_a_wrong_word_is_named(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        build_ad_hoc_grid(words, options=("grid", "profile"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "preset=grpo,lightppo",
            "command line: axes.preset.lightppo: unknown preset 'lightppo'; did you mean 'liteppo'?",
        ),
        ("optim.lr=1e-4,fast", "command line: axes.lr.fast: optim.lr: input should be a valid number, got 'fast'"),
    ],
)
def test_a_wrong_value_is_named_with_its_axis(word: str, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        plan_of(build_ad_hoc_grid((word,)))
    assert str(caught.value) == message


def test_a_sweep_of_words_is_recorded_resumed_and_tabled(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAUNCH", "inline")
    line = ["sweep", "preset=grpo,liteppo", *SMALL, f"results={results}"]
    assert main([*line, "seeds=0"]) == 0
    (study,) = Store.open(results).studies()
    assert study.baseline == {"preset": "grpo"}
    assert study.question.startswith("What does preset change? `liteppo sweep preset=grpo,liteppo steps=1 ")
    capsys.readouterr()
    assert main([*line, "seeds=0"]) == 0
    assert "nothing to run: every planned run is finished" in capsys.readouterr().out
    assert main(["plan", *line[1:], "seeds=0,1"]) == 0
    assert "finished 2" in capsys.readouterr().out
    assert analysis(["tables", f"grid={study.name}", f"results={results}"]) == 0
    table = (results / "tables" / f"{study.name}.laptop.md").read_text()
    assert "Made by `liteppo sweep preset=grpo,liteppo steps=1 " in table
    assert "| liteppo " in table
