r"""Other readings of a pair whose texts differ in what says nothing: a label, a qualifier, a bound name, a notation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from harness.verify.constants import with_bound_names
from harness.verify.limits import MOST_CHARACTERS
from harness.verify.markup import plain
from harness.verify.notations import other_numbers
from harness.verify.options import option, without_label
from harness.verify.qualifiers import unqualified

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Yield pairs in plain LaTeX that say the same as this one; most pairs have none."""
    if max(len(gold), len(answer)) > MOST_CHARACTERS:
        return
    wanted, given = plain(gold), plain(answer)
    for one, other in _pairs(gold, wanted, answer, given):
        if (one, other) != (wanted, given):
            yield one, other


def _pairs(gold: str, wanted: str, answer: str, given: str) -> Iterator[tuple[str, str]]:
    label = None if option(gold) else without_label(answer)
    if label is not None:
        yield wanted, label
    one, other = unqualified(wanted), unqualified(given)
    if (one or other) and not (one and other and one.domains != other.domains and one.domains and other.domains):
        yield one.value if one else wanted, other.value if other else given
    if _LN.search(wanted) and not _LOG.search(wanted) and not _ANY_LOG_BASE.search(wanted) and not _LN.search(given):
        yield wanted, _LOG.sub(r"\\ln ", given)
    if _LOG_OF_WHOLE.search(wanted) and _LN.search(given) and not _LN.search(wanted):
        yield _LOG.sub(r"\\ln ", wanted), given
    if (mixed := _MIXED.fullmatch(given)) is not None and "," not in wanted:
        yield wanted, f"{mixed[1]} {mixed[2]}"
    if (bound := with_bound_names(wanted, given)) is not None:
        yield wanted, bound
    if r"\mathbb" in gold:
        yield wanted, plain(_BOLD.sub(lambda found: rf"\mathbb{{{found[1] or found[2]}}}", answer))
    if "C" not in wanted and _CHOOSE.search(given):
        yield wanted, _CHOOSE.sub(_binomial, given)
    yield from other_numbers(wanted, answer, given)
    if _MAPS.search(given):
        yield wanted, _MAPS.sub(lambda found: f"{found[1] or 'f'}({found[2]})=", given)
    if r"\infty" in wanted and _GOES_TO.search(given):
        yield wanted, _GOES_TO.sub(" ", given)


def _binomial(found: re.Match[str]) -> str:
    below, above = int(found[1] or found[2]), int(found[3] or found[4])
    return rf"\binom{{{max(below, above)}}}{{{min(below, above)}}}"
