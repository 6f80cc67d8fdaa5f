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
from analysis.report.links import assign_anchors, sort_studies
from analysis.report.paper import build_takeaways, count_claim_words, draw_paper_figures
from analysis.report.study import ReportPart, Section, build_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Study
    from harness.tracking import Store


_HERE: Final = Path(__file__).parent
_UNSAFE: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(name: str, **values: Any) -> str:
    """Fill a template of ``templates/``. A name that is used but not given is an error."""
    return _environment().get_template(name).render(**values)


def embed_json(value: Any) -> Markup:
    """Return a value as JSON that is safe inside a script element.

    Raises ValueError for nan and inf, which JSON lacks.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_UNSAFE))  # the characters with a meaning in HTML are escaped


def replace_minus(text: str) -> str:
    """Return the text with a minus sign in numbers; hyphens in words and run ids stay."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)


def allow_breaks(text: str) -> Markup:
    """Return a name in which a line may break after each slash and underscore."""
    return Markup(re.sub(r"([/_])", r"\1<wbr>", str(escape(text))))


def asset(name: str) -> Markup:
    """Return a file of this package that the page embeds: the style sheet or the script."""
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
    made.filters.update(breaks=allow_breaks, embedded=embed_json, minus=replace_minus)
    made.globals.update(asset=asset)
    return made


TITLE: Final = "Ablations of LLM reinforcement learning: report"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Options of the report page."""

    claims: bool = True  # include the takeaways, which are judged on all grids together
    mixed: bool = False  # judge claims also on runs of several commits or environments


def render_page(store: Store, studies: Sequence[Study], results: Path, options: ReportOptions = ReportOptions()) -> str:
    """Return the report page of these studies; it is the same for the same store.

    Args:
        store: The store of the runs.
        studies: The studies to show.
        results: The results folder with the files of the runs.
        options: Options of the page.

    """
    ordered = sort_studies(studies)
    sections = [
        Section.read(store, study, anchor, results)
        for study, anchor in zip(ordered, assign_anchors(ordered), strict=True)
    ]
    figures = draw_paper_figures(sections)  # before the parts: the lineage needs all numbers
    parts = [build_part(section) for section in sections]
    claims = build_takeaways(store, studies, results, _lines(parts), options.mixed) if options.claims else ()
    return render(
        "page.html",
        title=TITLE,
        parts=parts,
        paper=figures,
        takeaways=claims,
        counted=count_claim_words,
        families=FAMILIES,
        words=WORDS,
    )


def _lines(parts: Sequence[ReportPart]) -> dict[tuple[str, str, str], str]:
    """Return the id of each run's line, by study, profile and run id."""
    return {
        (each.study.name, each.study.profile, line.run_id): line.id
        for each in parts
        for entry in each.lineage.entries
        for line in entry.lines
    }
