"""Measurement of the difficulty of problems: how many of k samples are correct."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.files import atomic_write
from harness.common.results import results_folder
from harness.common.schema import SchemaError, suggest
from harness.common.seeds import derive_seed
from harness.config.window import max_prompt_tokens
from harness.data.cache import Tier, encode_problems
from harness.data.card import Card, compute_length_percentiles, count_answer_kinds
from harness.data.files import read_own_file
from harness.data.own import build_own_tier, is_tier
from harness.data.synthetic import DIFFICULTIES, stream_problems
from harness.data.tiers import SOURCES, TIERS, load_custom_tier, load_tier, save_custom_tier
from harness.evaluation.benchmarks import load_or_evaluate
from harness.evaluation.difficulty_report import (
    PassCounts,
    count_correct,
    draw_difficulty_figure,
    render_difficulty_csv,
    render_difficulty_markdown,
    select_by_pass_rate,
)
from harness.evaluation.fingerprint import describe_origin, name_evaluation, shorten_model_name
from harness.models.load import load_tokenizer
from harness.rollouts.prompts import EvalSet, Prompts, build_training_decoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.config.experiment import ExperimentConfig
    from harness.data.catalog import Problem
    from harness.evaluation.request import DifficultyRequest
    from harness.records.outcomes import Evaluation


_ARITHMETIC: Final = {f"arithmetic_{difficulty}": difficulty for difficulty in DIFFICULTIES}
_BUILT: Final = {f"{source}_{difficulty}": (source, difficulty) for source in SOURCES for difficulty in TIERS}


def read_pool(name: str, size: int | None, *, graded: bool = True) -> Tier:
    """Read the problems whose difficulty is measured.

    Args:
        name: Name of a tier, or path of a file of problems.
        size: Largest number of problems to select; None selects all.
        graded: Whether the verifier must be able to read the answers of a user's file.

    Returns:
        The problems in the order of the tier, with the tier's card.

    Raises:
        SchemaError: There is no such tier.
        DataError: The tier or file cannot be read.

    """
    if name in _ARITHMETIC:
        return _arithmetic(name, size)
    if name not in _BUILT and not name.endswith(".jsonl"):
        raise SchemaError(f"tier={name}: no such tier; {suggest(name, (*_BUILT, *_ARITHMETIC))}")
    whole = load_tier(*_BUILT[name]) if name in _BUILT else _of_file(name, graded=graded)
    return Tier(tuple(_drawn(whole.problems, size)), whole.card)


def _of_file(name: str, *, graded: bool) -> Tier:
    """Read a tier cut by difficulty, or a user's problems."""
    is_own = Path(name).is_file() and not is_tier(Path(name))
    return build_own_tier(read_own_file(name), graded=graded) if is_own else load_custom_tier(Path(name))


def _drawn(problems: tuple[Problem, ...], size: int | None) -> Iterator[Problem]:
    """Select problems by their ids alone; a larger selection contains every smaller one."""
    order = sorted(problems, key=lambda problem: derive_seed(0, "difficulty", problem.problem_id))
    chosen = {problem.problem_id for problem in order[:size]}
    return (problem for problem in problems if problem.problem_id in chosen)


def _arithmetic(name: str, size: int | None) -> Tier:
    if size is None:
        raise SchemaError("problems=all: arithmetic has no fixed size; give a number")
    problems = tuple(islice(_distinct(stream_problems((_ARITHMETIC[name],), derive_seed(0, "difficulty", name))), size))
    card = Card(
        headline=f"{name}: {size:,} problems of our own arithmetic",
        name=name,
        rule="drawn by harness.data.synthetic, without repetition",
        rows=size,
        sha256=hashlib.sha256(encode_problems(problems)).hexdigest(),
        sources=(),
        removed={},
        contaminated=(),
        unreadable=(),
        unknown=(),
        answers=count_answer_kinds(problems),
        characters=compute_length_percentiles([len(problem.prompt) for problem in problems]),
        words=compute_length_percentiles([len(problem.prompt.split()) for problem in problems]),
    )
    return Tier(problems, card)


