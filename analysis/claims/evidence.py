"""The evidence for one part of a claim: measured numbers by seed and side, and their runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import isfinite, log, nan
from statistics import fmean
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.claims.claim import AbsentError, find_cell, find_metric
from analysis.stats import FailedSeed, Pairs, find_twins
from analysis.study import read_failures, select_finished
from analysis.study_data import StudyData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.claims.claim import ClaimPart
    from analysis.study import Failures, Scores
    from analysis.study_data import ProfileData
    from harness.records import Study


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


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The numbers of a part.

    The arm of ``pair`` is the sum of the terms with positive weight, the baseline that of the negative ones.
    """

    data: StudyData
    metric: str
    cells: tuple[int, ...]  # in the order of the part's terms
    pair: Pairs
    runs: tuple[str, ...]  # run ids of the seeds in ``pair``
    twins: str = ""  # why the cells cannot differ; empty if they can

    @property
    def margin(self) -> float | None:
        """The equivalence margin. The grid declares it only for its own metric."""
        study = self.data.study
        return study.margin if self.metric == study.metric else None


def find_evidence(part: ClaimPart, studies: Iterable[str], data: ProfileData) -> tuple[Evidence | None, str]:
    """Return the evidence for a part from the first study with a common seed in all cells.

    Two seeds for which cells failed for a reason of their arm count as evidence too.

    Args:
        part: The part of a claim.
        studies: Names of the studies, in order of preference.
        data: The studies of a profile.

    Returns:
        The evidence and "", or None and the reason that concerns the first study.

    """
    reasons = []
    for name in studies:
        try:
            if name not in data.studies:
                raise AbsentError(data.refused.get(name, f"{name} is not planned here"))
            return _in(part, data.studies[name]), ""
        except AbsentError as absent:
            reasons.append(str(absent))
    return None, reasons[0] if reasons else ""


def is_declared(part: ClaimPart, studies: Iterable[str], data: ProfileData) -> bool:
    """Return True if some study has all cells of the part and they are not twins.

    The cells need not have run: such a part is a declared test.

    Args:
        part: The part of a claim.
        studies: Names of the studies.
        data: The studies of a profile.

    """
    found = ((data.studies[name], _cells(part, data.studies[name])) for name in studies if name in data.studies)
    return any(not explain_twins(each.study, cells) for each, cells in found if cells is not None)


def explain_twins(study: Study, cells: tuple[int, ...]) -> str:
    """Return why these cells cannot differ, according to the plan; empty if they can."""
    known = find_twins(study)
    roots = {known[cell].of if cell in known else cell for cell in cells}
    if len(cells) < 2 or len(roots) > 1:
        return ""
    because = next((known[cell].because for cell in cells if cell in known), "")
    return because or "the same settings in effect"


def _cells(part: ClaimPart, data: StudyData) -> tuple[int, ...] | None:
    try:
        return tuple(find_cell(data.study, term.at, ()) for term in part.terms)
    except AbsentError:
        return None


def _in(part: ClaimPart, data: StudyData) -> Evidence:
    name = find_metric(data.study, part.metric)
    numbers = _evidence_numbers(part, read_values(data, name), data)
    cells = tuple(find_cell(data.study, term.at, numbers.keys()) for term in part.terms)
    seeds = sorted(set.intersection(*({*numbers.get(place, {})} for place in cells)))
    failed = tuple(_failed(part, numbers, cells, read_failures(data.taken, name)))
    if not seeds and sum(each.certain for each in failed) < 2:
        raise AbsentError(f"{data.study.name} has no seed with {name} in all cells")
    sides = ([_side(part, numbers, cells, seed, sign) for seed in seeds] for sign in (1, -1))
    taken = data.taken[data.taken["cell"].isin(cells) & data.taken["seed"].isin(seeds)]
    runs = tuple(sorted({*taken[taken["status"] == "finished"]["run_id"]}))
    arm, baseline = (np.array(side, dtype=float) for side in sides)
    pair = Pairs(tuple(seeds), arm, baseline, failed)
    return Evidence(data, name, cells, pair, runs, explain_twins(data.study, cells))


def _failed(part: ClaimPart, numbers: Scores, cells: tuple[int, ...], lost: Failures) -> Iterator[FailedSeed]:
    """Yield the seeds for which some cells failed and all others have a number."""
    for seed in sorted({seed for place in cells for seed in lost.get(place, {})}):
        gone = [seed in lost.get(place, {}) for place in cells]
        if all(out or seed in numbers.get(place, {}) for out, place in zip(gone, cells, strict=True)):
            weights = [term.weight for term, out in zip(part.terms, gone, strict=True) if out]
            known = all(lost.get(place, {}).get(seed) != "unknown" for place in cells)
            yield FailedSeed(seed, sum(w for w in weights if w > 0), -sum(w for w in weights if w < 0), known)


def _side(part: ClaimPart, numbers: Scores, cells: tuple[int, ...], seed: int, sign: int) -> float:
    terms = zip(part.terms, cells, strict=True)
    return sum((sign * term.weight * numbers[place][seed] for term, place in terms if sign * term.weight > 0), 0.0)


def _evidence_numbers(part: ClaimPart, found: Scores, data: StudyData) -> Scores:
    """Return the finite values of the metric by cell and seed.

    The other score of the run is subtracted, or the logarithm is taken, as the part says.
    """
    less = read_values(data, part.less) if part.less else {}
    result: Scores = {}
    for place, by_seed in found.items():
        for seed, value in by_seed.items():
            taken_off = less.get(place, {}).get(seed, nan) if part.less else 0.0
            number = (log(value) if value > 0 else nan) if part.ratio else value - taken_off
            if isfinite(number):
                result.setdefault(place, {})[seed] = number
    return result
