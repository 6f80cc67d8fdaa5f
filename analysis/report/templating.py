"""The page's templates: HTML files with autoescape, so that no text of a run is ever markup."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

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
