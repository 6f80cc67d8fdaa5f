"""Advice for a case: what to do, what the paper and one's own runs say of it, how sure, and what to run next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.guide.next_run import next_run
from analysis.guide.rules import RULES
from analysis.takeaways.catalog import CLAIMS
from analysis.takeaways.numbers import shown
from analysis.takeaways.wording import Word, of_claim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.guide.rules import Rule
    from analysis.guide.scenario import Scenario
    from analysis.takeaways.claim import Part
    from analysis.takeaways.finding import Finding, PartFinding
    from analysis.takeaways.measured import Shelf

# How sure one may be, from the word of the claims' parts for this model (docs/guide.md).
SURE: Final[Mapping[Word, str]] = {
    "supported": "shown here",
    "contradicted": "contradicted here",
    "equivalent": "no difference here",
    "inconclusive": "open",
    "exploratory": "first signs",
    "no runs": "paper alone",
}
UNTESTED: Final = "untested"  # no runs here, and none of such a model in the paper
_PARTS: Final[Mapping[str, tuple[Part, ...]]] = {claim.id: claim.parts for claim in CLAIMS}


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer to one question."""

    question: str
    do: str
    paper: str
    here: str  # what the runs of the profile say; they are one's own
    word: Word
    sure: str
    next: str  # a command, or why none is needed
    budget: str  # what the hours buy; empty without any


def advise(case: Scenario, findings: Sequence[Finding], shelf: Shelf) -> tuple[Advice, ...]:
    """One answer a question."""
    return tuple(answer(rule, case.role, findings, shelf, case.hours) for rule in RULES if rule.fits(case))


def answer(rule: Rule, role: str, findings: Sequence[Finding], shelf: Shelf, hours: float | None = None) -> Advice:
    """What a rule says for a model, on the findings of a profile."""
    parts = tuple(_parts(rule, role, findings))
    word = of_claim([part.word for part in parts])
    run = next_run(rule, role, parts, shelf, hours)
    return Advice(
        question=rule.question,
        do=_do(rule, word),
        paper=rule.paper if role in rule.ran else f"{rule.paper}; no run of such a model",
        here=_here(parts),
        word=word,
        sure=UNTESTED if word == "no runs" and role not in rule.ran else SURE[word],
        next=run.command,
        budget=run.budget,
    )


def _parts(rule: Rule, role: str, findings: Sequence[Finding]) -> Iterator[PartFinding]:
    """The parts of the rule's claims that are about this model, and about its difficulties."""
    by_id = {finding.id: finding for finding in findings}
    for claim in rule.claims:
        for part, found in zip(_PARTS[claim], by_id[claim].parts, strict=True):
            models = {term.at["model"] for term in part.terms if "model" in term.at}
            tiers = {term.at["difficulty"] for term in part.terms if "difficulty" in term.at}
            if models == {role} and (not rule.tiers or tiers <= {*rule.tiers}):
                yield found


def _do(rule: Rule, word: Word) -> str:
    if word == "contradicted":
        return f"{rule.instead}; the paper's advice did worse here ({rule.do})"
    if word == "equivalent":
        return f"{rule.do}; or not, for it makes no difference here"
    return rule.do


def _here(parts: Sequence[PartFinding]) -> str:
    ran = [part for part in parts if part.word != "no runs"]
    return "; ".join(f"{part.word} at {part.says}: {shown(part)}" for part in ran) or "no runs"
