"""Reads a chain of operations from its canonical form."""

import re
from typing import cast

from harness.data.synthetic import OperandChain, Operator

_TERM = re.compile(r"([-+*])(\d+)")


def parse(expression: str) -> OperandChain:
    """The chain with this canonical form. Raises ValueError if the text is not one."""
    head = re.match(r"\d+", expression)
    if head is None or not re.fullmatch(r"\d+([-+]\d+|\*\d+)*", expression):
        raise ValueError(f"{expression!r} is not a chain such as 8*9-12")
    steps = tuple((cast("Operator", sign), int(operand)) for sign, operand in _TERM.findall(expression))
    return OperandChain(int(head.group()), steps)
