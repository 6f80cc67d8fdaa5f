from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.data.synthetic import build_evaluation_set
from harness.rollouts.problems import epochs, read_held_out, read_run_problems
from tests.data_folder import data_folder

POOL = tuple(range(10))


def take(count: int, *pools: tuple[int, ...], seed: int = 0, backwards: bool = False) -> list[int]:
    return list(islice(epochs(pools, seed, backwards=backwards), count))


def test_an_epoch_holds_every_problem_once() -> None:
    drawn = take(30, POOL)
    for start in (0, 10, 20):
        assert sorted(drawn[start : start + 10]) == list(POOL)
    assert drawn[:10] != drawn[10:20]


def test_the_seed_decides_the_order() -> None:
    assert take(20, POOL, seed=1) == take(20, POOL, seed=1) != take(20, POOL, seed=2)


def test_spares_come_from_the_other_end_of_each_epoch() -> None:
    assert take(10, POOL, backwards=True) == take(10, POOL)[::-1]


def test_several_pools_are_drawn_evenly_and_each_without_repetition() -> None:
    drawn = take(2000, tuple(range(100)), tuple(range(1000, 1010)))
    small = [one for one in drawn if one >= 1000]
    assert 0.45 < len(small) / 2000 < 0.55
    assert sorted(small[:10]) == list(range(1000, 1010))


def test_held_out_arithmetic_is_that_of_the_difficulties_trained_on() -> None:
    config = load_config("data=arithmetic_easy", "eval.problems=4")
    assert read_held_out(config) == {"arithmetic": build_evaluation_set("easy", 4)}


def test_more_held_out_arithmetic_than_there_is_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"eval\.problems: only \d+ distinct easy evaluation problems exist, 4000"):
        read_held_out(load_config("data=arithmetic_easy", "eval.problems=4000"))


def test_real_tiers_come_with_their_cards_and_benchmarks_in_their_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    read = read_run_problems(load_config("data=simplerl_easy", "eval=paper"))
    sizes = {name: len(problems) for name, problems in read.held_out.items()}
    assert sizes == {"math500": 500, "olympiadbench": 170, "minerva": 272, "aime24": 30, "aime25": 15, "amc23": 40}
    (name,) = read.tiers
    assert read.provenance() == {f"data {name}": read.tiers[name].card.sha256}
    assert read.tiers[name].card.headline in read.cards()
    assert {problem.verifier for problem in read.tiers[name].problems} == {"math"}
