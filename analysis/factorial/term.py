"""Main effects and two-way interactions of a design, and which of them a fraction cannot tell apart.

In a fraction every defining word multiplies to +1, and so does every product of words. An effect times such a product
is the same column of signs: its alias (Box, Hunter & Hunter, Statistics for Experimenters, ch. 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.factorial.design import Design


@dataclass(frozen=True, slots=True)
class Step:
    """From one label of an axis to another."""

    axis: str
    label: str
    base: str

    def __str__(self) -> str:
        return f"{self.axis}: {self.label} minus {self.base}"


@dataclass(frozen=True, slots=True)
class Term:
    """One step: a main effect. Two: by how much the second changes the effect of the first."""

    steps: tuple[Step, ...]

    @property
    def axes(self) -> frozenset[str]:
        """The axes that it is about."""
        return frozenset(step.axis for step in self.steps)

    def sign(self, labels: Mapping[str, str]) -> int:
        """Of a cell: 0 where its labels are neither end of a step."""
        return prod((labels[step.axis] == step.label) - (labels[step.axis] == step.base) for step in self.steps)

    def __str__(self) -> str:
        return str(self.steps[0]) if len(self.steps) == 1 else " x ".join(f"({step})" for step in self.steps)


def terms(found: Design) -> tuple[Term, ...]:
    """Main effects, then interactions; of those that a fraction cannot tell apart, the first."""
    steps = {axis: [Step(axis, label, base) for label in others] for axis, (base, *others) in found.levels.items()}
    mains = [Term((step,)) for axis in steps for step in steps[axis]]
    pairs = [Term(both) for one, other in combinations(steps, 2) for both in product(steps[one], steps[other])]
    return tuple(_told_apart([*mains, *pairs], found))


def aliases(term: Term, found: Design) -> tuple[str, ...]:
    """The other main effects and two-way interactions that a term stands for as well, by their axes."""
    group = _group(found.words)
    wanted = [*combinations(found.levels, 1), *combinations(found.levels, 2)]
    return tuple(" x ".join(axes) for axes in wanted if term.axes ^ frozenset(axes) in group)


def resolution(words: Sequence[Sequence[str]]) -> int:
    """Length of the shortest word: at III main effects are aliased with interactions of two, at IV these are."""
    return min(len(word) for word in _group(words))


def _told_apart(candidates: Sequence[Term], found: Design) -> Iterator[Term]:
    group, taken = _group(found.words), list[Term]()
    for term in candidates:
        constant = term.axes in group  # its sign is +1 everywhere
        if not constant and not any(term.axes ^ other.axes in group for other in taken):
            taken.append(term)
            yield term


def _group(words: Sequence[Sequence[str]]) -> set[frozenset[str]]:
    """All products of one or more defining words."""
    found: set[frozenset[str]] = {frozenset()}
    for word in words:
        found |= {known ^ frozenset(word) for known in found}
    return found - {frozenset()}
