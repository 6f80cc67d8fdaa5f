"""From a response to right or wrong, where answers are integers; harness.verify judges all other mathematics.

Arithmetic answers are integers and are compared as such. An expression in the box, such as
``8*9-12`` for 60, is wrong: a policy would otherwise learn to box the question.
"""

from __future__ import annotations

import re
from typing import Final

from harness.verify.verdict import Verdict

_BOX: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def judge(response: str, answer: str) -> Verdict:
    """The verdict on a response to a problem whose answer is the integer ``answer``; reasons are the verifier's."""
    boxes = _BOX.findall(response)
    held = boxes[-1].strip() if boxes else ""
    if not _INTEGER.fullmatch(held):
        return Verdict(right=False, reason="other_form" if boxes else "no_box", answer=None)
    right = int(held) == int(answer)
    return Verdict(right, "same_number" if right else "different", str(int(held)))


def is_right(response: str, answer: str) -> bool:
    """Whether the last complete box of the response holds the integer ``answer``."""
    return judge(response, answer).right
