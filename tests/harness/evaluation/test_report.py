from __future__ import annotations

import numpy as np

from harness.config import load
from harness.evaluation.report import document, lines
from harness.outcomes import Evaluation


def outcomes(problems: int, samples: int = 2) -> Evaluation:
    shape = (problems, samples)
    never = np.zeros(shape, dtype=bool)
    words = np.full(shape, "different", dtype=object)
    names = tuple(f"aime/{number}" for number in range(problems))
    return Evaluation(names, never, never, np.ones(shape, dtype=np.int64), words, words)


def missing(problems: int, *overrides: str) -> list[str]:
    config = load("eval=rigorous", "data=math_easy", *overrides)
    return [line for line in lines(config, {"aime25": outcomes(problems)}, 0.0) if "not whole" in line]


def test_a_file_that_is_not_whole_is_named() -> None:
    assert missing(22) == ["aime25: only 22 of its 30 problems are here: the file is not whole"]


def test_a_draw_and_a_part_that_was_asked_for_are_whole() -> None:
    assert missing(30) == missing(15, "eval.aime25=15") == missing(4, "eval.problems=4") == []


def test_benchmarks_of_different_k_have_no_mean_of_passes_and_majorities() -> None:
    config = load("eval=rigorous", "data=math_easy")
    different = document(config, {"aime24": outcomes(3, 4), "amc23": outcomes(3, 2)})["overall"]
    alike = document(config, {"aime24": outcomes(3), "amc23": outcomes(3)})["overall"]
    assert alike.keys() - different.keys() == {"pass", "majority"}
