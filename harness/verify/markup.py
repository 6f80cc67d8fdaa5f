"""LaTeX as models spell it, brought to one spelling; digits in groups become one number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from harness.verify.characters import to_ascii

# Pattern, replacement, and texts of which one stands in what the pattern finds: most patterns need not be tried.
_REWRITES: Final = tuple(
    (re.compile(pattern), replacement, tuple(needles.split()))
    for pattern, replacement, needles in (
        ("&lt;", "<", "&lt;"),
        ("&gt;", ">", "&gt;"),
        ("&amp;", "&", "&amp;"),
        (r"^\s*(?:\*\*|__)(.*?)(?:\*\*|__)\s*$", r"\1", "** __"),
        (r"^\s*\\\$([^$]+)\\\$\s*$", r"\1", r"\$"),
        (r"(?<![A-Za-z\\])U\.?S\.?\s*\\?\$(?=\s*[\d.])", r"\\text{US}\\dollar ", "U"),
        (r"(?<![A-Za-z\\])Rs\.?\s*(?=[\d}])", r"\\rupee ", "Rs"),
        (r"\\\$", r"\\dollar ", r"\$"),
        (r"\\(?:text)?(yen|euro|won|rupee)(?![a-zA-Z])", r"\\\1 ", "euro rupee won yen"),
        (r"\\(?:textsterling|pound)(?![a-zA-Z])", r"\\pounds ", "pound textsterling"),
        (r"\\\\\s*\[[-\w. ]*\]", "\\\\\\\\", "\\\\"),
        (r"(?<!\\)\\[()\[\]]|\$", " ", "$ \\"),
        (r"\\(?:left|right|m?left|m?right)\s*\.", " ", "left right"),
        (r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![a-zA-Z])", " ", "ig left middle right"),
        (
            r"\\(?:displaystyle|textstyle|large|Large|LARGE|huge|Huge|small|normalsize|limits|nolimits|rm|bf|it|hfill|hspace\{[^{}]*\})(?![a-zA-Z])",
            " ",
            "\\",
        ),
        (r"\\(?:[dtc]|nice|s|flat)frac(?![a-zA-Z])", r"\\frac", "frac"),
        (r"\{\s*\}\s*_\s*\{?(\d+)\}?\s*\\?C\s*_\s*\{?(\d+)\}?(?!\d)", r"\\binom{\1}{\2}", "{"),
        (r"(?<![\w}])\{?\}?[\^_]\s*\{?(\d+)\}?\s*C\s*_\s*\{?(\d+)\}?(?!\d)", r"\\binom{\1}{\2}", "C"),
        (r"\\[dt]binom(?![a-zA-Z])", r"\\binom", "binom"),
        (r"\\(?:mathbf|mathit|underline|boldsymbol|bm|mathcal|mathsf)(?![a-zA-Z])\s*", "", "\\"),
        (r"\\operatorname\*?(?![a-zA-Z])", r"\\text", r"\operatorname"),
        (r"\\(?:mbox|mathrm|textbf|textrm|textit|textnormal|textsf|texttt|emph)(?![a-zA-Z])", r"\\text", "\\"),
        (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))", r"\\degree ", r"\circ"),
        (r"\^\s*\\degree|\^\s*\{\s*\\degree\s*\}", r"\\degree ", r"\degree"),
        (r"\\degree\s*(?:\\text\s*\{\s*([CF])\s*\}|([CF])(?![a-zA-Z]))", r"\\text{degree\1\2}", r"\degree"),
        (
            r"\\?%|\\text\s*\{\s*(?:percents?|per cent|pct\.?)\s*\}|(?<![\\a-zA-Z])percent(?![a-zA-Z])",
            r"\\percent ",
            r"% \text percent",
        ),
        (r"\\(?:cdot|times|ast)(?![a-zA-Z])", "*", "ast cdot times"),
        (r"\*\*", "^", "**"),
        (r"(?<![a-zA-Z])([aApP])\.\s*([mM])\.?(?![a-zA-Z])", r"\1\2", "."),
        (r"(?<=\d)\s*[xX]\s*(?=10\s*\^)", "*", "10"),
        (r"\\div(?![a-zA-Z])", "/", r"\div"),
        (r"\\(?:text)?color\s*\{[^{}]*\}", " ", "color"),
        (r"\\(?:vec|overrightarrow)\s*(?:\{\s*0\s*\}|0)", "0", "overrightarrow vec"),
        (r"(?<=\d)\.(?=\s*[/*+)}\-])", "", "."),
        (r"\\(?:leqslant|leqq|leq)(?![a-zA-Z])|<=", r"\\le ", r"<= \leq"),
        (r"\\(?:geqslant|geqq|geq)(?![a-zA-Z])|>=", r"\\ge ", r">= \geq"),
        (r"\\lt(?![a-zA-Z])", "<", r"\lt"),
        (r"\\gt(?![a-zA-Z])", ">", r"\gt"),
        (r"\\neq(?![a-zA-Z])|!=", r"\\ne ", r"!= \neq"),
        (r"\+/-|\+-", r"\\pm ", "+"),
        (r"\\lbrace(?![a-zA-Z])", r"\\{", r"\lbrace"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}", r"\rbrace"),
        (r"\\lbrack(?![a-zA-Z])", "[", r"\lbrack"),
        (r"\\rbrack(?![a-zA-Z])", "]", r"\rbrack"),
        (r"\\(?:[lr]?vert)(?![a-zA-Z])", "|", "vert"),
        (r"\\varnothing(?![a-zA-Z])", r"\\emptyset ", r"\varnothing"),
        (r"\\var(epsilon|theta|phi|rho|sigma|kappa|pi)(?![a-zA-Z])", r"\\\1", r"\var"),
        (
            r"\\inf(?:in)?(?![a-zA-Z])|(?<![\\a-zA-Z])(?:infinity|inf|oo)(?![a-zA-Z])",
            r"\\infty ",
            r"\inf inf infinity oo",
        ),
        (r"\\text\s*\{\s*(?:infinity)\s*\}", r"\\infty ", "infinity"),
        (r"\\(?:bmod|mod)(?![a-zA-Z])", r"\\bmod ", "bmod mod"),
        (
            r"\\(?:therefore|implies|Rightarrow)(?![a-zA-Z])|\\(?:begin|end)\s*\{(?:aligned|align\*?|gathered|equation\*?)\}",
            " ",
            "\\",
        ),
        (r"\\colon(?![a-zA-Z])", ":", r"\colon"),
        (r"\^\s*\{?\s*\\prime\s*\}?", "'", r"\prime"),
        (r"\\(?:phantom|vphantom|hphantom)\s*\{[^{}]*\}", " ", "hphantom phantom vphantom"),
    )
)
_GAP: Final = re.compile(r"(?<!\\)\\[,;:! ]|\\q?quad(?![a-zA-Z])|~|\\(?:thin|med|thick)space(?![a-zA-Z])")
_ONE_GROUP: Final = r"(?<![\d.,^_])([1-9]\d{0,2})"
_SURE_GROUPS: Final = re.compile(_ONE_GROUP + r"((?:(?:\s*\{\s*,\s*\}\s*|,\\!\s*|\\,|\\ |\\;|\\!|~| )\d{3})+)(?![\d])")
_COMMA_GROUPS: Final = re.compile(_ONE_GROUP + r"((?:,\d{3})+)(?!\d|,\d)")
_REPEATING: Final = re.compile(r"(\d*)\.(\d{0,40})\s*\\(?:overline|bar|dot)\s*(?:\{\s*(\d{1,40})\s*\}|(\d))(?!\s*\d)")
_DOTTED: Final = re.compile(
    r"(?<![\d.])(\d{0,60})\.(\d{0,12}?)(?!0+(?!\d))(\d{1,6}?)\3{2,}\s*(?:\\(?:l|c)?dots(?![A-Za-z])|\.\.\.|\u2026)"
)
_BRACKET: Final = re.compile(r"\\[{}]|[()\[\]]")
_END: Final = " \t\r\n.,;:\\"


@lru_cache(maxsize=512)  # a judgement asks several times
def plain(text: str) -> str:
    """One spelling: ASCII, no math delimiters, sizes, fonts or spacing commands, whole numbers without separators."""
    text = to_ascii(text).strip()
    text = _REPEATING.sub(_repeating, _join_groups(text))
    if "dots" in text or "..." in text or "\u2026" in text:
        text = _DOTTED.sub(_dotted, text)
    for pattern, replacement, needles in _REWRITES:
        if any(needle in text for needle in needles):
            text = pattern.sub(replacement, text)
    text = _GAP.sub(" ", text)
    return text.strip().rstrip(_END).lstrip()


def _repeating(found: re.Match[str]) -> str:
    """0.1(6) is (16-1)/90."""
    return _fraction(found[1], found[2], found[3] or found[4])


def _fraction(whole: str, part: str, period: str) -> str:
    once = whole + part
    nines = "9" * len(period) + "0" * len(part)
    return rf"{{\frac{{{int(once + period) - int(once or 0)}}}{{{nines}}}}}"


def _dotted(found: re.Match[str]) -> str:
    """Read 0.1666..., whose period is written three times or more, as a fraction."""
    return _fraction(found[1], found[2], found[3])


def _join_groups(text: str) -> str:
    text = _SURE_GROUPS.sub(lambda found: found[1] + re.sub(r"\D", "", found[2]), text)
    spread = re.search(r",\s", text) is not None
    if _BRACKET.search(text) and not spread:
        return text  # (312,123,231) is a triple
    return _COMMA_GROUPS.sub(lambda found: found[1] + found[2].replace(",", ""), text)
