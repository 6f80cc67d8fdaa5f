"""Equivalent cells ("twins"): their rules give the same gradients, and all else is equal.

Twins are not dropped unless requested. If kept, they are an A/A control without extra design: a difference between
them comes from rounding, never from the trick.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from sweeps.equivalence.batches import BatchShape
from sweeps.equivalence.canonical import explain_equivalence
from sweeps.equivalence.gradients import (
    Breakpoints,
    GradientProbe,
    GradientSide,
    ProbeAnswer,
    build_probes,
    compute_answer,
    describe_untried,
    is_same_answer,
)
from sweeps.grid import PlannedCell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.config import ExperimentConfig

SAME: Final = "the same settings in effect"


@dataclass(frozen=True, slots=True)
class Twins:
    """Cells that are equivalent, and the reasons why each later one equals the first."""

    cells: tuple[PlannedCell, ...]
    because: tuple[str, ...]  # reasons for the second cell, the third, ...


def find_twins(cells: Sequence[PlannedCell], baseline: Mapping[str, str]) -> tuple[Twins, ...]:
    """Return the groups of two or more equivalent cells, in the cells' order.

    The cell with the baseline's labels comes first in its group.
    """
    groups: dict[str, list[PlannedCell]] = {}
    for cell in cells:
        groups.setdefault(_rest(cell.config), []).append(cell)
    found = [each for group in groups.values() if len(group) > 1 for each in _of_group(group, baseline)]
    order = {id(cell): place for place, cell in enumerate(cells)}
    return tuple(sorted(found, key=lambda each: min(order[id(cell)] for cell in each.cells)))


@dataclass(frozen=True, slots=True)
class _Classes:
    members: tuple[tuple[int, ...], ...]
    probes: int  # number of probes on which the members agree


@cache  # a grid has the same rules under many models and difficulties
def _classes(sides: tuple[GradientSide, ...], shape: BatchShape) -> _Classes:
    bench, found = _Bench(sides, shape), list[list[int]]()
    for number in range(len(sides)):
        home = next((members for members in found if bench.agree(members[0], number)), None)
        if home is None:
            found.append([number])
        else:
            home.append(number)
    return _Classes(tuple(map(tuple, found)), len(bench.probes))


class _Bench:
    """The probe batches and the answers of the sides, computed when they are first needed."""

    def __init__(self, sides: Sequence[GradientSide], shape: BatchShape) -> None:
        self._sides = sides
        self._breakpoints = Breakpoints.of([side.rule for side in sides], shape)
        self._coming = build_probes(shape, self._breakpoints)
        self.probes: list[GradientProbe] = []
        self._answers: list[list[ProbeAnswer]] = [[] for _ in sides]

    def agree(self, one: int, other: int) -> bool:
        """Return True if two sides agree on all probes. Most different sides differ on the first."""
        if self._sides[one] == self._sides[other]:
            return True
        place = 0
        while (probe := self._probe(place)) is not None:
            if not is_same_answer(self._answer(one, place), self._answer(other, place), probe.close):
                return False
            place += 1
        return True

    def _probe(self, place: int) -> GradientProbe | None:
        if place == len(self.probes) and (coming := next(self._coming, None)) is not None:
            self.probes.append(coming)
        return self.probes[place] if place < len(self.probes) else None

    def _answer(self, number: int, place: int) -> ProbeAnswer:
        answers = self._answers[number]
        while len(answers) <= place:
            answers.append(compute_answer(self._sides[number], self.probes[len(answers)], self._breakpoints.split))
        return answers[place]


def _rest(config: ExperimentConfig) -> str:
    """Return a key of everything that probes do not test, except the reward scale."""
    scale = replace(config.reward, correct=1.0, wrong=0.0)
    neutral = replace(config, reward=scale, preset="vanilla_ppo", emulate="none", tricks={}, seed=0)
    rule = config.update_rule()
    idle = rule.no_effect_reasons()
    in_loop = [repr(trick) for name, trick in sorted(rule.tricks.items()) if _in_loop(trick) and name not in idle]
    return " ".join([neutral.cell_id(), *in_loop, describe_untried(rule, BatchShape.of(config))])


def _in_loop(trick: object) -> bool:
    return hasattr(trick, "accept_groups")


def _of_group(cells: Sequence[PlannedCell], baseline: Mapping[str, str]) -> list[Twins]:
    sides, shape = tuple(_side(cell.config) for cell in cells), BatchShape.of(cells[0].config)
    found = _classes(sides, shape)
    return [
        _named(members, cells, sides, shape, baseline, found.probes) for members in found.members if len(members) > 1
    ]


def _named(
    members: Sequence[int],
    cells: Sequence[PlannedCell],
    sides: Sequence[GradientSide],
    shape: BatchShape,
    baseline: Mapping[str, str],
    probed: int,
) -> Twins:
    first, *others = sorted(members, key=lambda number: not baseline.items() <= cells[number].labels.items())
    return Twins(
        tuple(cells[number] for number in (first, *others)),
        tuple(_because(sides[first], sides[number], shape, probed) for number in others),
    )


def _because(one: GradientSide, other: GradientSide, shape: BatchShape, probed: int) -> str:
    if one == other:
        return SAME
    return "; ".join(explain_equivalence(one, other, shape)) or f"the same gradients on {probed} probe batches"


def _side(config: ExperimentConfig) -> GradientSide:
    rule = config.update_rule()
    return GradientSide(rule, config.reward.correct, config.reward.wrong, json.dumps(rule.settings()))
