"""Judge responses whose answers are integers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from harness.verify.model.verdict import Judgment
from harness.verify.parse.boxes import read_boxes

if TYPE_CHECKING:
    from harness.verify.parse.boxes import OpenBox

_BOX: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def judge_integer(response: str, answer: str, *, open_box: OpenBox = "wrong") -> Judgment:
    """Judge a response to a problem whose answer is an integer.

    Args:
        response: The text of the response.
        answer: The gold answer in decimal digits.
        open_box: How to judge a response whose last box is not closed but that has a complete box before it.

    Returns:
        The verdict, with a reason of the verifier.

    """
    boxes = _BOX.findall(response)
    if boxes and open_box == "wrong" and read_boxes(response).left_open:
        return Judgment(right=False, reason="open_box", answer=None)
    held = boxes[-1].strip() if boxes else ""
    if not _INTEGER.fullmatch(held):
        return Judgment(right=False, reason="other_form" if boxes else "no_box", answer=None)
    right = int(held) == int(answer)
    return Judgment(right, "same_number" if right else "different", str(int(held)))


def is_correct(response: str, answer: str) -> bool:
    """Return whether the last complete box of the response holds the integer ``answer``."""
    return judge_integer(response, answer).right
