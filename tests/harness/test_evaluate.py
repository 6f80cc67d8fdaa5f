from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.common.seeds import derive_seed
from harness.engines.base.protocols import Decoding, Samples
from harness.evaluation.evaluate import EVALUATION_SEED, compute_eval_metrics, evaluate_set
from harness.records.outcomes import TOO_LONG, Evaluation
from harness.rollouts.prompts import CHUNK, EvalSet
from harness.verify.model.verdict import OpenBox
from tests.harness.scripted import MIXED, RIGHT, WRONG, Scripted, task

KINDS = (MIXED, WRONG, RIGHT)
EXAM = EvalSet("amc23", tuple(task(KINDS[number % 3], number) for number in range(CHUNK + 7)), Decoding(2, 1), 2)


class Listening(Scripted):
    """Remembers the seeds it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int | Sequence[int]] = []

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        self.given.append(seed)
        return super().sample(prompts, decoding, 0)


def test_chunks_are_asked_one_by_one_and_put_together_again() -> None:
    sampler = Listening()
    found = evaluate_set(sampler, EXAM)
    assert [len(asked) for asked in sampler.asked] == [CHUNK, 7]
    assert found.problem_ids == tuple(one.problem.problem_id for one in EXAM.tasks)
    assert found.right[:3].tolist() == [[True, False], [False, False], [True, True]]
    assert found.answers[:3].tolist() == [["1", "0"], ["0", "0"], ["1", "1"]]


@pytest.mark.parametrize(("samples", "problems"), [(1, 32), (8, 32), (64, 4), (300, 1)])
def test_a_chunk_holds_some_problems_and_not_too_many_responses(samples: int, problems: int) -> None:
    parts = list(replace(EXAM, decoding=Decoding(samples, 1)).parts())
    assert len(parts[0].tasks) == problems
    assert tuple(task for part in parts for task in part.tasks) == EXAM.tasks


def test_every_problem_has_a_seed_that_nothing_but_its_id_decides() -> None:
    sampler = Listening()
    evaluate_set(sampler, EXAM)
    assert sampler.given[1] == [derive_seed(0, "evaluation", one.problem.problem_id) for one in EXAM.tasks[CHUNK:]]


def test_arithmetic_is_asked_at_once_under_the_seed_of_its_published_scores() -> None:
    sampler = Listening()
    evaluate_set(sampler, replace(EXAM, benchmark="arithmetic"))
    assert sampler.given == [EVALUATION_SEED]


def test_a_prompt_that_is_too_long_is_wrong_unasked_and_counted() -> None:
    long = replace(task(RIGHT, 1), prompt_ids=(RIGHT, 1, 1))
    sampler = Listening()
    found = evaluate_set(sampler, replace(EXAM, tasks=(long, *EXAM.tasks[:3])))
    assert sampler.asked == [[0, 1, 2]]
    assert found.problem_ids[-1] == long.problem.problem_id
    assert (found.right[-1].any(), found.reasons[-1].tolist()) == (False, [TOO_LONG, TOO_LONG])
    assert compute_eval_metrics({"amc23": found})["eval/too_long"] == 1


def test_an_exam_of_which_nothing_can_be_asked_is_wrong() -> None:
    sampler = Listening()
    found = compute_eval_metrics({"amc23": evaluate_set(sampler, replace(EXAM, longest=1))})
    assert sampler.asked == []
    assert (found["eval/amc23/accuracy"], "eval/amc23/length" in found) == (0.0, False)


def test_the_logged_accuracy_is_the_mean_over_benchmarks() -> None:
    easy, hard = (evaluate_set(Scripted(), replace(EXAM, tasks=tasks)) for tasks in (EXAM.tasks[2:3], EXAM.tasks[:2]))
    found = compute_eval_metrics({"math500": easy, "aime24": hard})
    assert (found["eval/math500/accuracy"], found["eval/aime24/accuracy"]) == (1.0, 0.25)
    assert found["eval/accuracy"] == pytest.approx(0.625)
    assert found["eval/aime24/pass"] == 0.5


class Writing(Scripted):
    """Answers every prompt with the same texts."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts = texts

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        drawn = super().sample(prompts, decoding, 0)
        return replace(drawn, texts=[text for _ in prompts for text in self.texts])


def _mathematics(answer: str, samples: int) -> EvalSet:
    one = task(MIXED, 0)
    asked = replace(one, problem=replace(one.problem, answer=answer, verifier="math"))
    return EvalSet("amc23", (asked,), Decoding(samples, 1), 2)


def test_wrong_answers_of_one_value_outvote_the_right_one() -> None:
    sampler = Writing(r"\boxed{5}", r"\boxed{5.0}", r"\boxed{2\sqrt2}", r"\boxed{\sqrt8}", r"\boxed{2\sqrt{2}}", "")
    found = evaluate_set(sampler, _mathematics("5", 6))
    assert found.answers.tolist() == [["5", "5", r"2\sqrt2", r"2\sqrt2", r"2\sqrt2", None]]
    assert compute_eval_metrics({"amc23": found})["eval/majority"] == 0.0
    assert compute_eval_metrics({"amc23": Evaluation.of(found.frame())})["eval/majority"] == 0.0  # as it is stored


@pytest.mark.parametrize(("rule", "right"), [("wrong", [True, False]), ("ignored", [True, True])])
@pytest.mark.parametrize("verifier", ["math", "integer"])
def test_an_open_last_box_counts_as_the_exam_says(rule: OpenBox, right: list[bool], verifier: str) -> None:
    exam = _mathematics("5", 2)
    tasks = (replace(exam.tasks[0], problem=replace(exam.tasks[0].problem, verifier=verifier)),)
    found = evaluate_set(Writing(r"\boxed{5}", r"\boxed{5}\boxed{"), replace(exam, tasks=tasks, open_box=rule))
    assert found.right.tolist() == [right]
