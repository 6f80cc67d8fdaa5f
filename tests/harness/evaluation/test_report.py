from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.config.experiment import load_config
from harness.evaluation.report import build_score_document, build_score_table, list_score_notes
from harness.records.outcomes import Evaluation


def outcomes(problems: int, samples: int = 2) -> Evaluation:
    shape = (problems, samples)
    never = np.zeros(shape, dtype=bool)
    words = np.full(shape, "different", dtype=object)
    names = tuple(f"aime/{number}" for number in range(problems))
    return Evaluation(names, never, never, np.ones(shape, dtype=np.int64), words, words)


def missing(problems: int, *overrides: str) -> list[str]:
    config = load_config("eval=rigorous", "data=math_easy", *overrides)
    return [line for line in list_score_notes(config, {"aime25": outcomes(problems)}, 0.0) if "incomplete" in line]


def test_a_file_that_is_not_whole_is_named() -> None:
    assert missing(22) == ["aime25: only 22 of its 30 problems are here; the file is incomplete"]


def test_a_draw_and_a_part_that_was_asked_for_are_whole() -> None:
    assert missing(30) == missing(15, "eval.aime25=15") == missing(4, "eval.problems=4") == []


def test_benchmarks_of_different_k_have_no_mean_of_passes_and_majorities() -> None:
    config = load_config("eval=rigorous", "data=math_easy")
    different = build_score_document(config, {"aime24": outcomes(3, 4), "amc23": outcomes(3, 2)})["overall"]
    alike = build_score_document(config, {"aime24": outcomes(3), "amc23": outcomes(3)})["overall"]
    assert alike.keys() - different.keys() == {"pass", "majority"}


def test_a_reward_function_that_judged_is_named_with_its_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def reward(problem, answer, response):\n    return 0.25\n")
    given = ("eval=rigorous", "data=math_easy")
    config = load_config(*given, "reward.function=mine:reward", "reward.right_from=0.5")
    judged = {"amc23": replace(outcomes(3), scores=np.full((3, 2), 0.25))}
    told = " ".join(list_score_notes(config, judged, 0.0))
    assert "judged by mine:reward (SHA-256 " in told
    assert "right from 0.5" in told
    assert "verifier" not in told
    assert build_score_document(config, judged)["reward"]["source"]["target"] == "mine:reward"
    assert [column.header for column in build_score_table(judged).columns][6] == "score"
    assert list(build_score_table(judged).columns[6].cells) == ["0.250 ± 0.000"]
    plain = {"amc23": outcomes(3)}
    assert "verifier over math-verify" in " ".join(list_score_notes(load_config(*given), plain, 0.0))
    assert "reward" not in build_score_document(load_config(*given), plain)
    assert "score" not in [column.header for column in build_score_table(plain).columns]
