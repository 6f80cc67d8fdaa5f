"""Missing contrasts and seeds, and seeds counted as failures, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from analysis.stats.contrasts import Contrast
from analysis.stats.paired_test import pair_scores
from analysis.stats.text import shorten
from analysis.stats.twins import find_twins, format_twin
from analysis.study.frame import read_failures, read_scores
from analysis.study.layout import find_baselines, find_varied_axes, name_cell
from harness.common.text import join_limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from analysis.stats.paired_test import Pairs
    from harness.records.record import Study


_COUNTED: Final[tuple[Counted, ...]] = ("no", "worst", "both ways")
_TOO_FEW: Final = ("no seed in common", "only one seed in common, so no spread is known")


Counted = Literal["no", "worst", "both ways"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A contrast without a verdict, or seeds that are missing from its difference."""

    contrast: Contrast | None  # None: concerns the whole study
    whole: bool  # no verdict at all
    seeds: tuple[int, ...]  # the missing seeds
    because: str
    counted: Counted = "no"  # in the verdict: not at all, as the worst outcome, or both ways if the reason is unknown


def list_gaps(study: Study, taken: pd.DataFrame, asked: Iterable[Contrast]) -> Iterator[Gap]:
    """Yield the gaps of the study as a whole, then those of each contrast, in order.

    Args:
        study: The study.
        taken: Its runs (``frame.select_planned``).
        asked: The contrasts to check.

    Yields:
        A gap with its reason.

    """
    asked = tuple(asked)
    yield from (Gap(None, True, (), reason) for reason in _uncompared(study, {contrast.arm for contrast in asked}))
    for contrast in asked:
        yield from _of(study, taken, contrast)


def _uncompared(study: Study, compared: set[int]) -> Iterator[str]:
    if not study.baseline:
        yield "the grid names no baseline, so only its controls are compared"
        return
    axes, known = find_varied_axes(study, study.cells), find_baselines(study)
    lone = [name_cell(axes, labels) for cell, labels in enumerate(study.cells) if cell not in known]
    if lone:
        yield f"no baseline is planned for {join_limited(lone)}"
    own = [name_cell(axes, study.cells[cell]) for cell, back in known.items() if cell != back and cell not in compared]
    if own:
        yield f"also the baseline's run, as its twin: {join_limited(own)}"


def _of(study: Study, taken: pd.DataFrame, contrast: Contrast) -> Iterator[Gap]:
    by_cell = read_scores(taken, contrast.metric)
    found = pair_scores(by_cell, contrast, read_failures(taken, contrast.metric))
    wanted = {*study.seeds, *by_cell.get(contrast.arm, ()), *by_cell.get(contrast.baseline, ())}
    wanted |= {each.seed for each in found.failed}
    seeds, whole = tuple(sorted(wanted - {*found.seeds})), not found.testable
    twin = find_twins(study).get(contrast.arm) if study.once else None
    if study.cell_ids[contrast.arm] == study.cell_ids[contrast.baseline]:
        yield Gap(contrast, True, (), "the same settings in effect, and so the same runs")
    elif twin is not None and contrast.arm not in by_cell:
        yield Gap(contrast, True, seeds, f"not run: {format_twin(study, twin)}")
    elif whole:
        few = _TOO_FEW[len(found.seeds) : len(found.seeds) + 1]
        yield Gap(contrast, True, seeds, join_limited([*few, *_reasons(study, taken, contrast, seeds)]))
    else:
        yield from _seeds_of(study, taken, contrast, found, seeds)


def _seeds_of(
    study: Study, taken: pd.DataFrame, contrast: Contrast, found: Pairs, seeds: tuple[int, ...]
) -> Iterator[Gap]:
    """Yield the seeds without a difference, grouped by how the verdict counts them."""
    counted: dict[int, Counted] = {each.seed: "worst" if each.certain else "both ways" for each in found.failed}
    for how in _COUNTED:
        own = tuple(seed for seed in seeds if counted.get(seed, "no") == how)
        if own:
            yield Gap(contrast, False, own, join_limited(_reasons(study, taken, contrast, own)), how)


def _reasons(study: Study, taken: pd.DataFrame, contrast: Contrast, seeds: tuple[int, ...]) -> list[str]:
    reasons: dict[str, list[int]] = {}
    for seed in seeds:
        reasons.setdefault(_reason(study, taken, contrast, seed), []).append(seed)
    return [f"seed {', '.join(map(str, each))}: {reason}" for reason, each in reasons.items()]


def _reason(study: Study, taken: pd.DataFrame, contrast: Contrast, seed: int) -> str:
    """Return the reason: the state of the arm's run, the baseline's run, or both."""
    axes = find_varied_axes(study, study.cells)
    found = {cell: _state(taken, cell, seed, contrast.metric) for cell in (contrast.arm, contrast.baseline)}
    return " and ".join(f"{name_cell(axes, study.cells[cell])} {state}" for cell, state in found.items() if state)


def _state(taken: pd.DataFrame, cell: int, seed: int, metric: str) -> str:
    """Return why a run has no score; empty if it has one."""
    runs = taken[(taken["cell"] == cell) & (taken["seed"] == seed)]
    if runs.empty:
        return "not run yet"
    if not (runs["status"] == "finished").any():
        return f"failed ({shorten(str(runs['error'].iloc[-1]))})"
    known = metric in runs and np.isfinite(runs[metric].to_numpy(dtype=float)).any()
    return "" if known else f"has no {metric}"
