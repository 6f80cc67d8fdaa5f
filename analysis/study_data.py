"""A study with its runs, its learning curves and its cached analyses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.curves import compute_bands
from analysis.stats import Twin, compute_verdicts, find_twins, list_contrasts
from analysis.study import (
    Scores,
    build_runs_frame,
    explain_mixture,
    find_baselines,
    read_scores,
    select_finished,
    select_planned,
)
from harness.records import RunRecord, Study
from harness.tracking import Curve

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from analysis.curves import Band
    from analysis.stats import Contrast, Verdict
    from harness.tracking import Store


@dataclass(frozen=True, eq=False)
class StudyData:
    """A study with the runs of its experiment; everything derived from them is computed once."""

    study: Study
    records: Sequence[RunRecord]  # all runs of its experiment
    history: Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve
    folder: Path  # folder of the run folders
    links: Mapping[str, str] = field(default_factory=dict)  # run id -> its address in MLflow; may be empty
    _scores: dict[str, Scores] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, store: Store, study: Study, results: Path) -> StudyData:
        """Read a study from the store; curves are read when they are needed.

        Args:
            store: The store of the runs.
            study: The study.
            results: The results folder with the files of the runs.

        """
        history = cache(partial(store.history, study.name))
        return cls(study, store.records(study.name), history, results / "runs", store.links(study.name))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The runs of its experiment (``runs.build_runs_frame``)."""
        return build_runs_frame(self.records)

    @cached_property
    def taken(self) -> pd.DataFrame:
        """The runs of its cells (``runs.select_planned``)."""
        return select_planned(self.runs, self.study)

    @cached_property
    def by_cell(self) -> Mapping[int, tuple[RunRecord, ...]]:
        """Cell -> its runs by seed, including failed ones; cells without a run are left out."""
        by_id: dict[str, list[RunRecord]] = {}
        for record in self.records:
            if record.profile == self.study.profile:
                by_id.setdefault(record.cell_id, []).append(record)
        return {
            cell: tuple(sorted(by_id[cell_id], key=lambda record: (record.seed, record.run_id)))
            for cell, cell_id in enumerate(self.study.cell_ids)
            if cell_id in by_id
        }

    @cached_property
    def finished_runs(self) -> Mapping[int, Mapping[int, str]]:
        """Cell -> seed -> id of the finished run."""
        found: dict[int, dict[int, str]] = {}
        counted = select_finished(self.taken)
        for cell, seed, run_id in sorted(zip(counted["cell"], counted["seed"], counted["run_id"], strict=True)):
            found.setdefault(cell, {})[seed] = run_id
        return found

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The contrasts of the study, in its order."""
        return list_contrasts(self.study, self.scores(self.study.metric).keys())

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of the study, with intervals over seeds only."""
        return compute_verdicts(self.study, self.taken)

    @cached_property
    def verdict_words(self) -> Mapping[int, str]:
        """Cell -> word of its verdict, followed by its failed seeds."""
        return {verdict.contrast.arm: verdict.said for verdict in self.verdicts}

    @cached_property
    def replaced(self) -> Mapping[int, Twin]:
        """The cells that did not run because a twin ran for them."""
        twins = find_twins(self.study) if self.study.once else {}
        return {cell: twin for cell, twin in twins.items() if cell not in self.finished_runs}

    @cached_property
    def baselines(self) -> Mapping[int, int]:
        """Cell -> its baseline, or the twin that ran for the baseline."""
        found = find_baselines(self.study)
        return {cell: self.replaced[back].of if back in self.replaced else back for cell, back in found.items()}

    def scores(self, name: str) -> Scores:
        """Return a score of the finished runs by cell and seed."""
        if name not in self._scores:
            self._scores[name] = read_scores(self.taken, name)
        return self._scores[name]

    def values(self, cell: int, name: str) -> Mapping[int, float]:
        """Return a score of a cell by seed."""
        return self.scores(name).get(cell, {})

    def differences(self, arm: int, baseline: int, name: str) -> dict[int, float]:
        """Return a score of one cell minus that of another, by common seed."""
        ones, others = self.values(arm, name), self.values(baseline, name)
        return {seed: ones[seed] - others[seed] for seed in sorted(ones.keys() & others.keys())}

    def run_ids(self, cell: int) -> Mapping[int, str]:
        """Return the ids of a cell's finished runs by seed."""
        return self.finished_runs.get(cell, {})

    def bands(self, metric: str) -> dict[int, Band]:
        """Return the band of each cell for a step metric."""
        return compute_bands(self.taken, self.history(metric))


@dataclass(frozen=True, slots=True, eq=False)
class ProfileData:
    """The studies of one profile."""

    profile: str
    studies: Mapping[str, StudyData]  # by name
    refused: Mapping[str, str]  # study -> why its runs cannot be combined


def read_profiles(
    store: Store, studies: Sequence[Study], results: Path, names: Collection[str], mixed: bool = False
) -> tuple[ProfileData, ...]:
    """Read the studies with these names, by profile.

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
        _profile(store, [study for study in wanted if study.profile == profile], results, profile, mixed)
        for profile in profiles
    )


def _profile(store: Store, studies: Sequence[Study], results: Path, profile: str, mixed: bool) -> ProfileData:
    found, refused = {}, {}
    for study in studies:
        data = StudyData.read(store, study, results)
        if (reason := explain_mixture(study, data.runs)) and not mixed:
            refused[study.name] = reason
        else:
            found[study.name] = data
    return ProfileData(profile, found, refused)
