import subprocess
import sys
from pathlib import Path

import pytest

from harness.schema import SchemaError
from sweeps.arguments import parse

EFFECT = "write a difference above zero in the metric's unit, such as effect=0.03"


def test_words_are_read_as_key_and_value(monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    command, arguments = parse(["run", "grid=norm_ablation", "full=1", "seeds=0,2"])
    assert command == "run"
    assert (arguments.grid, arguments.full, arguments.seeds) == ("norm_ablation", True, (0, 2))
    assert (arguments.profile, arguments.results) == ("laptop", Path("results"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rum"], "rum: no such command; did you mean 'run'?"),
        ([], "nothing: no such command; known: plan, run, tune"),
        (["run", "gird=smoke"], "gird: no such argument; did you mean 'grid'?"),
        (["run", "grid"], "grid: write grid=VALUE"),
        (["run", "full=maybe"], "full=maybe: write full=1 or full=0"),
        (
            ["run", "seeds=0,0"],
            "seeds=0,0: write different whole numbers with commas between, such as seeds=0,1 or 0-5",
        ),
        (["run", "twins=one"], "twins=one: write twins=keep or twins=once"),
        (["plan", "cluster=8xH10"], "cluster=8xH10: no GPU 'H10'; did you mean 'H100'?"),
        (["plan", "effect=much"], f"effect=much: {EFFECT}"),
        (["plan", "effect=0"], f"effect=0: {EFFECT}"),
        (["plan", "effect=nan"], f"effect=nan: {EFFECT}"),
        (["plan", "effect=inf"], f"effect=inf: {EFFECT}"),
        (["run", "seeds=a"], "seeds=a: write different whole numbers with commas between, such as seeds=0,1 or 0-5"),
    ],
)
def test_a_wrong_word_is_refused_with_the_way_out(words, message):
    with pytest.raises(SchemaError) as caught:
        parse(words)
    assert str(caught.value) == message


@pytest.mark.parametrize("seeds", ["3-1", "0-2,1", "0,", "1-", "-1", "0-9999999999"])
def test_a_range_of_seeds_that_is_none_is_refused(seeds):
    with pytest.raises(SchemaError, match="write different whole numbers with commas between"):
        parse(["run", f"seeds={seeds}"])


def test_a_range_of_seeds_holds_both_ends():
    assert parse(["run", "seeds=0-3,7"])[1].seeds == (0, 1, 2, 3, 7)


def test_a_plan_takes_a_cluster_and_a_wished_effect():
    _, arguments = parse(["plan", "profile=gpu", "cluster=2x8xH100", "effect=0.03"])
    assert str(arguments.cluster) == "2x8xH100"
    assert arguments.effect == 0.03


def test_the_command_to_resume_says_what_was_asked(monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    _, arguments = parse(["run", "grid=smoke", "seeds=3"])
    assert arguments.command() == "make sweep GRID=smoke PROFILE=laptop SEEDS=3"
    _, once = parse(["run", "twins=once"])
    assert once.command() == "make sweep GRID=smoke PROFILE=laptop TWINS=once"
    _, elsewhere = parse(["run", "grid=smoke", "results=out"])
    assert elsewhere.command() == "python -m sweeps run grid=smoke profile=laptop results=out"


def test_the_module_is_a_command_that_ends_with_its_exit_code():
    command = [sys.executable, "-m", "sweeps", "run", "grid=smok"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "grid=smok: no such grid; did you mean 'smoke'?\n"
