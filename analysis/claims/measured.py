"""The measured numbers on which claims are judged."""

from __future__ import annotations

import json
import re
from math import isfinite, nan
from statistics import fmean
from typing import TYPE_CHECKING, Final

from analysis.study.frame import select_finished

if TYPE_CHECKING:
    from analysis.study.frame import Scores
    from analysis.study_data import StudyData


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


def read_values(data: StudyData, metric: str) -> Scores:
    """Return a score or a derived number of the finished runs by cell and seed.

    Runs without it are left out.
    """
    derived = _DERIVED.fullmatch(metric)
    if derived is None:
        return data.scores(metric)
    runs = select_finished(data.taken)
    found: Scores = {}
    numbers = _numbers(data, derived[1], derived[2], sorted(set(runs["run_id"])))
    for cell, seed, run_id in zip(runs["cell"], runs["seed"], runs["run_id"], strict=True):
        if isfinite(number := numbers.get(run_id, nan)):
            found.setdefault(cell, {})[seed] = number
    return found


def measure_fall(values: list[float]) -> float:
    """Return the fall of a curve below its best five-step mean; nan below ten steps."""
    if len(values) < 2 * WINDOW:
        return nan
    means = [fmean(values[start : start + WINDOW]) for start in range(len(values) - WINDOW + 1)]
    return max(means) - means[-1]


def measure_connectives(text: str) -> float:
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


def _numbers(data: StudyData, kind: str, name: str, runs: list[str]) -> dict[str, float]:
    if kind == "clipped":
        return {run_id: measure_connectives(_read(data, run_id)) for run_id in runs}
    measure = {"mean": lambda curve: fmean(curve) if curve else nan, "fall": measure_fall}[kind]
    curves = data.history(name)
    return {run_id: measure([value for step, value in curves.get(run_id, ()) if step > 0]) for run_id in runs}


def _read(data: StudyData, run_id: str) -> str:
    try:
        return (data.folder / f"{data.study.name}.{run_id}" / CLIPPED).read_text(encoding="utf-8")
    except OSError:  # the files of a run stay on the machine that made it
        return ""
