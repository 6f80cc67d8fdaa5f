"""Difficulty of problems as counts, table and stacked bars (Fig. 2 of arXiv:2508.08221)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from harness.records.outcomes import Measure, standard_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.data.cache import Tier
    from harness.data.catalog import Problem
    from harness.records.outcomes import Evaluation


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
