from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines.base.protocols import Decoding, Samples
from harness.evaluation.benchmarks import PARTS, remove_chunks, run_benchmarks
from harness.evaluation.evaluate import evaluate_set
from harness.rollouts.prompts import CHUNK, EvalSet
from tests.harness.scripted import MIXED, RIGHT, WRONG, Scripted, task

TASKS = tuple(task((MIXED, WRONG, RIGHT)[number % 3], number) for number in range(2 * CHUNK + 1))
EXAMS = [EvalSet("amc23", TASKS, Decoding(2, 1), 2), EvalSet("aime24", TASKS[:3], Decoding(3, 1), 2)]


class Stopped(Scripted):
    """Is interrupted at its second call, as by Ctrl-C."""

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        if self.asked:
            raise KeyboardInterrupt
        return super().sample(prompts, decoding, 0)


def test_a_stopped_sitting_goes_on_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_benchmarks(Stopped, EXAMS, tmp_path)
    sampler = Scripted()
    found = run_benchmarks(lambda: sampler, EXAMS, tmp_path)
    assert [len(asked) for asked in sampler.asked] == [CHUNK, 1, 3]  # the first chunk is not asked again
    for exam in EXAMS:
        whole = evaluate_set(Scripted(), exam)
        assert found[exam.benchmark].frame().equals(whole.frame())


def test_no_model_is_loaded_where_nothing_is_left_to_ask(tmp_path: Path) -> None:
    def none() -> Scripted:
        raise AssertionError("all of it is there")

    first = run_benchmarks(Scripted, EXAMS, tmp_path)
    again = run_benchmarks(none, EXAMS, tmp_path)
    assert again["aime24"].frame().equals(first["aime24"].frame())


def test_the_chunks_go_when_they_are_no_longer_needed(tmp_path: Path) -> None:
    run_benchmarks(Scripted, [replace(EXAMS[1])], tmp_path)
    assert len(list((tmp_path / PARTS).iterdir())) == 1
    remove_chunks(tmp_path)
    assert list(tmp_path.iterdir()) == []
