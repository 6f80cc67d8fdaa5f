"""Questions to the verifier and its answers: boxes, limits, reasons and results.

This module imports nothing heavy.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

# How to judge a response whose last box is not closed after a complete box: as incorrect, or by the complete box.
OpenBox = Literal["wrong", "ignored"]

_MARK: Final = re.compile(r"\\boxed\s*(?:\{|\Z)|\\(?!\\boxed\s*(?:\{|\Z)).|[{}]", re.DOTALL)
_BOX: Final = re.compile(r"\\boxed\s*\{")
_COMMENT: Final = re.compile(r"(?:(?<=\s)|\A)%(.*)")
_WORD: Final = re.compile("[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Boxes:
    """The result of reading the boxes of a response."""

    last: str | None  # content of the last complete box to close; None without one
    left_open: bool  # True: the last box to open is not closed


def read_boxes(response: str) -> Boxes:
    r"""Find the complete box that closes last, and whether a later box is left open.

    Escaped braces do not count. A doubled backslash before the command makes no difference. A box inside a box belongs
    to the outer one: ``\boxed{x=\boxed{2}}`` contains ``x={2}``. A comment in a box is not part of the answer. It
    starts at a ``%`` after white space and ends with the line. ``\boxed`` at the end of the response counts as an open
    box.
    """
    first = response.find("\\boxed")
    if first < 0:
        return Boxes(None, left_open=False)
    span, left_open = _scan(response, first)
    if span is None:
        return Boxes(None, left_open)
    *lines, end = _BOX.sub("{", response[slice(*span)]).split("\n")
    return Boxes("\n".join([*map(_without_comment, lines), end]), left_open)


def find_last_box(response: str) -> str | None:
    """Return the content of the complete box that closes last; None without one."""
    return read_boxes(response).last


def _scan(response: str, start: int) -> tuple[tuple[int, int] | None, bool]:
    """Return the content span of the last complete box, and whether the last box is open."""
    opened: list[int | None] = []  # start of the content of a box; None for any other brace
    span, latest, left_open = None, -1, False
    for mark in _MARK.finditer(response, start):
        if mark[0] == "}":
            begins = opened.pop() if opened else None
            span = span if begins is None else (begins, mark.start())
            left_open = left_open and begins != latest
        elif mark[0] == "{":
            opened.append(None)
        elif len(mark[0]) > 2:
            latest, left_open = mark.end(), True
            opened.append(latest)
    return span, left_open


def _without_comment(line: str) -> str:
    """Remove the comment of a line if it has words; ``50 %`` at the end is a percentage."""
    found = _COMMENT.search(line)
    return line[: found.start()] if found and _WORD.search(found[1]) else line


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
