"""What the runs of a study have in common, and what they have not: commits, changes, environments, data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.frame import finished
from analysis.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the finished runs of a study come from."""

    commits: tuple[str, ...]  # ten characters each
    mixed: tuple[str, ...]  # what a reader must know before comparing cells; empty where all is of one kind


def sources(taken: pd.DataFrame) -> Sources:
    """The sources of a study's finished runs; ``taken``: its planned runs."""
    runs = finished(taken).drop_duplicates("run_id")
    commits = Counter(str(commit)[:10] for commit in runs["commit"])
    return Sources(tuple(sorted(commits)), tuple(_mixed(runs, commits)))


def _mixed(runs: pd.DataFrame, commits: Counter[str]) -> Iterator[str]:
    if len(commits) > 1:
        yield f"Mixed commits, so that a difference may come from the code: {_counted(commits)}."
    environments = Counter(str(name) for name in runs["environment"])
    if len(environments) > 1:
        yield f"Mixed environments: {_counted(environments)}."
    data = Counter(str(name) for name in runs["data"] if name)
    if len(data) > 1:
        yield f"Trained on different rows or tiers: {_counted(data)}."
    if dirty := sum(flag in {"yes", "true", "unknown"} for flag in runs["dirty"]):
        yield f"The code of {dirty} of {len(runs)} runs is not that of its commit: changes not committed, or no git."


def _counted(names: Counter[str]) -> str:
    return listed([f"{name} ({count} runs)" for name, count in sorted(names.items())])
