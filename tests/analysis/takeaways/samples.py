"""Studies as the grids plan them, and records of their cells with numbers made by hand."""

from functools import cache
from pathlib import Path

from analysis.study_data import ProfileData, StudyData
from harness.records.record import RunRecord, Study
from sweeps.grid.cells import select_cells
from sweeps.grid.grid import find_grid, read_grid


def study(name, profile="laptop", full=False, **changes):
    """The study that a plan of the grid would keep; cells are named by their labels, nothing is composed."""
    grid, cells = _planned(name, profile, full)
    settings = {
        "name": grid.name,
        "profile": grid.profile,
        "question": grid.question,
        "metric": grid.metric,
        "axes": {axis: tuple(labels) for axis, labels in grid.axes.items()},
        "baseline": grid.baseline,
        "seeds": grid.seeds,
        "cells": cells,
        "cell_ids": tuple("-".join(labels.values()) for labels in cells),
        "margin": grid.margin,
    }
    return Study(**settings | changes)


@cache
def _planned(name, profile, full):
    """Read a grid once for all tests, with the cells of its plan."""
    grid = read_grid(find_grid(name), profile)
    return grid, select_cells(grid, full=full).cells


def record(study: Study, labels, seed, **scores):
    """A finished run of the cell with these labels."""
    place = next(place for place, cell in enumerate(study.cells) if labels.items() <= cell.items())
    cell_id = study.cell_ids[place]
    return RunRecord(
        run_id=f"{cell_id}-s{seed}",
        cell_id=cell_id,
        study=study.name,
        profile=study.profile,
        labels=study.cells[place],
        seed=seed,
        status="finished",
        scores={name.replace("__", "/"): value for name, value in scores.items()},
        config={"steps": 30},
        rule={},
        provenance={"commit": "0123456789abcdef", "dirty": "no"},
        wall_seconds=20.0,
        cpu_seconds=18.0,
        peak_memory_mb=500.0,
    )


def records(study: Study, labels, accuracies, **scores):
    """Runs of a cell with these final accuracies under seeds 0, 1, 2, ..."""
    return [record(study, labels, seed, final__accuracy=value, **scores) for seed, value in enumerate(accuracies)]


def material(study: Study, runs, curves=None, folder=Path("nowhere"), links=None):
    """What a store with these runs would hold; ``curves``: metric -> run id -> values of steps 1, 2, ..."""

    def history(metric):
        found = (curves or {}).get(metric, {})
        return {run_id: tuple(enumerate(values, 1)) for run_id, values in found.items()}

    return StudyData(study, runs, history, folder, links or {})


def shelf(*materials, profile="laptop", refused=None):
    return ProfileData(profile, {each.study.name: each for each in materials}, refused or {})


# Six differences around a mean, none of them alike: -0.004, -0.002, -0.001, 0.001, 0.002, 0.004 add up to 0.
WOBBLE = (-0.004, -0.002, -0.001, 0.001, 0.002, 0.004)


def around(mean, seeds=6):
    """Six accuracies with this mean that differ by seed."""
    return tuple(mean + wobble for wobble in WOBBLE[:seeds])
