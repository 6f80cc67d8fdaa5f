"""The options of a sweep and of a tuning: how text is read, and the line that resumes."""

import shlex
from pathlib import Path

import pytest

from harness.common.schema import SchemaError
from sweeps.options import SweepOptions, TuneOptions, read_effect, read_seeds, read_tune_options, read_twins
from tests.liteppo.calls import params, sweep_options

EFFECT = "write a difference above zero in the metric's unit, such as effect=0.03"
SEEDS = "write different whole numbers separated by commas, such as seeds=0,1 or 0-5"


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_seeds, "0,0", f"seeds=0,0: {SEEDS}"),
        (read_seeds, "a", f"seeds=a: {SEEDS}"),
        (read_twins, "one", "twins=one: write twins=keep or twins=once"),
        (read_effect, "much", f"effect=much: {EFFECT}"),
        (read_effect, "0", f"effect=0: {EFFECT}"),
        (read_effect, "nan", f"effect=nan: {EFFECT}"),
        (read_effect, "inf", f"effect=inf: {EFFECT}"),
    ],
)
def test_a_wrong_value_is_refused_with_the_way_out(read, text, message):
    with pytest.raises(SchemaError) as caught:
        read(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("seeds", ["3-1", "0-2,1", "0,", "1-", "-1", "0-9999999999"])
def test_a_range_of_seeds_that_is_none_is_refused(seeds):
    with pytest.raises(SchemaError, match="write different whole numbers separated by commas"):
        read_seeds(seeds)


def test_a_range_of_seeds_holds_both_ends():
    assert read_seeds("0-3,7") == (0, 1, 2, 3, 7)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"grid": "smoke", "seeds": (3,)}, "make sweep GRID=smoke PROFILE=laptop SEEDS=3"),
        ({"full": True, "twins": "once"}, "make sweep GRID=smoke PROFILE=laptop FULL=1 TWINS=once"),
        ({"results": Path("out")}, "liteppo sweep smoke --profile laptop --results out"),
        (
            {"grid": "a b.yaml", "full": True, "seeds": (0, 1), "results": Path("out")},
            "liteppo sweep 'a b.yaml' --profile laptop --full --seeds 0,1 --results out",
        ),
        (
            {"words": ("preset=grpo,liteppo", "+tricks.group_norm={}")},
            "liteppo sweep preset=grpo,liteppo '+tricks.group_norm={}' --profile laptop",
        ),
    ],
)
def test_the_line_that_resumes_says_what_was_asked(given, line, monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    assert SweepOptions(**given).command() == line


@pytest.mark.parametrize(
    "words",
    [
        ["grid=smoke", "full=1", "seeds=0-2", "twins=once", "results=out"],
        ["preset=grpo,liteppo", "optim.lr=3e-4,1e-3", "steps=2", "seeds=0,1"],
    ],
)
def test_the_line_that_resumes_asks_for_the_same(words, monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    asked = sweep_options(*words)
    program, command, *again = shlex.split(asked.command())
    assert (program, command) == ("liteppo", "sweep")
    assert sweep_options(*again) == asked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": "0"}, "trials=0: write a whole number from 1"),
        ({"steps": "many"}, "steps=many: write a whole number from 1"),
        ({"low": "-1"}, "low=-1: write a number above 0, such as low=1e-4"),
        ({"high": "nan"}, "high=nan: write a number above 0, such as high=1e-4"),
        ({"high": "inf"}, "high=inf: write a number above 0, such as high=1e-4"),
        ({"seeds": "1001"}, "seeds=1001: write two or more different whole numbers, such as seeds=1001,1002"),
        ({"seeds": "7,7"}, "seeds=7,7: write two or more different whole numbers, such as seeds=1001,1002"),
        ({"at": "mixed"}, "at=mixed: write AXIS=LABEL separated by commas, such as at=difficulty=mixed"),
    ],
)
def test_a_wrong_option_of_a_tuning_is_refused_with_the_way_out(given, message):
    with pytest.raises(SchemaError) as caught:
        read_tune_options(given)
    assert str(caught.value) == message


def test_the_options_of_a_tuning_are_read():
    found = read_tune_options({"trials": "6", "low": "1e-5", "seeds": "7,8", "at": "filter=on,model=small"})
    assert found == {"trials": 6, "low": 1e-5, "seeds": (7, 8), "at": {"filter": "on", "model": "small"}}


def test_the_line_that_resumes_a_tuning_says_what_was_asked(monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    asked = {"grid": "smoke", "knob": "lr", "trials": 6, "seeds": (7, 8), "at": {"norm": "group"}}
    assert TuneOptions(**asked).command() == "make tune GRID=smoke KNOB=lr TRIALS=6 SEEDS=7,8 AT=norm=group"
    elsewhere = TuneOptions(**asked, results=Path("/tmp/x")).command()
    assert elsewhere == "liteppo tune smoke --knob lr --trials 6 --seeds 7,8 --at norm=group --results /tmp/x"
    again = params("tune", *shlex.split(elsewhere)[2:])
    assert (again["grid"], again["knob"], again["at"], again["results"]) == ("smoke", "lr", "norm=group", "/tmp/x")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"grid": "smoke"}, "smoke.lr"),
        ({"grid": "a/b/mine.yaml"}, "mine.lr"),
        ({"grid": "smoke", "profile": "gpu"}, "smoke.gpu.lr"),
    ],
)
def test_files_are_called_by_grid_profile_and_knob(given, name):
    assert TuneOptions(knob="lr", **given).name == name
