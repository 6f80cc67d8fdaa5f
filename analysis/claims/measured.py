"""Take the numbers that claims are judged on from runs."""

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
    """A shelf for each profile among the studies with these names.

    ``mixed`` takes studies whose runs are of several commits or environments too.
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


WINDOW: Final = 5  # steps, as in scores of the last steps
CLIPPED: Final = "clipped_tokens.json"
# Words that connect one thought to the next. The paper shows some of them and lists none; this list is ours.
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
    """What a store holds of one study."""

    study: Study
    taken: pd.DataFrame  # its runs, ``frame.planned``
    history: Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve
    runs: Path  # the folder with a folder for each run
    links: Mapping[str, str]  # run id -> where MLflow shows it; empty where nobody asked


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What a store holds of one profile."""

    profile: str
    materials: Mapping[str, Material]  # study -> its runs
    refused: Mapping[str, str]  # study -> why its runs do not belong together


def values(material: Material, metric: str) -> Scores:
    """A score or a derived number of finished runs by cell and seed; runs that lack it are left out."""
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
    """What a curve lost since its best stretch of five steps; nan where it has fewer than ten steps."""
    if len(values) < 2 * WINDOW:
        return nan
    means = [fmean(values[start : start + WINDOW]) for start in range(len(values) - WINDOW + 1)]
    return max(means) - means[-1]


def connectives(text: str) -> float:
    """The share of connectives in ``clipped_tokens.json``; nan where nothing was clipped, or the file is none."""
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
    except OSError:  # runs of another machine leave their files there
        return ""