def _distinct(problems: Iterable[Problem]) -> Iterator[Problem]:
    seen: set[str] = set()
    for problem in problems:
        if problem.problem_id not in seen:
            seen.add(problem.problem_id)
            yield problem


def measure_difficulty(request: DifficultyRequest) -> Iterator[str]:
    """Measure the difficulty and yield the lines of the report.

    Raises SchemaError, ModelError or DataError for input that cannot be used.
    """
    config, results = request.config, results_folder()
    graded = config.reward.function is None
    pools = {
        Path(tier).name.removesuffix(".jsonl"): read_pool(tier, request.problems, graded=graded)
        for tier in request.tiers
    }
    prompts = Prompts(config, load_tokenizer(config.model.path))
    longest = max_prompt_tokens(config.limits, config.rollout.max_response_length)
    eval_sets = [
        EvalSet(name, prompts.tasks(tier.problems), build_training_decoding(config), longest, config.reward.open_box)
        for name, tier in pools.items()
    ]
    found = load_or_evaluate(config, eval_sets, results / "difficulty" / name_evaluation(config, eval_sets))
    counts = [_counted(name, tier, found[name]) for name, tier in pools.items()]
    told = [*_told(config, prompts.unknown(eval_sets)), *(f"prompts: {note}" for note in prompts.notes)]
    yield render_difficulty_markdown(config.model.path, counts, told)
    yield from map(str, _written(config.model.path, counts, told, results))
    if request.cut is not None:
        for name, tier in pools.items():
            yield _cut(request, name, tier, found[name], results)


def _counted(name: str, tier: Tier, evaluation: Evaluation) -> PassCounts:
    if not evaluation.asked.any():
        raise SchemaError(f"rollout.max_prompt_length: every prompt of {name} is longer; allow more tokens")
    return count_correct(name, tier.card.headline, evaluation)


def _told(config: ExperimentConfig, unknown: float) -> list[str]:
    rollout, made = config.rollout, describe_origin(config)
    told = [
        f"temperature {rollout.temperature:g}, top_p {rollout.top_p:g}, top_k {rollout.top_k or 'none'}, at most "
        f"{rollout.max_response_length:,} tokens, prompt form {config.model.prompt_form}; ± is the standard error",
        f"commit {made['commit'][:10]}{' with changes' if made['dirty'] != 'no' else ''}",
    ]
    return [*told, *([f"the tokenizer cannot spell {unknown:.1%} of the prompts' tokens"] if unknown else [])]


def _written(model: str, counts: Sequence[PassCounts], told: Sequence[str], results: Path) -> Iterator[Path]:
    name = f"difficulty.{shorten_model_name(model)}"
    yield atomic_write(results / "tables" / f"{name}.md", render_difficulty_markdown(model, counts, told).encode())
    yield atomic_write(results / "tables" / f"{name}.csv", render_difficulty_csv(counts).encode())
    for ending, content in draw_difficulty_figure(model, counts).items():
        yield atomic_write(results / "figures" / f"{name}.{ending}", content)


def _cut(request: DifficultyRequest, name: str, tier: Tier, evaluation: Evaluation, results: Path) -> str:
    assert request.cut is not None
    (low, high), model = request.cut, request.config.model.path
    kept, samples = select_by_pass_rate(tier, evaluation, low, high), evaluation.right.shape[1]
    if not kept:
        raise SchemaError(f"cut={low:g},{high:g}: no problem of {name} has such a pass rate; the table shows the rates")
    path = results / "tiers" / f"{name}.{shorten_model_name(model)}.{low:g}-{high:g}.jsonl"
    rule = f"right in {low:g} to {high:g} of {samples} samples of {model}, of {len(tier.problems):,} that were asked"
    save_custom_tier(path, kept, rule, tier.card)
    return f"{len(kept)} problems of {name}; train on them: data.source=file data.difficulties=[] data.path={path}"
