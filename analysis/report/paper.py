"""The paper in the report: its figures, tables and takeaways with our numbers."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from analysis.claims import (
    STUDIES as GRIDS,
    build_claims_table,
    build_cost_table,
    compute_costs,
    format_detectable,
    format_finding,
    format_p,
    join_addresses,
    judge_claims,
)
from analysis.paper import read_readings
from analysis.paper.claims import CLAIMS, STUDIES
from analysis.paper.sections import FIGURES, build_views
from analysis.report.links import slug
from analysis.report.numbers import Numbers, link_numbers
from analysis.study_data import read_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.paper import PaperFigure, View
    from analysis.report.study import Section


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure of the paper, drawn from our runs."""

    id: str
    number: str  # in the paper
    title: str
    profile: str
    states: str  # the paper's statement
    image: str  # SVG as base64
    table: Numbers


def draw_paper_figures(studies: Sequence[Section]) -> tuple[DrawnFigure, ...]:
    """Return the figures of the paper that these studies provide, by profile."""
    by_profile: dict[str, list[Section]] = defaultdict(list)
    for section in studies:
        if len(section.data.taken):
            by_profile[section.data.study.profile].append(section)
    return tuple(drawn for profile, members in by_profile.items() for drawn in _of_profile(profile, members))


def _of_profile(profile: str, members: Sequence[Section]) -> Iterator[DrawnFigure]:
    wanted = {name for figure in FIGURES for name in figure.grids}
    sources = [section.data for section in members if section.data.study.name in wanted]
    for figure in FIGURES if sources else ():
        if found := build_views(figure, sources, read_readings()):
            yield _drawn(figure, found, profile, members)


def _drawn(figure: PaperFigure, found: Sequence[View], profile: str, members: Sequence[Section]) -> DrawnFigure:
    from analysis.paper import build_paper_table, draw_paper_figure  # noqa: PLC0415 - matplotlib, a second

    links = [section.links for name in figure.grids for section in members if section.data.study.name == name]
    return DrawnFigure(
        id=f"page.paper.{slug(profile)}.{slug(figure.id)}",
        number=figure.number,
        title=figure.title,
        profile=profile,
        states=figure.states,
        image=b64encode(draw_paper_figure(figure, found, ("svg",))["svg"]).decode(),
        table=link_numbers(build_paper_table(figure, found), *links),
    )


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.claims import Finding, PartFinding
    from analysis.study_data import ProfileData
    from harness.records import Study
    from harness.tracking import Store

    Lines = Mapping[tuple[str, str, str], str]  # study, profile and run id -> id of the run's line on the page


@dataclass(frozen=True, slots=True)
class EvidenceRun:
    """A run behind a number."""

    run_id: str
    source: str  # id of its line on the page; empty if the page does not show its study


@dataclass(frozen=True, slots=True)
class ReportEvidence:
    """A part of a claim as text."""

    says: str
    beyond: bool  # the paper did not run this setting
    expected: str
    metric: str
    number: str
    p: str
    could_show: str
    word: str
    reason: str
    runs: tuple[EvidenceRun, ...]
    link: str  # address of the MLflow page that compares the runs


@dataclass(frozen=True, slots=True)
class ReportClaim:
    """A judged claim as text."""

    id: str
    name: str  # "T4.base"
    sentence: str
    stands: str
    word: str
    note: str
    parts: tuple[ReportEvidence, ...]


@dataclass(frozen=True, slots=True)
class Takeaways:
    """All claims on one profile, grouped by takeaway."""

    id: str
    profile: str
    groups: tuple[tuple[str, tuple[ReportClaim, ...]], ...]  # title of the takeaway -> its claims
    cost: Numbers | None  # cost of a step of each recipe
    notes: tuple[str, ...]


def build_takeaways(
    store: Store, studies: Sequence[Study], results: Path, lines: Lines, mixed: bool = False
) -> tuple[Takeaways, ...]:
    """Return the takeaways of every profile with a grid for them.

    Args:
        store: The store of the runs.
        studies: The known studies.
        results: The results folder.
        lines: Study, profile and run id -> id of the run's line on the page.
        mixed: Include studies with runs of several commits or environments.

    """
    return tuple(
        _takeaways_of_profile(data.profile, judge_claims(CLAIMS, data), _cost(data, lines), lines)
        for data in read_profiles(store, studies, results, STUDIES, mixed)
    )


def _cost(data: ProfileData, lines: Lines) -> Numbers:
    """Return the table of costs, whose numbers link to the lineage of their first grid."""
    places = (place for (name, profile, _), place in lines.items() if (name, profile) == (GRIDS[0], data.profile))
    anchor = next(places, "").partition(".")[0]
    return link_numbers(
        build_cost_table(compute_costs(data), data.profile), otherwise=f"{anchor}.lineage" if anchor else ""
    )


def _takeaways_of_profile(profile: str, found: Sequence[Finding], cost: Numbers, lines: Lines) -> Takeaways:
    anchor = f"page.takeaways.{slug(profile)}"
    claims = ((finding.title, _claim(finding, anchor, lines)) for finding in found)
    groups = ((title, tuple(claim for _, claim in of)) for title, of in groupby(claims, key=lambda pair: pair[0]))
    return Takeaways(
        anchor, profile, tuple(groups), cost if cost.rows else None, build_claims_table(found, profile).notes
    )


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
        number=format_finding(part),
        p=format_p(part.p_adjusted),
        could_show=format_detectable(part),
        word=part.word,
        reason=part.reason,
        runs=tuple(_runs(part, profile, lines)),
        link=join_addresses(part.links) if part.links else "",
    )


def _runs(part: PartFinding, profile: str, lines: Lines) -> Iterator[EvidenceRun]:
    return (EvidenceRun(run_id, lines.get((part.study, profile, run_id), "")) for run_id in part.runs)


def count_claim_words(found: Takeaways) -> Iterable[tuple[str, int]]:
    """Return the number of claims with each word, in order of first appearance."""
    words = [claim.word for _, claims in found.groups for claim in claims]
    return [(word, words.count(word)) for word in dict.fromkeys(words)]
