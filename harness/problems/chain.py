"""Arithmetic read from left to right: ``8*9-12`` is a chain of three operands."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Operator = Literal["+", "-", "*"]

_EVALUATION_SHARE = 8  # one expression in eight is never trained on
_TERM = re.compile(r"([-+*])(\d+)")


@dataclass(frozen=True, slots=True)
class Chain:
    """A first operand and the steps that follow; a product can only be the first step."""

    first: int
    steps: tuple[tuple[Operator, int], ...]

    @property
    def expression(self) -> str:
        """The canonical form, by which a chain is told from every other."""
        return f"{self.first}" + "".join(f"{operator}{operand}" for operator, operand in self.steps)

    @property
    def value(self) -> int:
        """What the chain comes to."""
        return self.running_values()[-1]

    def running_values(self) -> tuple[int, ...]:
        """The value after the first operand and after every step."""
        values = [self.first]
        for operator, operand in self.steps:
            values.append(apply(operator, values[-1], operand))
        return tuple(values)

    def for_evaluation(self) -> bool:
        """Whether the chain belongs to evaluation; a fixed property of its canonical form."""
        digest = hashlib.blake2b(self.expression.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % _EVALUATION_SHARE == 0


def apply(operator: Operator, left: int, right: int) -> int:
    """One step of a chain."""
    if operator == "*":
        return left * right
    return left + right if operator == "+" else left - right


def parse(expression: str) -> Chain:
    """Read a canonical form back; ``ValueError`` if it is not one."""
    head = re.match(r"\d+", expression)
    if head is None or not re.fullmatch(r"\d+([-+]\d+|\*\d+)*", expression):
        raise ValueError(f"{expression!r} is not a chain such as 8*9-12")
    steps = tuple((_operator(sign), int(operand)) for sign, operand in _TERM.findall(expression))
    return Chain(int(head.group()), steps)


def _operator(sign: str) -> Operator:
    if sign == "*":
        return "*"
    return "+" if sign == "+" else "-"
