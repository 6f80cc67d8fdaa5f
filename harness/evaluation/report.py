"""Scores of a model as a table in the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from harness.config.window import max_prompt_tokens
from harness.data.benchmarks import BENCHMARKS, count_expected_problems
from harness.evaluation.fingerprint import describe_origin
from harness.records.outcomes import Measure, compute_measures, compute_pass_at_ks, mean_over_benchmarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.config.experiment import ExperimentConfig
    from harness.records.outcomes import Evaluation

_TITLES = {
    "accuracy": "avg@k",
    "pass": "pass@k",
    "majority": "maj@k",
    "score": "score",  # only with a reward function
    "length": "length",
    "truncated": "truncated",
    "undecided": "undecided",
}


def build_score_document(config: ExperimentConfig, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return all scores with their standard errors and their origin, ready for JSON."""
    graded = {} if config.reward.source is None else {"reward": asdict(config.reward)}
    return {
        "model": asdict(config.model),
        "sampling": asdict(config.eval) | {"max_prompt_length": config.rollout.max_prompt_length},
        **graded,
        "origin": dict(describe_origin(config)),
        "overall": {name: asdict(measure) for name, measure in mean_over_benchmarks(evaluations).items()},
        "benchmarks": {name: _benchmark(evaluation) for name, evaluation in evaluations.items()},
    }


def build_score_table(evaluations: Mapping[str, Evaluation]) -> Table:
    """Return a table with one row per benchmark and the mean over them."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    found = {name: compute_measures(evaluation) for name, evaluation in evaluations.items()}
    graded = any("score" in each for each in found.values())
    numbers = [name for name in _TITLES if graded or name != "score"]
    for title in ("benchmark", "problems", "k", *(_TITLES[name] for name in numbers)):
        shown.add_column(title, justify="left" if title == "benchmark" else "right", no_wrap=True)
    for name, evaluation in evaluations.items():
        problems, samples = evaluation.right.shape
        shown.add_row(name, str(problems), str(samples), *_cells(found[name], numbers))
    if len(found) > 1:
        shown.add_row("mean", "", "", *_cells(mean_over_benchmarks(evaluations), numbers))
    return shown


def list_score_notes(config: ExperimentConfig, evaluations: Mapping[str, Evaluation], unknown: float) -> list[str]:
    """Return the notes on a table: how the scores were obtained, and what is unusual.

    Args:
        config: The configuration of the evaluation.
        evaluations: Benchmark -> evaluation.
        unknown: Share of the prompts' tokens that are unknown to the tokenizer.

    Returns:
        The notes.

    """
    settings, made = config.eval, describe_origin(config)
    limit = settings.max_response_length or config.rollout.max_response_length
    told = [
        "± is the standard error over problems; the mean weights all benchmarks equally",
        f"temperature {settings.temperature:g}, top_p {settings.top_p:g}, top_k {settings.top_k or 'none'}, "
        f"at most {limit:,} tokens, {config.model.dtype}, prompt form {config.model.prompt_form}; "
        "a fixed seed for every problem and sample",
        f"commit {made['commit'][:10]}{' with changes' if made['dirty'] != 'no' else ''}, "
        + _judge(config, made["math-verify"]),
    ]
    told += _missing(config, evaluations)
    unasked = {name: int((~evaluation.asked).sum()) for name, evaluation in evaluations.items()}
    for name, count in unasked.items():
        if count:
            longest = max_prompt_tokens(config.limits, limit)
            told.append(f"{name}: prompts of more than {longest:,} tokens, not sampled and counted as wrong: {count}")
    if unknown:
        told.append(f"the tokenizer cannot spell {unknown:.1%} of the prompts' tokens, so these scores mean little")
    return told


def _judge(config: ExperimentConfig, math_verify: str) -> str:
    reward = config.reward
    if reward.source is None:
        return f"verifier over math-verify {math_verify}"
    return f"judged by {reward.source.target} (SHA-256 {reward.source.sha256[:12]}), right from {reward.right_from:g}"


def _missing(config: ExperimentConfig, evaluations: Mapping[str, Evaluation]) -> list[str]:
    """Return a note for each benchmark whose file lacks problems."""
    asked = config.eval
    counts = {name: len(found.problem_ids) for name, found in evaluations.items() if name in BENCHMARKS}
    whole = {name: count_expected_problems(name, asked.aime25, asked.olympiadbench, asked.problems) for name in counts}
    return [
        f"{name}: only {count} of its {whole[name]} problems are here; the file is incomplete"
        for name, count in counts.items()
        if count < whole[name]
    ]


def _benchmark(evaluation: Evaluation) -> dict[str, Any]:
    problems, samples = evaluation.right.shape
    found = {name: asdict(measure) for name, measure in compute_measures(evaluation).items()}
    unbiased = {f"pass@{k}": asdict(measure) for k, measure in compute_pass_at_ks(evaluation.right).items()}
    unasked = int((~evaluation.asked).sum())
    return {"problems": problems, "samples": samples, "too_long": unasked, **found, **unbiased}


def _cells(found: Mapping[str, Measure], numbers: Sequence[str]) -> list[str]:
    return [_cell(found[name], digits=1 if name == "length" else 3) if name in found else "-" for name in numbers]


def _cell(measure: Measure, digits: int) -> str:
    error = f" ± {measure.se:.{digits}f}" if measure.se is not None else ""
    return f"{measure.mean:.{digits}f}{error}"
