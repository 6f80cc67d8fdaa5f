"""Why a verdict is what it is."""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "same_text": "right: the box holds the gold, up to spacing and spelling of LaTeX",
    "same_number": "right: both are plain integers, decimals or fractions and are equal",
    "equal": "right: mathematically equal to the gold",
    "math_verify": "right: a gold that our reader does not know, and math-verify finds the two equal",
    "no_box": "wrong: the response holds no complete box",
    "open_box": "wrong: behind the last complete box another was begun and never closed",
    "empty_box": "wrong: the last complete box holds only space",
    "different": "wrong: read, and not equal to the gold",
    "other_form": "wrong: read, but not of the gold's kind, such as two values for one or an interval for a list",
    "other_unit": "wrong: in another unit than the gold, or in per cent where the gold is not",
    "other_base": "wrong: a base subscript is missing, too many or another",
    "stray_symbol": "wrong: holds letters or words that the gold does not",
    "unreadable": "wrong: words, code or notation that is no answer",
    "too_long": "wrong: longer than an answer can be; never parsed",
    "too_deep": "wrong: nested deeper than an answer can be; never evaluated",
    "too_large": "wrong: holds numbers with more digits than an answer can have; never evaluated",
    "gold_unreadable": "wrong: neither our reader nor math-verify knows the gold, and the texts differ",
    "deadline": "undecided: the CPU deadline passed",
    "memory": "undecided: the memory limit was hit",
    "crash": "undecided: the process ended twice without an answer",
}
