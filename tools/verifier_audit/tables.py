"""The tables of an audit: Markdown for people and CSV for programs."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Final

from analysis.stats import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.records import AuditCount, AuditCounts, AuditReport, Mistake

_TITLES: Final = (
    "pairs",
    "right",
    "wrong",
    "false positives",
    "false negatives",
    "undecided",
    "math-verify: false positives",
    "math-verify: false negatives",
)
_COLUMNS: Final = (
    "group",
    "name",
    "verifier",
    "right",
    "wrong",
    *(f"{mistake}{end}" for mistake in ("false_positives", "false_negatives") for end in ("", "_low", "_high")),
    "undecided",
)


def markdown(report: AuditReport) -> str:
    """Return the report as Markdown: table, notes and every mistake."""
    total = report.verifier.total
    lead = (
        f"{total.right + total.wrong} pairs of a gold and a response, all of our own making "
        f"(`harness/audit/pairs`), {total.right} labelled right and {total.wrong} wrong by the protocol of "
        "docs/verifier.md. Written by `make audit`."
    )
    rows = [_TITLES, ("---", *("---:",) * 7), *_rows(report)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    parts = ["# The verifier's own errors", lead, table, "\n".join(f"- {note}" for note in _notes(report))]
    return "\n\n".join((*parts, *_mistakes(report))) + "\n"


def comma_separated(report: AuditReport) -> str:
    """Return the report as CSV, one row per verifier and group of pairs.

    Shares and their Wilson intervals are fractions.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, counts in (("ours", report.verifier), ("math-verify", report.plain)):
        writer.writerows(_csv_rows(name, counts) if counts else ())
    return out.getvalue()


def share(part: int, whole: int) -> str:
    """Return a share as text with Wilson's 95 % interval; a dash where nothing was counted.

    An example is ``2 of 400: 0.5 % [0.1, 1.8]``.
    """
    if not whole:
        return "—"
    low, high = wilson_interval(part, whole)
    return f"{part} of {whole}: {100 * part / whole:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _rows(report: AuditReport) -> Iterator[tuple[str, ...]]:
    plain = dict(_groups(report.plain)) if report.plain else {}
    for (group, name), count in _groups(report.verifier):
        other = plain.get((group, name))
        yield (
            f"**{name}**" if group == "all" else name.replace("_", " "),
            str(count.right),
            str(count.wrong),
            *_shares(count),
            str(count.undecided),
            *(_shares(other) if other else ("—", "—")),
        )


def _groups(counts: AuditCounts) -> Iterator[tuple[tuple[str, str], AuditCount]]:
    for group, named in (("form", counts.forms), ("kind", counts.kinds)):
        for name, count in named.items():
            yield (group, name), count
    yield ("all", "all"), counts.total


def _shares(count: AuditCount) -> tuple[str, str]:
    return share(count.false_positives, count.wrong), share(count.false_negatives, count.right)


def _notes(report: AuditReport) -> Iterator[str]:
    yield (
        "False positives: of the wrong pairs, those that earn a reward; false negatives: of the right pairs, those "
        "that earn none. In brackets Wilson's 95 % interval, in per cent. Undecided: a limit was hit; no reward."
    )
    yield "math-verify: its default configuration on the same pairs, the gold between dollar signs, the response whole."
    yield "The verifier was mended where it erred on these pairs: on answers unlike them it may err more often."
    if not report.plain:
        yield "math-verify did not get through the pairs, hence the dashes."
    changed = {"yes": " with changes", "unknown": ", with or without changes"}.get(report.dirty, "")
    packages = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    yield f"Commit {report.commit[:10]}{changed}; {packages}."


def _mistakes(report: AuditReport) -> Iterator[str]:
    if not report.mistakes:
        yield "No mistakes."
        return
    yield "## Mistakes"
    yield "\n".join(_line(mistake) for mistake in report.mistakes)


def _line(mistake: Mistake) -> str:
    read = "nothing" if mistake.answer is None else f"`{mistake.answer}`"
    return f"- {mistake.id}, {mistake.kind}: gold `{mistake.gold}`, read {read}, `{mistake.reason}` ({mistake.why})"


def _csv_rows(name: str, counts: AuditCounts) -> Iterator[tuple[str | int, ...]]:
    for (group, label), count in _groups(counts):
        positives = _numbers(count.false_positives, count.wrong)
        negatives = _numbers(count.false_negatives, count.right)
        yield (group, label, name, count.right, count.wrong, *positives, *negatives, count.undecided)


def _numbers(part: int, whole: int) -> tuple[str | int, ...]:
    return part, *(f"{bound:.6g}" for bound in wilson_interval(part, whole))
