"""Normalize the LaTeX of models to one form, and split it into tokens."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from harness.verify.model import Refused

# ruff: noqa: RUF001  # characters that look like others are what this file is about


_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni")
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₙ", "0123456789+-n")
_SUPERSCRIPT: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ]+")
_SUBSCRIPT: Final = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋ₙ]+")
_VULGAR: Final = re.compile("[¼½¾⅐-⅞]")
_SIGNS: Final = {
    **dict.fromkeys("−‐‑‒–—﹣－", "-"),
    **dict.fromkeys("×·⋅∙∗✕", "*"),
    **dict.fromkeys("÷∕⁄／", "/"),
    **dict.fromkeys("\u200b\u200c\u2060\ufeff\u00ad\u2061\u2062", ""),
    **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2007\u2008\u2009\u200a\u202f\u3000\u205f", " "),
    **dict.fromkeys("’′", "'"),
    **{"“": '"', "”": '"', "（": "(", "）": ")", "，": ",", "；": ";", "：": ":", "＝": "=", "％": "%", "∶": ":"},
    **{"√": r"\sqrt ", "∛": r"\sqrt[3]", "∞": r"\infty ", "°": r"\degree ", "∠": r"\angle ", "º": r"\degree "},
    **{
        "≤": r"\le ",
        "≥": r"\ge ",
        "⩽": r"\le ",
        "⩾": r"\ge ",
        "≠": r"\ne ",
        "≈": r"\approx ",
        "≡": r"\equiv ",
        "±": r"\pm ",
    },
    **{"∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}"},
    **{"⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "⟨": r"\langle ", "⟩": r"\rangle "},
    **{"∨": r"\lor ", "∧": r"\land ", "∖": r"\setminus ", "ℏ": r"\hbar ", "€": r"\euro ", "£": r"\pounds "},
    **{"¥": r"\yen ", "₹": r"\rupee ", "₨": r"\rupee ", "₩": r"\won ", "₽": r"\rouble ", "₪": r"\shekel "},
    **{"₺": r"\lira ", "₱": r"\peso ", "¢": r"\text{ cents}", "‰": r"\text{ permille}"},
    **{"ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}"},
    **{"α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "ζ": r"\zeta "},
    **{"η": r"\eta ", "θ": r"\theta ", "κ": r"\kappa ", "λ": r"\lambda ", "μ": r"\mu ", "µ": r"\mu "},
    **{"ν": r"\nu ", "ξ": r"\xi ", "π": r"\pi ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi "},
    **{"ϕ": r"\phi ", "χ": r"\chi ", "ψ": r"\psi ", "ω": r"\omega ", "Γ": r"\Gamma ", "Δ": r"\Delta "},
    **{"Θ": r"\Theta ", "Λ": r"\Lambda ", "Π": r"\Pi ", "Σ": r"\Sigma ", "Φ": r"\Phi ", "Ω": r"\Omega "},
}
_TABLE: Final = str.maketrans(_SIGNS)


def to_ascii(text: str) -> str:
    """Convert a text to ASCII where that is safe; other characters stay unchanged."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    text = _VULGAR.sub(_fraction, text)
    text = _SUPERSCRIPT.sub(lambda run: "^{" + run[0].translate(_SUPERSCRIPTS) + "}", text)
    text = _SUBSCRIPT.sub(lambda run: "_{" + run[0].translate(_SUBSCRIPTS) + "}", text)
    text = text.translate(_TABLE)
    return text if text.isascii() else "".join(map(_compatible, text)).translate(_TABLE)


def _fraction(vulgar: re.Match[str]) -> str:
    over, _, under = unicodedata.normalize("NFKC", vulgar[0]).partition("⁄")
    return rf"\frac{{{over}}}{{{under}}}"


