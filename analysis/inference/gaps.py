"""Contrasts and seeds that no verdict stands on, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.frame import scores
from analysis.inference.contrast import Contrast
from analysis.inference.pairs import pairs
from analysis.layout import baselines, name, varied
from analysis.notes import brief
from analysis.text import listed
from analysis.twins import twin_label, twins_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from harness.records import Study


_TOO_FEW: Final = ("no seed in common", "one seed in common, which says nothing of others")


@dataclass(frozen=True, slots=True)
class Gap:
    """A contrast without a verdict, or seeds that its verdict does not count."""

    contrast: Contrast | None  # None: of the study as a whole
    whole: bool  # no verdict at all
    seeds: tuple[int, ...]  # those left out
    because: str


def gaps(study: Study, taken: pd.DataFrame, asked: Iterable[Contrast]) -> Iterator[Gap]:
    """What is missing of the study as a whole, then from the contrasts asked for, in their order."""
    asked = tuple(asked)
    yield from (Gap(None, True, (), reason) for reason in _uncompared(study, {contrast.arm for contrast in asked}))
    for contrast in asked:
        yield from _of(study, taken, contrast)


def _uncompared(study: Study, compared: set[int]) -> Iterator[str]:
    if not study.baseline:
        yield "the grid names no baseline, so that no cell is compared but its controls"
        return
    axes, known = varied(study, study.cells), baselines(study)
    lone = [name(axes, labels) for cell, labels in enumerate(study.cells) if cell not in known]
    if lone:
        yield f"no baseline is planned for {listed(lone)}"
    own = [name(axes, study.cells[cell]) for cell, back in known.items() if cell != back and cell not in compared]
    if own:
        yield f"ran for the baseline too, as its twin: {listed(own)}"


def _of(study: Study, taken: pd.DataFrame, contrast: Contrast) -> Iterator[Gap]:
    by_cell = scores(taken, contrast.metric)
    counted = pairs(by_cell, contrast).seeds
    wanted = {*study.seeds, *by_cell.get(contrast.arm, ()), *by_cell.get(contrast.baseline, ())}
    seeds, whole = tuple(sorted(wanted - {*counted})), len(counted) < 2
    twin = twins_of(study).get(contrast.arm) if study.once else None
    if study.cell_ids[contrast.arm] == study.cell_ids[contrast.baseline]:
        yield Gap(contrast, True, (), "the same settings in effect, and so the same runs")
    elif twin is not None and contrast.arm not in by_cell:
        yield Gap(contrast, True, seeds, f"not run: {twin_label(study, twin)}")
    elif seeds or whole:
        yield Gap(contrast, whole, seeds, _why(study, taken, contrast, counted, seeds))


def _why(
    study: Study, taken: pd.DataFrame, contrast: Contrast, counted: tuple[int, ...], seeds: tuple[int, ...]
) -> str:
    reasons: dict[str, list[int]] = {}
    for seed in seeds:
        reasons.setdefault(_reason(study, taken, contrast, seed), []).append(seed)
    texts = [f"seed {', '.join(map(str, each))}: {reason}" for reason, each in reasons.items()]
    return listed([*_TOO_FEW[len(counted) : len(counted) + 1], *texts])


def _reason(study: Study, taken: pd.DataFrame, contrast: Contrast, seed: int) -> str:
    """Of the arm's run, the baseline's, or both."""
    axes = varied(study, study.cells)
    found = {cell: _state(taken, cell, seed, contrast.metric) for cell in (contrast.arm, contrast.baseline)}
    return " and ".join(f"{name(axes, study.cells[cell])} {state}" for cell, state in found.items() if state)


def _state(taken: pd.DataFrame, cell: int, seed: int, metric: str) -> str:
    """Empty where the run has its score."""
    runs = taken[(taken["cell"] == cell) & (taken["seed"] == seed)]
    if runs.empty:
        return "not run yet"
    if not (runs["status"] == "finished").any():
        return f"failed ({brief(str(runs['error'].iloc[-1]))})"
    known = metric in runs and np.isfinite(runs[metric].to_numpy(dtype=float)).any()
    return "" if known else f"has no {metric}"
