r"""Other notations of one number: ``P(10,3)``, a decimal comma, groups as in lakhs, digits of a base with letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from harness.verify.markup import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARRANGED: Final = re.compile(
    r"\s*(?:P\s*\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)|\{\s*\}\s*_\s*\{?\s*(\d{1,3})\s*\}?\s*P\s*_\s*\{?\s*(\d{1,3})\s*\}?)\s*"
)
_DECIMAL_COMMA: Final = re.compile(
    r"(?<![\w.,])(?P<whole>\d{1,3}(?P<groups>(?:(?:\.|\\,|~|\s)\d{3})+)?|\d+)(?:,|(?P<braced>\{,\}))(?P<part>\d{1,2})(?![\w.,])"
)
_LAKHS: Final = re.compile(r"(?<![\w.,])\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?(?![\w,])")
_MONEY: Final = re.compile(
    r"\\\$|[\u00a2-\u00a5\u20a0-\u20cf]|euros?|EUR|dollars|pounds|reais|rubles|z\u0142|\bkr", re.IGNORECASE
)
_DIGITS_OF_BASE: Final = re.compile(r"\(?([0-9A-Z]*[A-Z][0-9A-Z]*)\)?\s*_\s*\{?\s*(1[1-9]|2\d|3[0-6])\s*\}?")
_LISTED: Final = re.compile(r"[,;(\[]|\\[{}]")
_THIN: Final = re.compile(r"\\,")


def other_numbers(wanted: str, answer: str, given: str) -> Iterator[tuple[str, str]]:
    """Pairs of the gold and the number that an answer may be.

    Args:
        wanted: The gold in plain LaTeX.
        answer: The answer as written.
        given: The answer in plain LaTeX.

    Returns:
        Pairs in plain LaTeX, most of the time none.

    """
    if "P" in given and "P" not in wanted and (arranged := _ARRANGED.fullmatch(given)) is not None:
        total, taken = int(arranged[1] or arranged[3]), int(arranged[2] or arranged[4])
        if taken <= total:
            yield wanted, rf"\frac{{{total}!}}{{{total - taken}!}}"
    if "," in answer and not _LISTED.search(wanted) and (number := _with_point(answer)) is not None:
        yield wanted, plain(number)
    if "_" in wanted and (digits := _DIGITS_OF_BASE.fullmatch(wanted)) is not None and _is_number(*digits.groups()):
        bare = re.sub(r"\\text\s*|[{}()\s]", "", given)
        yield wanted, wanted if bare.upper() == digits[1] else given


def _with_point(answer: str) -> str | None:
    """An answer whose one number has a decimal comma, or groups of two digits as in lakhs, as it is written elsewhere.

    ``18,90`` without groups of thousands could be a list: only money is read so.
    """
    commas = answer.count(",") - len(_THIN.findall(answer))
    lakhs = _LAKHS.search(answer)
    if lakhs is not None and commas == lakhs[0].count(",") and "(" not in answer:
        return answer.replace(lakhs[0], lakhs[0].replace(",", ""))
    found = _DECIMAL_COMMA.search(answer)
    if found is None or commas != 1 or not (found["braced"] or found["groups"] or _is_money(answer)):
        return None
    number = re.sub(r"\D", "", found["whole"]) + "." + found["part"]
    return answer[: found.start()] + number + answer[found.end() :]


def _is_number(digits: str, base: str) -> bool:
    """Tell whether letters and digits are a number of a base, and no symbol with an index such as ``A_{16}``."""
    return len(digits) > 1 and all(int(digit, 36) < int(base) for digit in digits)


def _is_money(answer: str) -> bool:
    """Tell whether a currency stands in an answer; two bare dollars around mathematics are none."""
    return _MONEY.search(answer) is not None or answer.count("$") % 2 == 1
