"""The files of the takeaways: Markdown with links, LaTeX, and CSV with run ids."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Final

from analysis.claims.tables import build_claims_table, build_cost_table, build_evidence_table, links
from analysis.tables.render import render_latex, render_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.claims.cost import Cost
    from analysis.claims.judge import Finding, PartFinding

COLUMNS: Final = (
    *("claim", "part", "source", "stands in", "says", "claim verdict", "place", "paper ran it", "expected", "verdict"),
    *("study", "metric", "unit", "number", "low", "high", "seeds", "p", "p adjusted", "p equivalent", "margin"),
    *("deviation", "detectable", "run ids", "links", "reason"),
)


def render_takeaway_files(findings: Sequence[Finding], costs: Sequence[Cost], profile: str) -> dict[str, bytes]:
    """Return the content of each file by its ending; it is the same for the same findings.

    Args:
        findings: The judged claims.
        costs: The costs of the recipes.
        profile: The profile of the runs.

    """
    first, cost = build_claims_table(findings, profile), build_cost_table(costs, profile)
    evidence = build_evidence_table(findings, profile, linked=True)
    below = [table for table in (evidence, cost) if table.rows]
    addresses = "".join(f"[{name}]: {address}\n" for name, address in links(findings))
    text = "\n".join((render_markdown(first), *(f"#{render_markdown(table)}" for table in below), addresses))
    plain = [table for table in (first, build_evidence_table(findings, profile, linked=False), cost) if table.rows]
    return {
        "md": (text.rstrip("\n") + "\n").encode(),
        "csv": comma_separated(findings).encode(),
        "tex": "\n".join(render_latex(table) for table in plain).encode(),
    }


def comma_separated(findings: Sequence[Finding]) -> str:
    """Return the findings as CSV, with one line per part and six significant digits.

    A claim without parts has one line. A missing number is an empty field.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for finding in findings:
        about = (finding.source, finding.stands, finding.sentence, finding.word)
        if not finding.parts:
            blank = [""] * (len(COLUMNS) - 2 - len(about) - 1)
            writer.writerow((finding.id, "", *about, *blank, finding.note))
        for number, part in enumerate(finding.parts, 1):
            writer.writerow((finding.id, number, *about, *_fields(part)))
    return out.getvalue()


def _fields(part: PartFinding) -> Iterator[str]:
    yield from (part.says, "no" if part.beyond else "yes", part.expected, part.word)
    yield from (part.study, part.metric, _unit(part))
    yield from map(_digits, (part.difference, part.low, part.high))
    yield " ".join(map(str, part.seeds))
    yield from map(_digits, (part.p, part.p_adjusted, part.p_equivalent, part.margin, part.std, part.detectable))
    yield from (" ".join(part.runs), " ".join(part.links), "; ".join(filter(None, (part.failed, part.reason))))


def _unit(part: PartFinding) -> str:
    """Return the unit of a number: a level, a difference of cells, or their ratio."""
    if not part.cells:
        return ""
    if len(part.cells) == 1:
        return "level"
    return "ratio" if part.ratio else "difference"


def _digits(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
