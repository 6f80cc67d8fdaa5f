"""Judge the content of one box against one gold answer, with math-verify as fallback.

The file also holds ``other_readings``: equivalent forms of gold answer and response.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.verify.compare import find_answer_difference, normalize_spelling, rename_bound_variables, rename_constants
from harness.verify.model import (
    MOST_CHARACTERS,
    Brackets,
    Listing,
    Refused,
    Scalar,
    Shape,
    Text,
    Undefined,
    collect_symbols,
)
from harness.verify.parse import (
    find_chosen_option,
    is_same_wording,
    list_other_numbers,
    normalize_latex,
    parse_answer,
    read_option_letter,
    strip_label,
    strip_qualifiers,
)

_LN: Final = re.compile(r"(?:\\|(?<![A-Za-z\\]))ln(?![A-Za-z])")
_LOG: Final = re.compile(r"(?:\\|(?<![A-Za-z\\]))log(?![A-Za-z])(?!\s*_)")
_LOG_OF_WHOLE: Final = re.compile(r"\\log(?![A-Za-z])(?!\s*_)\s*(?:\\log\s*)?[({\s]*[nNmkpd](?![A-Za-z])")
_ANY_LOG_BASE: Final = re.compile(r"\\log\s*_")
_MIXED: Final = re.compile(
    r"\s*(-?\d+)\s*(?:\\text\s*\{\s*and\s*\}|\band\b)\s*(\\frac\s*\{\s*\d+\s*\}\s*\{\s*\d+\s*\}|\\frac\d\d|\d+\s*/\s*\d+)\s*"
)
_BOLD: Final = re.compile(
    r"\\(?:mathbf|mathrm|mathds|textbf|bf|text)(?:\s*\{\s*([ZNQRC])\s*\}|\s+([ZNQRC])(?![A-Za-z]))"
)
_CHOOSE: Final = re.compile(r"(?<![A-Za-z])C\s*_\s*(?:\{\s*(\d+)\s*\}|(\d))\s*\^\s*(?:\{\s*(\d+)\s*\}|(\d))(?!\d)")
_MAPS: Final = re.compile(r"(?:([A-Za-z])\s*:\s*)?([A-Za-z])\s*\\mapsto(?![A-Za-z])")
_GOES_TO: Final = re.compile(r"\\text\s*\{\s*(?:diverges|tends|goes) to\s*\}|(?:diverges|tends|goes) to")


def other_readings(gold: str, answer: str) -> Iterator[tuple[str, str]]:
    """Yield equivalent pairs of gold answer and answer in plain LaTeX; often there are none."""
    if max(len(gold), len(answer)) > MOST_CHARACTERS:
        return
    wanted, given = normalize_latex(gold), normalize_latex(answer)
    for one, other in _pairs(gold, wanted, answer, given):
        if (one, other) != (wanted, given):
            yield one, other


def _pairs(gold: str, wanted: str, answer: str, given: str) -> Iterator[tuple[str, str]]:
    label = None if read_option_letter(gold) else strip_label(answer)
    if label is not None:
        yield wanted, label
    one, other = strip_qualifiers(wanted), strip_qualifiers(given)
    if (one or other) and not (one and other and one.domains != other.domains and one.domains and other.domains):
        yield one.value if one else wanted, other.value if other else given
    if _LN.search(wanted) and not _LOG.search(wanted) and not _ANY_LOG_BASE.search(wanted) and not _LN.search(given):
        yield wanted, _LOG.sub(r"\\ln ", given)
    if _LOG_OF_WHOLE.search(wanted) and _LN.search(given) and not _LN.search(wanted):
        yield _LOG.sub(r"\\ln ", wanted), given
    if (mixed := _MIXED.fullmatch(given)) is not None and "," not in wanted:
        yield wanted, f"{mixed[1]} {mixed[2]}"
    if (bound := rename_bound_variables(wanted, given)) is not None:
        yield wanted, bound
    if r"\mathbb" in gold:
        yield wanted, normalize_latex(_BOLD.sub(lambda found: rf"\mathbb{{{found[1] or found[2]}}}", answer))
    if "C" not in wanted and _CHOOSE.search(given):
        yield wanted, _CHOOSE.sub(_binomial, given)
    yield from list_other_numbers(wanted, answer, given)
    if _MAPS.search(given):
        yield wanted, _MAPS.sub(lambda found: f"{found[1] or 'f'}({found[2]})=", given)
    if r"\infty" in wanted and _GOES_TO.search(given):
        yield wanted, _GOES_TO.sub(" ", given)


def _binomial(found: re.Match[str]) -> str:
    below, above = int(found[1] or found[2]), int(found[3] or found[4])
    return rf"\binom{{{max(below, above)}}}{{{min(below, above)}}}"


_INDEX: Final = re.compile(r"_\{[^{}]*\}")  # the index of a sum
_NAME: Final = re.compile(r"\\?[A-Za-z]+")
_RELATION: Final = re.compile(
    r"[=<>]|\\(?:equiv|cong|sim|in|subseteq|subset|le|ge|leq|geq|ne|neq|mid|to|p?mod)(?![A-Za-z])"
)
_SENTENCE: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")


def math_verify_agrees(gold: str, answer: str) -> bool:
    """Return whether math-verify finds the two answers equal.

    Sentences and relations give False, because math-verify reads only a part of them. So does an answer with names that
    the gold answer lacks. The timers of math-verify are off: they need the main thread and depend on the load. The
    process has its own deadline.
    """
    answer = rename_bound_variables(gold, answer) or answer
    if any(pattern.search(_INDEX.sub("", text)) for pattern in (_SENTENCE, _RELATION) for text in (gold, answer)):
        return False
    if not set(_NAME.findall(answer)) <= set(_NAME.findall(gold)):
        return False
    from math_verify import parse, verify  # noqa: PLC0415  # slow to load, seldom needed

    logging.disable(logging.CRITICAL)
    wanted, given = (parse(rf"\boxed{{{text.replace('$', '')}}}", parsing_timeout=None) for text in (gold, answer))
    return bool(wanted and given and verify(wanted, given, timeout_seconds=None))


_GROUPED: Final = re.compile(r"\s*\$?\s*[1-9]\d{0,2}(?:,[1-9]\d{2}){2,}\s*\$?\s*")


@dataclass(frozen=True, slots=True)
class ReadGold:
    """A parsed gold answer, or the reason why it cannot be parsed."""

    shape: Shape | None
    reason: str


@dataclass(frozen=True, slots=True)
class BoxJudgment:
    """Correct or incorrect, with the reason."""

    right: bool
    reason: str


_RIGHT: Final = BoxJudgment(right=True, reason="equal")


def judge_box(gold: str, answer: str, tolerance: float | None) -> BoxJudgment:
    """Judge the content of a box.

    Args:
        gold: The gold answer.
        answer: The content of the box.
        tolerance: Largest absolute difference that counts as equal; None means exact.

    Returns:
        The opinion; its reason is ``gold_unreadable`` where another parser must decide.

    """
    opinion = _as_written(gold, answer, tolerance)
    if opinion.right:
        return opinion
    letter = read_option_letter(gold)
    if letter is not None and find_chosen_option(answer) == letter:
        return _RIGHT
    for one, other in other_readings(gold, answer):
        if normalize_spelling(one) == normalize_spelling(other) or _as_written(one, other, tolerance).right:
            return _RIGHT
    return opinion


def _as_written(gold: str, answer: str, tolerance: float | None) -> BoxJudgment:
    wanted = read_gold(gold)
    if wanted.shape is None:
        return BoxJudgment(right=False, reason="gold_unreadable")
    if isinstance(wanted.shape, Text):
        same = is_same_wording(gold, answer)
        return BoxJudgment(same, "equal" if same else "different")
    reason = _difference(wanted.shape, answer, tolerance)
    if reason is not None and _same_members(gold, answer):
        reason = None
    return BoxJudgment(reason is None, reason or "equal")


@lru_cache(maxsize=4_096)
def read_gold(gold: str) -> ReadGold:
    """Parse a gold answer; letters that can be a product or a unit are read as a product."""
    try:
        return ReadGold(parse_answer(gold, loose=False), "equal")
    except Refused as refused:
        return ReadGold(None, refused.reason)
    except Undefined:
        return ReadGold(None, "unreadable")


def _difference(wanted: Shape, answer: str, tolerance: float | None) -> str | None:
    try:
        given = parse_answer(answer, loose=_has_no_symbols(wanted))
        reason = find_answer_difference(wanted, given, tolerance)
        renamed = rename_constants(wanted, given) if reason is not None else ()
        return None if any(find_answer_difference(wanted, one, tolerance) is None for one in renamed) else reason
    except Refused as refused:
        return refused.reason
    except Undefined:
        return "different"


def _same_members(gold: str, answer: str) -> bool:
    """Return whether one answer is ``100,200,300`` and the other ``100, 200, 300``.

    Both can be the same answer, read as one number or as three. With two members they differ: ``4,320`` is one number,
    and ``4, 320`` are two.
    """
    grouped = [_GROUPED.fullmatch(text) is not None for text in (gold, answer)]
    if grouped[0] == grouped[1] or ";" in answer:
        return False
    one, other = (text.replace(",", ", ") for text in (gold, answer))
    try:
        shapes = [parse_answer(text) for text in (one, other)]
    except (Refused, Undefined):
        return False
    members = [Brackets("", "", shape.members) for shape in shapes if isinstance(shape, Listing)]
    return len(members) == 2 and find_answer_difference(members[0], members[1]) is None


def _has_no_symbols(shape: Shape) -> bool:
    if isinstance(shape, Listing):
        return all(_has_no_symbols(member) for member in shape.members)
    return not isinstance(shape, Scalar) or not collect_symbols(shape.tree)
