"""Sources over the paper's grids as they are planned, with runs made by hand."""

from functools import cache
from pathlib import Path

from analysis.paper.numbers import read_readings
from analysis.paper.sections.registry import FIGURES, build_views
from analysis.study_data import StudyData
from tests.analysis.takeaways.samples import record, study

READINGS = read_readings()
BY_ID = {figure.id: figure for figure in FIGURES}
NAMES = sorted({name for figure in FIGURES for name in figure.grids})
BENCHMARKS = {"laptop": ("arithmetic",), "gpu": ("math500", "olympiadbench", "amc23", "minerva", "aime24", "aime25")}
SEEN = (
    *("start/accuracy", "final/accuracy", "start/length", "final/length", "final/truncated", "cost/tokens"),
    *("train/reward/std", "train/policy/entropy", "train/advantage/max", "train/update/grad_norm"),
    *("train/update/clip_fraction_high", "train/update/clip_fraction_low"),
    *("train/response/repeated_right", "train/response/repeated_wrong", "train/response/truncated"),
    *(f"train/probability/{name}" for name in ("0-0.3", "0.3-0.6", "0.6-0.85", "0.85-0.95", "0.95-0.99", "0.99-1")),
)
LOGGED = (
    *("rollout/accuracy", "response/length", "policy/entropy", "reward/std", "groups/all_right"),
    *("response/repeated_right", "response/repeated_wrong"),
)


def source(planned, runs=(), curves=None, folder=Path("nowhere")):
    """A study with these runs; ``curves``: metric -> run id -> values of steps 1, 2, ..."""

    def history(metric):
        return {run: tuple(enumerate(values, 1)) for run, values in (curves or {}).get(metric, {}).items()}

    return StudyData(planned, runs, history, folder)


def level(planned, value=0.125, seeds=(0, 1)):
    """Runs of every cell that have the same value as all of their scores."""
    samples = [f"{when}/{name}/avg@8" for name in BENCHMARKS[planned.profile] for when in ("start", "final")]
    scores = dict.fromkeys((*SEEN, *samples), value)
    return [record(planned, labels, seed, **scores) for labels in planned.cells for seed in seeds]


@cache
def full(name, profile="laptop", value=0.125, folder=Path("nowhere")):
    """A study of which every cell has run, and logged the same value at three steps."""
    planned = study(name, profile, full=True)
    runs = level(planned, value)
    curves = {metric: {run.run_id: [value] * 3 for run in runs} for metric in LOGGED}
    return source(planned, runs, curves, folder)


def found(figure_id, *sources):
    """A figure and what the sources have of it."""
    return BY_ID[figure_id], build_views(BY_ID[figure_id], sources, READINGS)
