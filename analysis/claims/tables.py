"""The tables of the takeaways (claims, evidence and cost) and their files."""

from __future__ import annotations

import csv
from io import StringIO
from math import exp, floor, isfinite, log10
from typing import TYPE_CHECKING, Final

from analysis.claims.claim import SOURCES
from analysis.study import LAPTOP_WARNING
from analysis.tables import Column, ResultTable, render_latex, render_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.claims.cost import Cost, CostRatio
    from analysis.claims.judge import Finding, PartFinding


def format_finding(part: PartFinding) -> str:
    """Format the number of a part as ``+0.051 [+0.012, +0.090] (6)``, or a dash.

    A ratio has no sign: ``1.15 [1.10, 1.20] (6)``. Failed seeds follow: ``..., 6 of 12 seeds failed``.
    """
    failed = f", {part.failed}" if part.failed else ""
    if part.difference is None:
        return f"—{failed}"
    signed = not part.ratio and len(part.cells) > 1
    return format_spanned(part.difference, part.low, part.high, len(part.seeds), signed) + failed


def format_ratio(found: CostRatio | None) -> str:
    """Format a cost ratio as ``1.15 [1.10, 1.20] (6)``; a dash if there is none."""
    return "—" if found is None else format_spanned(found.value, found.low, found.high, found.seeds, False)


def format_spanned(value: float, low: float | None, high: float | None, seeds: int, signed: bool) -> str:
    """Format a number with its interval and number of seeds.

    The interval's half-width has two significant digits.

    Args:
        value: The number.
        low: Lower bound; None for one seed.
        high: Upper bound; None for one seed.
        seeds: Number of seeds.
        signed: Write a plus sign.

    """
    sign = "+" if signed else ""
    if low is None or high is None:
        return f"{value:{sign}.3g} ({seeds})"
    digits = _digits((high - low) / 2)
    return f"{value:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}] ({seeds})"


def format_detectable(part: PartFinding) -> str:
    """Format the smallest detectable effect of a part; empty if unknown. A ratio is a factor."""
    if part.detectable is None or not isfinite(part.detectable):
        return ""
    return f"x {exp(part.detectable):.3g}" if part.ratio else f"{part.detectable:.2g}"


