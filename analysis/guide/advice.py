"""Advice for a case: what to do, how certain it is, and what to run next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.claims import ClaimWord, format_finding, judge_claim
from analysis.guide.rules import RULES
from analysis.paper.claims import CLAIMS
from analysis.study import select_finished
from harness.records import ALPHA, LEAST_SEEDS, find_detectable_effect, find_seeds_needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.claims import ClaimPart, Finding, PartFinding
    from analysis.guide.rules import Rule
    from analysis.guide.scenario import Scenario
    from analysis.study_data import ProfileData


# Certainty by the word of the claims' parts for this model (docs/guides/advice.md).
SURE: Final[Mapping[ClaimWord, str]] = {
    "supported": "shown here",
    "contradicted": "contradicted here",
    "equivalent": "no difference here",
    "inconclusive": "open",
    "exploratory": "first signs",
    "no runs": "paper alone",
}
UNTESTED: Final = "untested"  # no runs of such a model here or in the paper
_PARTS: Final[Mapping[str, tuple[ClaimPart, ...]]] = {claim.id: claim.parts for claim in CLAIMS}


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer to one question."""

    question: str
    do: str
    paper: str
    here: str  # the result of the user's own runs of the profile
    word: ClaimWord
    sure: str
    next: str  # a command, or why no run is needed
    budget: str  # what the given hours buy; empty without any


def advise(case: Scenario, findings: Sequence[Finding], data: ProfileData) -> tuple[Advice, ...]:
    """Return one answer for each question that applies to the case.

    Args:
        case: The case.
        findings: The judged claims of a profile.
        data: The studies of the profile.

    """
    return tuple(answer_rule(rule, case.role, findings, data, case.hours) for rule in RULES if rule.fits(case))


def answer_rule(
    rule: Rule, role: str, findings: Sequence[Finding], data: ProfileData, hours: float | None = None
) -> Advice:
    """Return the answer of a rule for a model.

    Args:
        rule: The rule.
        role: The role of the model.
        findings: The judged claims of a profile.
        data: The studies of the profile.
        hours: The budget in hours; None without one.

    """
    parts = tuple(_parts(rule, role, findings))
    word = judge_claim([part.word for part in parts])
    run = next_run(rule, role, parts, data, hours)
    return Advice(
        question=rule.question,
        do=_do(rule, word),
        paper=rule.paper if role in rule.ran else f"{rule.paper}; no run used such a model",
        here=_here(parts),
        word=word,
        sure=UNTESTED if word == "no runs" and role not in rule.ran else SURE[word],
        next=run.command,
        budget=run.budget,
    )


def _parts(rule: Rule, role: str, findings: Sequence[Finding]) -> Iterator[PartFinding]:
    """Yield the findings of the rule's claims for this model and the rule's difficulties."""
    by_id = {finding.id: finding for finding in findings}
    for claim in rule.claims:
        for part, found in zip(_PARTS[claim], by_id[claim].parts, strict=True):
            models = {term.at["model"] for term in part.terms if "model" in term.at}
            tiers = {term.at["difficulty"] for term in part.terms if "difficulty" in term.at}
            if models == {role} and (not rule.tiers or tiers <= {*rule.tiers}):
                yield found


def _do(rule: Rule, word: ClaimWord) -> str:
    if word == "contradicted":
        return f"{rule.instead}; the paper's advice did worse here ({rule.do})"
    if word == "equivalent":
        return f"{rule.do}; optional, since it makes no difference here"
    return rule.do


def _here(parts: Sequence[PartFinding]) -> str:
    ran = [part for part in parts if part.word != "no runs"]
    return "; ".join(f"{part.word} at {part.says}: {format_finding(part)}" for part in ran) or "no runs"


SETTLED: Final = ("supported", "contradicted", "equivalent")


@dataclass(frozen=True, slots=True)
class NextRun:
    """A proposed next run."""

    command: str  # or why no run is needed
    budget: str = ""


def next_run(rule: Rule, role: str, parts: Sequence[PartFinding], data: ProfileData, hours: float | None) -> NextRun:
    """Return the next run: the rule's grid with enough seeds for 80 % power at its margin.

    Args:
        rule: The rule.
        role: The role of the model.
        parts: The findings of the rule's claims for this model.
        data: The studies of the profile.
        hours: The budget in hours; None without one.

    """
    ran = [part for part in parts if part.word != "no runs"]
    budget = "" if hours is None else _budget(rule, ran, data, hours)
    if ran and all(part.word in SETTLED for part in ran):
        return NextRun("nothing: these runs decide it", budget)
    seeds = max([LEAST_SEEDS, *(needed for part in ran if (needed := _needed(part)))])
    had = max((len(part.seeds) for part in ran), default=0)
    if ran and seeds <= had:  # an effect near the margin: double the seeds
        seeds = 2 * had
    if f"{data.profile} {role}" in rule.absent:
        return NextRun(
            f"first add this case to the axes of sweeps/grids/{rule.grid}.yaml (docs/guides/grids.md)", budget
        )
    words = [f"make sweep GRID={rule.grid}", f"PROFILE={data.profile}" * (data.profile != "laptop")]
    words += ["FULL=1" * (data.profile == "laptop" and role.startswith("large")), f"SEEDS=0-{seeds - 1}"]
    return NextRun(" ".join(filter(None, words)), budget)


def _needed(part: PartFinding) -> int | None:
    """Return the number of seeds that detect an effect of the margin at the family's level.

    It is None if the standard deviation is unknown.
    """
    if not part.std or not part.margin or part.ratio:
        return None
    try:
        return find_seeds_needed(part.margin, part.std, ALPHA / max(part.tests, 1))
    except ValueError:  # no number of seeds suffices
        return None


def _budget(rule: Rule, ran: Sequence[PartFinding], data: ProfileData, hours: float) -> str:
    seconds = _seconds(rule, ran, data)
    if seconds is None:
        return f"no run here gives its cost; `make plan GRID={rule.grid}` does"
    seeds = int(hours * 3600 / seconds)
    if seeds < 2:
        return f"{hours:g} h buy {seeds} seed{'s' * (seeds != 1)}: none to compare"
    shows = max(
        find_detectable_effect(part.std, seeds, ALPHA / max(part.tests, 1)) for part in ran if part.std is not None
    )
    few = f", fewer than the {LEAST_SEEDS} that a verdict needs" if seeds < LEAST_SEEDS else ""
    return f"{hours:g} h buy {seeds} seeds of these cells{few}: they detect {shows:.2g} with 80 % power"


def _seconds(rule: Rule, ran: Sequence[PartFinding], data: ProfileData) -> float | None:
    """Return the time of one seed of all cells of the parts: CPU on a laptop, else wall clock."""
    if rule.grid not in data.studies or not any(part.std is not None for part in ran):
        return None
    study, taken = data.studies[rule.grid].study, select_finished(data.studies[rule.grid].taken)
    wanted = {frozenset(labels.items()) for part in ran for labels in part.cells}
    cells = [cell for cell, labels in enumerate(study.cells) if frozenset(labels.items()) in wanted]
    column = "cpu_seconds" if data.profile == "laptop" else "wall_seconds"
    return float(taken[taken["cell"].isin(cells)].groupby("cell")[column].mean().sum()) or None
