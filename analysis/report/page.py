"""Render the report page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.report.judged import FAMILIES, WORDS
from analysis.report.links import anchors, in_order
from analysis.report.paper import paper
from analysis.report.part import Held, ReportPart, part
from analysis.report.takeaways import counted, takeaways

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records.record import Study
    from harness.tracking.store import Store


_HERE: Final = Path(__file__).parent
_UNSAFE: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(name: str, **values: Any) -> str:
    """Fill a template of ``templates/``; a name that it uses and is not given is an error."""
    return _environment().get_template(name).render(**values)


def embedded(value: Any) -> Markup:
    """JSON that may stand inside a script element: none of its text can end the element.

    Raises ValueError for numbers that JSON has not (nan, inf).
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_UNSAFE))  # the signs that HTML reads are escaped


def minus(text: str) -> str:
    """A number's hyphen as the minus sign; hyphens inside words and run ids stay."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)


def breaks(text: str) -> Markup:
    """A name that a line may break after each slash and underline."""
    return Markup(re.sub(r"([/_])", r"\1<wbr>", str(escape(text))))


def asset(name: str) -> Markup:
    """A file of this package that goes into the page as it is: the style sheet, the script."""
    return Markup((_HERE / name).read_text(encoding="utf-8"))


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters.update(breaks=breaks, embedded=embedded, minus=minus)
    made.globals.update(asset=asset)
    return made


TITLE: Final = "Ablations of LLM reinforcement learning: report"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the page leaves out or takes in."""

    claims: bool = True  # the takeaways, which are judged on all grids together
    mixed: bool = False  # claims on studies whose runs are of several commits or environments


def page(store: Store, studies: Sequence[Study], results: Path, options: ReportOptions = ReportOptions()) -> str:
    """The page of these studies; the same text for the same store. ``results``: the folder with what runs left."""
    ordered = in_order(studies)
    held = [Held.of(store, study, anchor, results) for study, anchor in zip(ordered, anchors(ordered), strict=True)]
    figures = paper(held, results)  # before the parts: lineage has what all numbers ask for
    parts = [part(each, store.links(each.study.name)) for each in held]
    claims = takeaways(store, studies, results, _lines(parts), options.mixed) if options.claims else ()
    return render(
        "page.html",
        title=TITLE,
        parts=parts,
        paper=figures,
        takeaways=claims,
        counted=counted,
        families=FAMILIES,
        words=WORDS,
    )


def _lines(parts: Sequence[ReportPart]) -> dict[tuple[str, str, str], str]:
    """Study, profile and run id -> the id of the run's line."""
    return {
        (each.study.name, each.study.profile, line.run_id): line.id
        for each in parts
        for entry in each.lineage.entries
        for line in entry.lines
    }
