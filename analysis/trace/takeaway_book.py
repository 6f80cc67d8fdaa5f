"""The takeaways, traced: a number leads to the cells that its claim compares, and to their runs."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Final

from analysis.takeaways.numbers import could_show, probability, shown
from analysis.trace.book import Book, Heading, Number, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.takeaways.finding import Finding, PartFinding
    from analysis.trace.book import Side
    from analysis.trace.study_book import Held

_COLUMNS: Final = ("number", "p adjusted", "could show", "verdict")
_HOW: Final[Mapping[str, str]] = {
    "number": "mean over paired seeds of what the claim compares, with its 95 % interval",
    "p adjusted": "two-sided paired t test, adjusted after Holm over all planned parts of the takeaway",
    "could show": "smallest true effect that these runs find with 80 % power at the takeaway's level",
    "verdict": "called by the rules of docs/takeaways.md",
}


def takeaway_book(findings: Sequence[Finding], profile: str, studies: Mapping[str, Held]) -> Book:
    """The evidence of all claims with runs. Rows are named by claim and part."""
    found = [
        (finding, number, part)
        for finding in findings
        for number, part in enumerate(finding.parts, 1)
        if part.word != "no runs"
    ]
    return Book(
        name=f"takeaways.{profile}",
        rows=tuple(Row({"claim": finding.id, "part": str(number)}) for finding, number, _ in found),
        columns=tuple(Heading(name, name) for name in _COLUMNS),
        look=lambda row, column: _number(found[row][0], found[row][2], _COLUMNS[column], studies),
    )


def _number(finding: Finding, part: PartFinding, column: str, studies: Mapping[str, Held]) -> Number:
    texts = {
        "number": shown(part),
        "p adjusted": probability(part.p_adjusted),
        "could show": could_show(part),
        "verdict": part.word,
    }
    unit = exp if part.ratio else float
    combined = {
        seed: unit(arm - base) for seed, arm, base in zip(part.seeds, part.arm, part.base, strict=True)
    }  # what the mean is over
    asked = f"{part.says}: {part.expected} expected, of {part.metric}"
    how = (f"{finding.id}: {finding.sentence}", asked, _HOW[column])
    return Number(texts[column], how, tuple(_sides(part, studies[part.study])), combined)


def _sides(part: PartFinding, found: Held) -> list[Side]:
    places = {frozenset(labels.items()): cell for cell, labels in enumerate(found.study.cells)}
    cells = [places[frozenset(labels.items())] for labels in part.cells]
    metric = part.metric.partition(" less ")[0]
    return [found.side(f"term {number}", cell, metric, part.seeds) for number, cell in enumerate(cells, 1)]