def format_p(p: float | None) -> str:
    """Format a p value as ``0.034`` or ``< 0.001``; empty if there is none."""
    if p is None or not isfinite(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _digits(half_width: float) -> int:
    return min(max(1 - floor(log10(half_width)), 0), 5) if half_width > 0 and isfinite(half_width) else 3


_WORDS: Final = (
    "A part is supported where the tests call what the claim says, contradicted where they call the opposite, "
    "equivalent where a claimed difference is shown to be smaller than the grid's margin, exploratory below 6 paired "
    "seeds, else inconclusive. A claim has the word of its weakest part with runs: contradicted, exploratory, "
    "inconclusive, equivalent, supported, in this order. Parts without runs are counted and say nothing.",
    "The tests are those of the studies' verdicts: paired over training seeds, two-sided, at 5 %; all planned parts of "
    "a takeaway are one family (Holm). docs/takeaways.md has the rules.",
)
_NUMBERS: Final = (
    "A number is the mean over paired seeds of arm minus base, with its 95 % interval and the number of seeds; a level "
    "has no base; costs are ratios. p is adjusted within the takeaway. Could show: the smallest true effect that these "
    "runs would find with 80 % power at that level. A dagger marks places that the paper did not run.",
    "Twins are cells whose training signal cannot differ, as the plan found; a part between them is a control outside "
    "the family, with its p as it is.",
    "fall(curve): the best mean of five steps in a row less that of the last five. mean(curve): over all steps. "
    "clipped(connectives): their share among the tokens that the upper bound held back.",
    "Run ids and what else stands behind a number: the CSV file beside this table, or "
    "`make trace CELL=takeaways.{profile}/CLAIM,PART/number`. The links open the runs in MLflow (`make ui`).",
)
_COST: Final = (
    "Ratios are geometric means over paired seeds of the same model and difficulty, with 95 % intervals and the number "
    "of pairs. Seconds are those of the processor on a laptop and of the clock elsewhere, of training steps alone, "
    "without evaluation. Tokens are all that a step samples, those of groups that are drawn anew included.",
    "PPO here has no critic. A popular summary gives 115 % for Lite PPO and 210 % for DAPO; the paper gives no cost.",
)


def build_claims_table(findings: Sequence[Finding], profile: str) -> ResultTable:
    """Return the table of claims, one row per claim."""
    return ResultTable(
        name=f"takeaways.{profile}",
        title=f"takeaways ({profile} profile)",
        warning=LAPTOP_WARNING if profile == "laptop" else "",
        lead=(
            "What the runs of this profile say of the paper's takeaways (T1 to T8, numbered as in its first and third "
            "version), of its recipe (R), of what sets the scene (C), and of numbers that a popular summary adds (S).",
        ),
        columns=tuple(Column(name, name, "label") for name in ("claim", "says", "stands in", "verdict", "on")),
        rows=tuple((f.id, f.sentence, _stands(f), f.word, f.note) for f in findings),
        notes=_WORDS,
    )


def build_evidence_table(findings: Sequence[Finding], profile: str, linked: bool) -> ResultTable:
    """Return the table of evidence, one row per part with runs.

    Args:
        findings: The judged claims.
        profile: The profile of the runs.
        linked: Name a link in the last column; ``links`` gives the addresses.

    """
    names = ("claim", "part", "place", "expected", "metric", "number", "p", "could show", "verdict", "runs")
    numbers = {"number", "p", "could show"}
    return ResultTable(
        name=f"takeaways_evidence.{profile}",
        title="Evidence",
        warning="",
        lead=(),
        columns=tuple(Column(name, name, "number" if name in numbers else "label") for name in names),
        rows=tuple(_row(finding, number, part, linked) for finding in findings for number, part in _with_runs(finding)),
        notes=tuple(note.format(profile=profile) for note in _NUMBERS),
    )


def build_cost_table(costs: Sequence[Cost], profile: str) -> ResultTable:
    """Return the table of costs, one row per setting and recipe."""
    names = ("place", "recipe", "seconds a step", "to vanilla PPO", "tokens a step", "tokens to vanilla PPO")
    return ResultTable(
        name=f"takeaways_cost.{profile}",
        title="What a step costs",
        warning="",
        lead=(),
        columns=tuple(Column(name, name, "label" if name in names[:2] else "number") for name in names),
        rows=tuple(
            (
                f"{cost.role}, {cost.tier}",
                cost.recipe,
                f"{cost.seconds:.3g}",
                format_ratio(cost.seconds_ratio),
                "—" if cost.tokens is None else f"{cost.tokens:.0f}",
                format_ratio(cost.tokens_ratio),
            )
            for cost in costs
        ),
        notes=_COST,
    )


def links(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Yield the name of each link in the evidence table and its MLflow address.

    The address is that of the page that compares the runs.
    """
    for finding in findings:
        for number, part in _with_runs(finding):
            if part.links:
                yield f"{finding.id}/{number}", join_addresses(part.links)


def join_addresses(addresses: Sequence[str]) -> str:
    """Return one MLflow address for several runs, given as ``.../#/experiments/E/runs/R``."""
    pages, _, _ = addresses[0].partition("/#/")
    found = [address.rsplit("/", 3) for address in addresses]  # ..., experiment, "runs", run
    runs = ",".join(f"%22{run}%22" for *_, run in found)
    experiments = ",".join(dict.fromkeys(f"%22{experiment}%22" for _, experiment, _, _ in found))
    return f"{pages}/#/compare-runs?runs=%5B{runs}%5D&experiments=%5B{experiments}%5D"


def _with_runs(finding: Finding) -> Iterator[tuple[int, PartFinding]]:
    return ((number, part) for number, part in enumerate(finding.parts, 1) if part.word != "no runs")


def _row(finding: Finding, number: int, part: PartFinding, linked: bool) -> tuple[str, ...]:
    runs = f"{len(part.runs)} runs"
    return (
        finding.id,
        str(number),
        part.says + (" †" if part.beyond else ""),
        part.expected,
        part.metric,
        format_finding(part),
        format_p(part.p_adjusted),
        format_detectable(part),
        part.word + (" (twins)" if part.reason else ""),
        f"[{runs}][{finding.id}/{number}]" if linked and part.links else runs,
    )


def _stands(finding: Finding) -> str:
    if finding.source == SOURCES["summary"]:
        return f"{finding.stands}; not in the paper"
    return f"{finding.source}: {finding.stands}"


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
    yield from map(_files_digits, (part.difference, part.low, part.high))
    yield " ".join(map(str, part.seeds))
    yield from map(_files_digits, (part.p, part.p_adjusted, part.p_equivalent, part.margin, part.std, part.detectable))
    yield from (" ".join(part.runs), " ".join(part.links), "; ".join(filter(None, (part.failed, part.reason))))


def _unit(part: PartFinding) -> str:
    """Return the unit of a number: a level, a difference of cells, or their ratio."""
    if not part.cells:
        return ""
    if len(part.cells) == 1:
        return "level"
    return "ratio" if part.ratio else "difference"


def _files_digits(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
