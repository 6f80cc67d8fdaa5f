"""The difficulty of problems: how many of k samples are correct, as table and bars."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from io import BytesIO, StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from harness.common import SchemaError, atomic_write, derive_seed, results_folder, suggest
from harness.config import max_prompt_tokens
from harness.data import (
    DIFFICULTIES,
    SOURCES,
    TIERS,
    Card,
    Tier,
    build_own_tier,
    compute_length_percentiles,
    count_answer_kinds,
    encode_problems,
    is_tier,
    load_custom_tier,
    load_tier,
    read_own_file,
    save_custom_tier,
    stream_problems,
)
from harness.evaluation.benchmarks import load_or_evaluate
from harness.evaluation.report import describe_origin, name_evaluation, shorten_model_name
from harness.models import load_tokenizer
from harness.records import Measure, standard_error
from harness.rollouts import EvalSet, Prompts, build_training_decoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.config import ExperimentConfig
    from harness.data import Problem
    from harness.evaluation.command import DifficultyRequest
    from harness.records import Evaluation


@dataclass(frozen=True, slots=True)
class PassCounts:
    """Shares of a tier's asked problems by number of correct samples (0 to k), and pass rate."""

    tier: str
    headline: str  # of the tier's card
    asked: int
    too_long: int
    shares: tuple[float, ...]  # k + 1 shares of the asked problems
    rate: Measure


def count_correct(name: str, headline: str, evaluation: Evaluation) -> PassCounts:
    """Count the correct samples of every asked problem.

    Args:
        name: Name of the tier.
        headline: Headline of the tier's card.
        evaluation: Outcomes of N problems with k samples each; at least one problem was asked.

    Returns:
        The counts.

    """
    asked = evaluation.asked
    right = evaluation.right[asked].sum(axis=1)
    samples = evaluation.right.shape[1]
    shares = np.bincount(right, minlength=samples + 1) / len(right)
    rate = Measure(float(right.mean() / samples), standard_error(right / samples))
    return PassCounts(name, headline, int(asked.sum()), int((~asked).sum()), tuple(shares.tolist()), rate)


def select_by_pass_rate(tier: Tier, evaluation: Evaluation, low: float, high: float) -> tuple[Problem, ...]:
    """Return the tier's asked problems whose pass rate is in a range, in the tier's order.

    Args:
        tier: The tier.
        evaluation: Outcomes of its problems.
        low: Smallest pass rate, included.
        high: Largest pass rate, included.

    Returns:
        The problems.

    """
    rates = _rates(evaluation)
    return tuple(problem for problem in tier.problems if low <= rates.get(problem.problem_id, -1.0) <= high)


def _rates(evaluation: Evaluation) -> Mapping[str, float]:
    triples = zip(evaluation.problem_ids, evaluation.asked, evaluation.right.mean(axis=1), strict=True)
    return {problem: float(rate) for problem, asked, rate in triples if asked}


def render_difficulty_markdown(model: str, counts: Sequence[PassCounts], remarks: Sequence[str]) -> str:
    """Return the table with its notes as Markdown.

    Args:
        model: Path of the model.
        counts: The counts of each tier.
        remarks: Notes on how the counts were measured.

    Returns:
        The text.

    """
    head = ["tier", "problems", *_titles(counts), "pass rate"]
    rows = [[one.tier, str(one.asked), *(f"{share:.3f}" for share in one.shares), _rate(one)] for one in counts]
    lines = [" | ".join(cells) for cells in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    title = f"# Difficulty for {model}: share of prompts by number correct of {len(counts[0].shares) - 1} samples"
    notes = [*remarks, *(one.headline for one in counts), *_dropped(counts)]
    return "\n".join([title, "", *(f"| {line} |" for line in lines), "", *(f"- {note}" for note in notes)]) + "\n"


def render_difficulty_csv(counts: Sequence[PassCounts]) -> str:
    """Return the counts as CSV, one row per tier, with all digits."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["tier", "problems", "too_long", *_titles(counts), "pass_rate", "pass_rate_se"])
    for one in counts:
        error = "" if one.rate.se is None else one.rate.se
        writer.writerow([one.tier, one.asked, one.too_long, *one.shares, one.rate.mean, error])
    return out.getvalue()


def draw_difficulty_figure(model: str, counts: Sequence[PassCounts]) -> dict[str, bytes]:
    """Return file ending -> file content of the figure; equal counts give equal bytes."""
    with mpl.rc_context({"svg.hashsalt": "difficulty", "font.size": 9}):
        drawn = _bars(model, counts)
        return {"svg": _saved(drawn, "svg", {"Date": None}), "png": _saved(drawn, "png", {"Software": None})}


def _bars(model: str, counts: Sequence[PassCounts]) -> Figure:
    samples = len(counts[0].shares) - 1
    drawn = Figure(figsize=(2.4 + 1.3 * len(counts), 3.6), layout="constrained")
    axes, colours = drawn.subplots(), mpl.colormaps["viridis"]
    for right in range(samples + 1):
        below = [sum(one.shares[:right]) for one in counts]
        heights = [one.shares[right] for one in counts]
        axes.bar(range(len(counts)), heights, 0.7, below, color=colours(right / max(samples, 1)), label=str(right))
    axes.set_xticks(range(len(counts)), [f"{one.tier}\n{one.asked} prompts" for one in counts])
    axes.set_ylabel("share of prompts")
    axes.set_ylim(0, 1)
    handles, labels = axes.get_legend_handles_labels()
    drawn.legend(handles[::-1], labels[::-1], title=f"right of {samples}", loc="outside right center", frameon=False)
    axes.set_title(model, loc="left")
    return drawn


def _saved(drawn: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    out = BytesIO()
    drawn.savefig(out, format=kind, dpi=150, metadata=metadata)
    return out.getvalue()


def _titles(counts: Sequence[PassCounts]) -> list[str]:
    samples = len(counts[0].shares) - 1
    return [f"{right}/{samples}" for right in range(samples + 1)]


def _rate(one: PassCounts) -> str:
    return f"{one.rate.mean:.3f}" + ("" if one.rate.se is None else f" ± {one.rate.se:.3f}")


def _dropped(counts: Sequence[PassCounts]) -> list[str]:
    return [
        f"{one.tier}: prompts that are too long and were not sampled: {one.too_long}" for one in counts if one.too_long
    ]


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
