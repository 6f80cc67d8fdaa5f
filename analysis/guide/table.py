"""The whole guide of a profile as a decision table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.guide.advice import answer
from analysis.guide.rules import RULES
from analysis.guide.terminal import UNCHECKED
from analysis.layout import LAPTOP
from analysis.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.guide.rules import Rule
    from analysis.takeaways.finding import Finding
    from analysis.takeaways.measured import Shelf

_COLUMNS: Final = ("question", "when", "do", "the paper", "runs of this profile", "how sure", "next")
_NOTES: Final = (
    "Find the rows of your model, length and rewards: one for each question. Short, medium and long stand for the "
    "paper's limits of 8k, 16k and 20k tokens, and for those of the grid p8_overlong; rewards are concentrated where "
    "most responses are right, so that their deviation is small (the paper's easy data).",
    "The paper's evidence is one seed a curve. It is kept apart from the runs of this profile, which are your own: "
    "verdict, place, mean paired difference with its 95 % interval, seeds.",
    "How sure: shown here, contradicted here, no difference here (the verdict of the claims behind the advice, on your "
    "runs), open (inconclusive), first signs (fewer than 6 seeds), paper alone, untested (not in the paper either). "
    "Where runs contradict, the advice turns. docs/guide.md has the rule.",
    "Next: the seeds with which these cells show an effect of the grid's margin with 80 % power, from the spread of "
    "your runs; 6 where there are none. One case in the terminal: `make guide MODEL=small_base LENGTH=short`.",
)


def guide_table(findings: Sequence[Finding], shelf: Shelf) -> Table:
    """One row a question and case."""
    rows = tuple(_row(rule, role, findings, shelf) for rule in RULES for role in rule.roles)
    checked = any(part.word != "no runs" for finding in findings for part in finding.parts)
    return Table(
        name=f"guide.{shelf.profile}",
        title=f"guide ({shelf.profile} profile)",
        warning=LAPTOP if shelf.profile == "laptop" else "",
        lead=("What to do, for whom, on which evidence, and what to run to become surer.", *[UNCHECKED][checked:]),
        columns=tuple(Column(name, name, "label") for name in _COLUMNS),
        rows=rows,
        notes=_NOTES,
    )


def _row(rule: Rule, role: str, findings: Sequence[Finding], shelf: Shelf) -> tuple[str, ...]:
    advice = answer(rule, role, findings, shelf)
    command = f"`{advice.next}`" if advice.next.startswith("make ") else advice.next
    return (rule.question, _when(rule, role), advice.do, advice.paper, advice.here, advice.sure, command)


def _when(rule: Rule, role: str) -> str:
    """``small base model, short responses``."""
    parts = [f"{role.replace('_', ' ')} model"]
    if len(rule.lengths) == 1:
        parts.append(f"{rule.lengths[0]} responses")
    if len(rule.rewards) == 1:
        parts.append(f"{rule.rewards[0]} rewards")
    return ", ".join(parts)
