"""Scores of a model as table and JSON, and the digest of all that they depend on.

The digest is part of the folder's name, so that only an equal evaluation finds the folder again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from harness.config import max_prompt_tokens
from harness.data import BENCHMARKS, count_expected_problems
from harness.models import locate_model
from harness.records import Measure, collect_provenance, compute_measures, compute_pass_at_ks, mean_over_benchmarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.config import ExperimentConfig
    from harness.records import Evaluation
    from harness.rollouts import EvalSet


_CODE: Final = Path(__file__).resolve().parent.parent
_NOT_CODE: Final = ("commit", "dirty", "cores")


def name_evaluation(config: ExperimentConfig, eval_sets: Iterable[EvalSet]) -> str:
    """Return the name of an evaluation's folder: the model's name and a digest.

    The digest covers model, settings, problems, code and packages.
    """
    settings = {
        "model": asdict(config.model),
        "files": _files(config.model.path),
        "engine": asdict(config.backend.vllm) if config.backend.vllm else config.backend.engine,
        "exams": [_eval_set(eval_set) for eval_set in eval_sets],
        "code": _code(),
        "packages": {name: value for name, value in describe_origin(config).items() if name not in _NOT_CODE},
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
    return f"{shorten_model_name(config.model.path)}.{digest}"


def shorten_model_name(model: str) -> str:
    """Return the last part of a model's path, in a form that file names allow."""
    return re.sub(r"[^\w.-]+", "_", model.rstrip("/").rpartition("/")[2].rpartition(":")[2])


def describe_origin(config: ExperimentConfig) -> Mapping[str, str]:
    """Return commit, packages and machine, including the versions of verifier and engines."""
    return {**collect_provenance(config.backend), "math-verify": version("math-verify")}


def _files(model: str) -> list[tuple[str, int, int]]:
    """Return name, size and time of a local model's files; empty for a name on the hub."""
    source = locate_model(model)
    if not isinstance(source, Path):
        return []
    stats = [(path.name, path.stat()) for path in sorted(source.iterdir()) if path.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _eval_set(eval_set: EvalSet) -> dict[str, Any]:
    problems = json.dumps([asdict(task.problem) for task in eval_set.tasks]).encode()
    known: dict[str, Any] = {
        "benchmark": eval_set.benchmark,
        "longest": eval_set.longest,
        "decoding": asdict(eval_set.decoding),
    }
    functions = {task.function.key for task in eval_set.tasks if task.function}
    if functions:
        known["reward"] = sorted(functions)
    if eval_set.open_box != "wrong":
        known["open_box"] = eval_set.open_box
    return {**known, "problems": hashlib.sha256(problems).hexdigest()}


@cache  # the code of a running process does not change
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(_CODE.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


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
