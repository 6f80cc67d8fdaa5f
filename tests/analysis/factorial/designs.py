"""Studies whose cells are a cross or a fraction, and runs with planted effects."""

from dataclasses import replace
from itertools import product
from math import prod

from analysis.study.runs import build_runs_frame, select_planned
from harness.records.record import Study
from tests.analysis.samples import run


def study(axes, baseline=None, fraction=(), keep=lambda labels: True, **changes):
    """A study over the cross of ``axes`` (axis -> labels), or over the part that words and ``keep`` leave."""
    points = [dict(zip(axes, labels, strict=True)) for labels in product(*axes.values())]
    cells = tuple(
        point
        for point in points
        if all(prod(2 * axes[axis].index(point[axis]) - 1 for axis in word) == 1 for word in fraction) and keep(point)
    )
    made = Study(
        name="crossed",
        profile="laptop",
        question="Which of them matter, and together?",
        metric="final/accuracy",
        axes=axes,
        baseline=baseline or {},
        seeds=(0, 1, 2),
        cells=cells,
        cell_ids=tuple(f"c{place}" for place in range(len(cells))),
        fraction=fraction,
    )
    return replace(made, **changes)


def taken(made, accuracy, seeds=(0, 1, 2), without=()):
    """Runs of every cell; ``accuracy``: labels and seed -> score; ``without``: pairs of cell and seed."""
    records = [
        run(0, seed, accuracy(labels, seed), cell_id=f"c{cell}", run_id=f"c{cell}-s{seed}", labels=labels)
        for cell, labels in enumerate(made.cells)
        for seed in seeds
        if (cell, seed) not in without
    ]
    return select_planned(build_runs_frame(records), made)


def two(*names):
    """Axes of two labels each."""
    return dict.fromkeys(names, ("off", "on"))
