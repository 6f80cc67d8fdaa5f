"""The measured numbers on which claims are judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import isfinite, nan
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis.study.frame import finished, planned, runs_frame, scores
from analysis.study.layout import mixture
from harness.records.record import Study
from harness.tracking.queries import Curve

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from analysis.study.frame import Scores
    from harness.tracking.store import Store


def gather(
    store: Store, studies: Sequence[Study], results: Path, names: Collection[str], mixed: bool = False
) -> tuple[Shelf, ...]:
    """Return the runs of each profile among the studies with these names.

    Args:
        store: The store of the runs.
        studies: The known studies.
        results: The results folder.
        names: Names of the wanted studies.
        mixed: Include studies with runs of several commits or environments.

    """
    wanted = [study for study in studies if study.name in names]
    profiles = sorted({study.profile for study in wanted})
    return tuple(
        _shelf(store, [study for study in wanted if study.profile == profile], results, profile, mixed)
        for profile in profiles
    )


def _shelf(store: Store, studies: Sequence[Study], results: Path, profile: str, mixed: bool) -> Shelf:
    materials, refused = {}, {}
    for study in studies:
        runs = runs_frame(store.records(study.name))
        if (reason := mixture(study, runs)) and not mixed:
            refused[study.name] = reason
            continue
        history = cache(partial(store.history, study.name))
        links = store.links(study.name)
        materials[study.name] = Material(study, planned(runs, study), history, results / "runs", links)
    return Shelf(profile, materials, refused)


WINDOW: Final = 5  # steps, as in the scores over the last steps
CLIPPED: Final = "clipped_tokens.json"
# Connective words. The paper shows some of them but lists none; this list is ours.
CONNECTIVES: Final = frozenset(
    {
        *("therefore", "thus", "hence", "so", "then", "because", "since", "if", "unless", "but", "however", "although"),
        *("though", "while", "whereas", "yet", "wait", "alternatively", "instead", "otherwise", "also", "moreover"),
        *("furthermore", "first", "next", "finally", "now", "let", "suppose", "given", "hmm"),
    }
)
_DERIVED: Final = re.compile(r"(mean|fall|clipped)\((.+)\)")


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The runs of one study."""

    study: Study
    taken: pd.DataFrame  # its runs (``frame.planned``)
    history: Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve
    runs: Path  # the folder of the run folders
    links: Mapping[str, str]  # run id -> its address in MLflow; may be empty


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """The studies of one profile."""

    profile: str
    materials: Mapping[str, Material]  # study -> its runs
    refused: Mapping[str, str]  # study -> why its runs cannot be combined


def values(material: Material, metric: str) -> Scores:
    """Return a score or a derived number of the finished runs by cell and seed.

    Runs without it are left out.
    """
    derived = _DERIVED.fullmatch(metric)
    if derived is None:
        return scores(material.taken, metric)
    runs = finished(material.taken)
    found: Scores = {}
    numbers = _numbers(material, derived[1], derived[2], sorted(set(runs["run_id"])))
    for cell, seed, run_id in zip(runs["cell"], runs["seed"], runs["run_id"], strict=True):
        if isfinite(number := numbers.get(run_id, nan)):
            found.setdefault(cell, {})[seed] = number
    return found


def fall(values: list[float]) -> float:
    """Return the fall of a curve below its best five-step mean; nan below ten steps."""
    if len(values) < 2 * WINDOW:
        return nan
    means = [fmean(values[start : start + WINDOW]) for start in range(len(values) - WINDOW + 1)]
    return max(means) - means[-1]


def connectives(text: str) -> float:
    """Return the share of connectives in ``clipped_tokens.json``.

    It is nan if no token was clipped or the text is not such a file.
    """
    try:
        tokens = json.loads(text)["tokens"]
        held = {number: (str(token["text"]), int(token["high"])) for number, token in enumerate(tokens)}
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return nan
    total = sum(count for _, count in held.values())
    return sum(count for word, count in held.values() if word.strip().lower() in CONNECTIVES) / total if total else nan


def _numbers(material: Material, kind: str, name: str, runs: list[str]) -> dict[str, float]:
    if kind == "clipped":
        return {run_id: connectives(_read(material, run_id)) for run_id in runs}
    measure = {"mean": lambda curve: fmean(curve) if curve else nan, "fall": fall}[kind]
    curves = material.history(name)
    return {run_id: measure([value for step, value in curves.get(run_id, ()) if step > 0]) for run_id in runs}


def _read(material: Material, run_id: str) -> str:
    try:
        return (material.runs / f"{material.study.name}.{run_id}" / CLIPPED).read_text(encoding="utf-8")
    except OSError:  # the files of a run stay on the machine that made it
        return ""
