"""A rule and a reward scale, slot by slot, with the reasons why each slot is written as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

from sweeps.shapes import Shape
from tricks.api import HOOKS

if TYPE_CHECKING:
    from sweeps.gradients import Side

REWARD: Final = "reward"  # the slot of the reward scale; the others are hooks


@dataclass(frozen=True, slots=True)
class Form:
    """What a side computes in batches of a shape."""

    slots: Mapping[str, tuple[Any, ...]]  # tricks by hook; under REWARD what a right and a wrong response earn
    shape: Shape
    because: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by slot

    @classmethod
    def of(cls, side: Side, shape: Shape) -> Self:
        """The side as it is given: every hook with its tricks, fillers included."""
        slots: dict[str, tuple[Any, ...]] = {REWARD: (side.right, side.wrong)}
        for hook in HOOKS:
            found = tuple(trick for _, trick in sorted(side.rule.tricks.items()) if hasattr(trick, hook))
            slots[hook] = found or ((side.rule.fillers[hook],) if hook in side.rule.fillers else ())
        return cls(slots, shape)

    def put(self, slot: str, value: tuple[Any, ...], reason: str) -> Self:
        """The form with another slot, if that is another."""
        if self.slots[slot] == value:
            return self
        because = {**self.because, slot: (*self.because.get(slot, ()), reason)}
        return replace(self, slots={**self.slots, slot: value}, because=because)

    def set(self, slot: str, reason: str, **settings: Any) -> Self:
        """The form with settings changed of the tricks in a slot that have them."""
        return self.put(slot, tuple(_changed(trick, settings) for trick in self.slots[slot]), reason)

    def only(self, slot: str, kind: type[Any]) -> Any:
        """The trick of this kind in a slot that holds nothing else; None where there is none."""
        tricks = self.slots[slot]
        return tricks[0] if len(tricks) == 1 and type(tricks[0]) is kind else None

    def words(self) -> dict[str, list[str]]:
        """The form as text; forms with the same text are the same."""
        return {slot: sorted(map(repr, values)) for slot, values in self.slots.items()}


def _changed(trick: Any, settings: Mapping[str, Any]) -> Any:
    return replace(trick, **{name: value for name, value in settings.items() if hasattr(trick, name)})
