"""From a response to right or wrong, and from there to a reward.

Arithmetic answers are integers and are compared as such. An expression in the box, such as
``8*9-12`` for 60, is wrong: a policy would otherwise learn to box the question.
"""

from __future__ import annotations

import re
from typing import Final

_BOX: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def is_right(response: str, answer: str) -> bool:
    """Whether the last complete box of the response holds the integer ``answer``."""
    given = _given(response)
    return given is not None and given == int(answer)


def is_formatted(response: str) -> bool:
    """Whether the last complete box of the response holds an integer, right or wrong."""
    return _given(response) is not None


def _given(response: str) -> int | None:
    boxes = _BOX.findall(response)
    held = boxes[-1].strip() if boxes else ""
    return int(held) if _INTEGER.fullmatch(held) else None
