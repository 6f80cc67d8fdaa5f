"""The paper's takeaways on the page: each claim with its word, and the evidence down to run ids."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from analysis.claims.cost import STUDIES as GRIDS
from analysis.claims.cost import costs
from analysis.claims.judge import findings
from analysis.claims.measured import gather
from analysis.claims.tables import claims_table, compared, cost_table, could_show, probability, shown
from analysis.paper.claims.catalog import CLAIMS, STUDIES
from analysis.report.links import slug
from analysis.report.numbers import Numbers, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.claims.judge import Finding, PartFinding
    from analysis.claims.measured import Shelf
    from harness.records.record import Study
    from harness.tracking.store import Store

    Lines = Mapping[tuple[str, str, str], str]  # study, profile and run id -> id of the run's line on the page


@dataclass(frozen=True, slots=True)
class EvidenceRun:
    """A run behind a number."""

    run_id: str
    source: str  # id of its line on the page; empty where the page does not show its study


@dataclass(frozen=True, slots=True)
class ReportEvidence:
    """A part of a claim, in texts."""

    says: str
    beyond: bool  # the paper did not run this place
    expected: str
    metric: str
    number: str
    p: str
    could_show: str
    word: str
    reason: str
    runs: tuple[EvidenceRun, ...]
    link: str  # where MLflow compares the runs


@dataclass(frozen=True, slots=True)
class ReportClaim:
    """A claim, judged."""

    id: str
    name: str  # "T4.base"
    sentence: str
    stands: str
    word: str
    note: str
    parts: tuple[ReportEvidence, ...]


@dataclass(frozen=True, slots=True)
class Takeaways:
    """All claims on one profile, those of a takeaway together."""

    id: str
    profile: str
    groups: tuple[tuple[str, tuple[ReportClaim, ...]], ...]  # title of the takeaway -> its claims
    cost: Numbers | None  # what a step of each recipe costs
    notes: tuple[str, ...]


def takeaways(
    store: Store, studies: Sequence[Study], results: Path, lines: Lines, mixed: bool = False
) -> tuple[Takeaways, ...]:
    """The takeaways of every profile that has a grid for them. ``mixed``: of studies of mixed runs too."""
    return tuple(
        _of_profile(shelf.profile, findings(CLAIMS, shelf), _cost(shelf, lines), lines)
        for shelf in gather(store, studies, results, STUDIES, mixed)
    )


def _cost(shelf: Shelf, lines: Lines) -> Numbers:
    """The table of costs; its numbers lead to the lineage of the first grid that they are taken from."""
    places = (place for (name, profile, _), place in lines.items() if (name, profile) == (GRIDS[0], shelf.profile))
    anchor = next(places, "").partition(".")[0]
    return numbers(cost_table(costs(shelf), shelf.profile), otherwise=f"{anchor}.lineage" if anchor else "")


def _of_profile(profile: str, found: Sequence[Finding], cost: Numbers, lines: Lines) -> Takeaways:
    anchor = f"page.takeaways.{slug(profile)}"
    claims = ((finding.title, _claim(finding, anchor, lines)) for finding in found)
    groups = ((title, tuple(claim for _, claim in of)) for title, of in groupby(claims, key=lambda pair: pair[0]))
    return Takeaways(anchor, profile, tuple(groups), cost if cost.rows else None, claims_table(found, profile).notes)


def _claim(finding: Finding, anchor: str, lines: Lines) -> ReportClaim:
    return ReportClaim(
        id=f"{anchor}.{slug(finding.id)}",
        name=finding.id,
        sentence=finding.sentence,
        stands=f"{finding.source}: {finding.stands}",
        word=finding.word,
        note=finding.note,
        parts=tuple(_evidence(part, finding.profile, lines) for part in finding.parts),
    )


def _evidence(part: PartFinding, profile: str, lines: Lines) -> ReportEvidence:
    return ReportEvidence(
        says=part.says,
        beyond=part.beyond,
        expected=part.expected,
        metric=part.metric,
        number=shown(part),
        p=probability(part.p_adjusted),
        could_show=could_show(part),
        word=part.word,
        reason=part.reason,
        runs=tuple(_runs(part, profile, lines)),
        link=compared(part.links) if part.links else "",
    )


def _runs(part: PartFinding, profile: str, lines: Lines) -> Iterator[EvidenceRun]:
    return (EvidenceRun(run_id, lines.get((part.study, profile, run_id), "")) for run_id in part.runs)


def counted(found: Takeaways) -> Iterable[tuple[str, int]]:
    """How many claims have each word, in the order of their first one."""
    words = [claim.word for _, claims in found.groups for claim in claims]
    return [(word, words.count(word)) for word in dict.fromkeys(words)]
