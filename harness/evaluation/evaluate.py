"""Held-out evaluation: every arm and seed gets equal problems and equal random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from harness.common import derive_seed
from harness.config import ARITHMETIC
from harness.records import TOO_LONG, Evaluation, compute_measures, join_evaluations, mean_over_benchmarks
from harness.rollouts import Task, verify_samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.engines.base import Sampler
    from harness.rollouts import EvalSet

EVALUATION_SEED: Final = derive_seed(0, "evaluation")


def evaluate_set(sampler: Sampler, eval_set: EvalSet) -> Evaluation:
    """Sample ``decoding.group_size`` responses to every task and verify them, chunk by chunk."""
    return join_evaluations(evaluate_chunk(sampler, part) for part in eval_set.parts())


def evaluate_chunk(sampler: Sampler, part: EvalSet) -> Evaluation:
    """Return the evaluation of one chunk; tasks with too long prompts come last."""
    asked = [task for task in part.tasks if len(task.prompt_ids) <= part.longest]
    unasked = _unasked([task for task in part.tasks if len(task.prompt_ids) > part.longest], part.decoding.group_size)
    return join_evaluations([_answered(sampler, asked, part), unasked]) if asked else unasked


def compute_eval_metrics(evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    """Return the logged metrics: means over benchmarks, then those of each benchmark."""
    found = {benchmark: compute_measures(evaluation) for benchmark, evaluation in evaluations.items()}
    unasked = sum(int((~evaluation.asked).sum()) for evaluation in evaluations.values())
    return {
        **{f"eval/{name}": measure.mean for name, measure in mean_over_benchmarks(evaluations).items()},
        "eval/too_long": float(unasked),
        **{f"eval/{one}/{name}": measure.mean for one, names in found.items() for name, measure in names.items()},
    }


def _answered(sampler: Sampler, tasks: Sequence[Task], part: EvalSet) -> Evaluation:
    prompts = [task.prompt_ids for task in tasks]
    samples = sampler.sample(prompts, part.decoding, _seed(part.benchmark, tasks))
    verdicts, shape = (
        verify_samples(samples, tasks, open_box=part.open_box, votes=True),
        (len(tasks), part.decoding.group_size),
    )
    scores = np.array([verdict.credit for verdict in verdicts]).reshape(shape) if tasks[0].function else None
    return Evaluation(
        problem_ids=tuple(task.problem.problem_id for task in tasks),
        right=np.array([verdict.right for verdict in verdicts]).reshape(shape),
        truncated=samples.truncated.numpy(force=True).reshape(shape),
        lengths=samples.response_mask.sum(dim=1).numpy(force=True).reshape(shape),
        answers=np.array([verdict.answer for verdict in verdicts], dtype=object).reshape(shape),
        reasons=np.array([verdict.reason for verdict in verdicts], dtype=object).reshape(shape),
        scores=scores,
    )


def _seed(benchmark: str, tasks: Sequence[Task]) -> int | list[int]:
    """Return a seed for each problem, or one seed for arithmetic.

    Arithmetic keeps the seed under which its scores were published.
    """
    if benchmark == ARITHMETIC:
        return EVALUATION_SEED
    return [derive_seed(0, "evaluation", task.problem.problem_id) for task in tasks]


def _unasked(tasks: Sequence[Task], samples: int) -> Evaluation:
    shape = (len(tasks), samples)
    never = np.zeros(shape, dtype=bool)
    return Evaluation(
        problem_ids=tuple(task.problem.problem_id for task in tasks),
        right=never,
        truncated=never,
        lengths=np.zeros(shape, dtype=np.int64),
        answers=np.full(shape, None, dtype=object),
        reasons=np.full(shape, TOO_LONG, dtype=object),
        scores=np.zeros(shape) if any(task.function for task in tasks) else None,
    )
