"""Questions to the verifier and its verdicts: limits, reasons and results.

This module imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_CHARACTERS: Final = 4_096  # maximum length of a box or a gold answer; longer ones are not read


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for one question.

    The CPU deadline decides. The wall deadline only ends a process that does not run, such as a stopped one.
    """

    cpu_seconds: float = 2.0
    wall_seconds: float = 300.0
    memory_mb: int = 768  # of address space


REASONS: Final = {
    "same_text": "correct: the box has the gold, up to spacing and spelling of LaTeX",
    "same_number": "correct: both are plain integers, decimals or fractions and are equal",
    "equal": "correct: mathematically equal to the gold",
    "math_verify": "correct: our reader does not know the gold, and math-verify finds the two equal",
    "no_box": "wrong: the response has no complete box",
    "open_box": "wrong: another box opens after the last complete box and never closes",
    "empty_box": "wrong: the last complete box has only whitespace",
    "different": "wrong: parsed, and not equal to the gold",
    "other_form": "wrong: parsed, but not of the gold's kind, such as two values for one or an interval for a list",
    "other_unit": "wrong: in another unit than the gold, or in per cent where the gold is not",
    "other_base": "wrong: a base subscript is missing, superfluous or different",
    "stray_symbol": "wrong: has letters or words that the gold lacks",
    "unreadable": "wrong: words, code or notation instead of an answer",
    "too_long": "wrong: longer than the limit; not parsed",
    "too_deep": "wrong: nested deeper than the limit; not evaluated",
    "too_large": "wrong: a number has more digits than the limit; not evaluated",
    "gold_unreadable": "wrong: neither our reader nor math-verify knows the gold, and the texts differ",
    "deadline": "undecided: the CPU deadline passed",
    "memory": "undecided: the memory limit was hit",
    "crash": "undecided: the process ended twice without an answer",
}


# These reasons mean that a limit was hit. The response is rewarded as incorrect and counted separately.
UNDECIDED: Final = frozenset({"deadline", "memory", "crash"})


@dataclass(frozen=True, slots=True)
class Gold:
    """The gold answer of a benchmark: LaTeX with or without dollar signs."""

    answer: str
    tolerance: float | None = None  # largest absolute difference that the benchmark allows; None: exact


@dataclass(frozen=True, slots=True)
class Judgment:
    """The verdict on one response."""

    right: bool
    reason: str  # a key of harness.verify.model.verdict.REASONS
    answer: str | None  # normal form of the last box; equal texts are one candidate in a majority vote; None: no vote
    score: float | None = None  # from 0 to 1, by a reward function (harness.rewards); None: judged by the verifier

    @property
    def credit(self) -> float:
        """A number from 0 (incorrect) to 1 (correct), from which the reward is computed."""
        return float(self.right) if self.score is None else self.score

    @property
    def undecided(self) -> bool:
        """True if a limit was hit before the answer was judged."""
        return self.reason in UNDECIDED