def _compatible(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    form = unicodedata.normalize("NFKC", character)
    return form if len(form) == 1 else character


# Pattern, replacement, and texts. Every match contains one of these texts, so that most patterns need not be tried.
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


@lru_cache(maxsize=512)  # one judgment calls this several times
def normalize_latex(text: str) -> str:
    """Return the normal form of an answer in LaTeX.

    It is ASCII without math delimiters, sizes, fonts, spacing commands and thousands separators.
    """
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
    """Convert 0.1(6) to (16-1)/90."""
    return _markup_fraction(found[1], found[2], found[3] or found[4])


def _markup_fraction(whole: str, part: str, period: str) -> str:
    once = whole + part
    nines = "9" * len(period) + "0" * len(part)
    return rf"{{\frac{{{int(once + period) - int(once or 0)}}}{{{nines}}}}}"


def _dotted(found: re.Match[str]) -> str:
    """Convert 0.1666... to a fraction; the period must occur at least three times."""
    return _markup_fraction(found[1], found[2], found[3])


def _join_groups(text: str) -> str:
    text = _SURE_GROUPS.sub(lambda found: found[1] + re.sub(r"\D", "", found[2]), text)
    spread = re.search(r",\s", text) is not None
    if _BRACKET.search(text) and not spread:
        return text  # (312,123,231) is a triple, not a number
    return _COMMA_GROUPS.sub(lambda found: found[1] + found[2].replace(",", ""), text)


MOST: Final = 3_000
DEEPEST: Final = 40
Kind = Literal["number", "letters", "word", "command", "sign"]

_TOKEN: Final = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\w.^]))?)"
    r"|(?P<text>\\text\s*\{)"
    r"|(?P<command>\\[A-Za-z]+|\\[{}|\\])"
    r"|(?P<word>[A-Za-z]*[^\x00-\x7f][A-Za-z\x80-\U0010ffff]*)"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<sign>[-+*/^_=<>()\[\]{}|!,;:&'])"
)
_OPENING: Final = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "\\langle": "\\rangle", "\\lfloor": "\\rfloor"}
OPENING: Final = {**_OPENING, "\\lceil": "\\rceil", "\\begin": "\\end"}
CLOSING: Final = frozenset((*OPENING.values(),))


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of an answer. ``text`` is its text."""

    kind: Kind
    text: str
    spaced: bool = False  # True: white space precedes it

    def is_(self, *texts: str) -> bool:
        """Return whether the token is one of these signs or commands."""
        return self.kind in ("sign", "command") and self.text in texts


Tokens = Sequence[Token]


def tokenize_latex(text: str) -> tuple[Token, ...]:
    """Return the tokens of plain LaTeX. Raises Refused for text that no answer contains."""
    found: list[Token] = []
    for token in _scan(text):
        found.append(token)
        if len(found) > MOST:
            raise Refused("too_long")
    return tuple(found)


def is_foreign(text: str) -> bool:
    """Return whether a text consists of letters and their marks, in any script."""
    return all(unicodedata.category(character)[0] in "LM" for character in text)


def split_tokens(parts: Tokens, *separators: str) -> list[Tokens]:
    """Split tokens at separators outside of all brackets; one part without a separator."""
    if not any(token.text in separators and token.is_(*separators) for token in parts):
        return [parts]
    ends = [at for at, token, depth in iterate_depths(parts) if depth == 0 and token.is_(*separators)]
    return [parts[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(parts)], strict=True)]


def iterate_depths(parts: Tokens) -> Iterator[tuple[int, Token, int]]:
    """Yield position, token and the number of brackets around it.

    A bracket is not inside itself. Any closing bracket closes any opening one: ``(3,4]`` is an interval. Raises Refused
    where brackets do not pair.
    """
    depth = 0
    for at, token in enumerate(parts):
        depth -= token.is_(*CLOSING)
        if depth < 0:
            raise Refused("unreadable")
        yield at, token, depth
        depth += token.is_(*OPENING)
        if depth > DEEPEST:
            raise Refused("too_deep")
    if depth:
        raise Refused("unreadable")


def is_one_bracket(parts: Tokens) -> bool:
    """Return whether the first token opens a bracket that the last token closes."""
    if len(parts) < 2 or not parts[0].is_(*OPENING) or not parts[-1].is_(*CLOSING):
        return False
    return all(depth > 0 or at in (0, len(parts) - 1) for at, _, depth in iterate_depths(parts))


def _scan(text: str) -> Iterator[Token]:
    at, spaced = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused("unreadable")
        at = match.end()
        if match.lastgroup == "text":
            end = _closing(text, at)
            yield from _words(text[at:end])
            at = end + 1
        elif match.lastgroup != "space":
            if match.lastgroup == "word" and not is_foreign(match[0]):
                raise Refused("unreadable")
            yield Token(match.lastgroup, match[0], spaced)  # type: ignore[arg-type]  # the groups are the kinds
        spaced = match.lastgroup == "space"


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth < 0:
            return at
    raise Refused("unreadable")


def _words(text: str) -> Iterator[Token]:
    for token in _scan(text.replace(".", " ") if re.search(r"[A-Za-z]\.", text) else text):
        yield Token("word", token.text, True) if token.kind == "letters" else token
