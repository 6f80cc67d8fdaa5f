from pathlib import Path

import pytest

from harness.schema import SchemaError
from sweeps.tune_arguments import TUNE_USAGE, TuneArguments, parse_tune


def test_words_are_read_as_key_and_value(monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    found = parse_tune(
        ["grid=overlong", "knob=lr", "trials=6", "low=1e-5", "steps=12", "seeds=7,8", "at=filter=on,model=small"]
    )
    assert (found.grid, found.knob, found.profile, found.trials) == ("overlong", "lr", "laptop", 6)
    assert (found.low, found.high, found.steps, found.seeds) == (1e-5, None, 12, (7, 8))
    assert (found.at, found.results) == ({"filter": "on", "model": "small"}, Path("results"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("knob=lr", "grid: required; write grid=NAME"),
        ("grid=smoke", "knob: required; write knob=NAME"),
        ("gird=smoke", "gird: no such argument; did you mean 'grid'?"),
        ("grid=smoke knob", "knob: write knob=VALUE"),
        ("grid=smoke knob=", "knob: write knob=VALUE"),
        ("trials=0", "trials=0: write a whole number from 1"),
        ("steps=many", "steps=many: write a whole number from 1"),
        ("low=-1", "low=-1: write a number above 0, such as low=1e-4"),
        ("high=nan", "high=nan: write a number above 0, such as high=1e-4"),
        ("high=inf", "high=inf: write a number above 0, such as high=1e-4"),
        ("seeds=1001", "seeds=1001: write two or more different whole numbers, such as seeds=1001,1002"),
        ("seeds=7,7", "seeds=7,7: write two or more different whole numbers, such as seeds=1001,1002"),
        ("at=mixed", "at=mixed: write AXIS=LABEL with commas between, such as at=difficulty=mixed"),
    ],
)
def test_a_wrong_word_is_refused_with_the_way_out(words, message):
    with pytest.raises(SchemaError) as caught:
        parse_tune(words.split())
    assert str(caught.value) == message


def test_the_command_to_resume_says_what_was_asked(monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    asked = ["grid=smoke", "knob=lr", "trials=6", "seeds=7,8", "at=norm=group"]
    assert parse_tune(asked).command() == "make tune GRID=smoke KNOB=lr TRIALS=6 SEEDS=7,8 AT=norm=group"
    elsewhere = parse_tune([*asked, "results=/tmp/x"]).command()
    assert elsewhere == "python -m sweeps tune grid=smoke knob=lr trials=6 seeds=7,8 at=norm=group results=/tmp/x"
    assert parse_tune(elsewhere.split()[4:]) == parse_tune([*asked, "results=/tmp/x"])


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"grid": "smoke"}, "smoke.lr"),
        ({"grid": "a/b/mine.yaml"}, "mine.lr"),
        ({"grid": "smoke", "profile": "gpu"}, "smoke.gpu.lr"),
    ],
)
def test_files_are_called_by_grid_profile_and_knob(given, name):
    assert TuneArguments(knob="lr", **given).name == name


def test_the_usage_fits_a_terminal_and_names_every_argument():
    assert max(map(len, TUNE_USAGE.splitlines())) <= 120
    assert all(name in TUNE_USAGE for name in TuneArguments.__slots__)
