"""Unicode that models write for LaTeX, as LaTeX in ASCII."""

# ruff: noqa: RUF001  # characters that look like others are what this file is about

from __future__ import annotations

import re
import unicodedata
from typing import Final

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
    """The same text in ASCII where that is sound; what has no such form stays as it is."""
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
