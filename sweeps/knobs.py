"""What can be tuned: the learning rate and the clip bound. Everything else of a rule is a question for a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.schema import SchemaError

DIGITS: Final = 3  # significant ones of a value that is tried; a person is to read it


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting with a value on a continuous scale."""

    name: str
    setting: str  # as Hydra is told
    log: bool  # values are drawn evenly in their logarithm
    bounds: Callable[[float], tuple[float, float]]  # lowest and highest by default, from the value without tuning
    set_by: tuple[str, ...]  # overrides of these names decide it
    trick: str | None = None  # that holds it

    def override(self, value: float) -> str:
        """What Hydra is told."""
        return f"{self.setting}={value!r}"

    def is_set_by(self, override: str) -> bool:
        """Whether an override decides the knob, alone or with the group or the recipe that it chooses."""
        name = override.lstrip("+~").partition("=")[0]
        return name in self.set_by or (self.trick is not None and name.startswith(f"tricks.{self.trick}."))

    def rounded(self, value: float, low: float, high: float) -> float:
        """The value that is tried where the sampler proposes this one."""
        return min(max(float(f"{value:.{DIGITS}g}"), low), high)


def find_knob(name: str) -> Knob:
    """The knob of this name. Raises SchemaError for anything else that a grid could set."""
    if name not in KNOBS:
        raise SchemaError(f"knob={name}: continuous knobs only, {' or '.join(KNOBS)}; a trick is an axis of a grid")
    return KNOBS[name]


KNOBS: Final = {
    knob.name: knob
    for knob in (
        Knob(
            name="lr",
            setting="optim.lr",
            log=True,
            bounds=lambda own: (own / 10, own * 10),
            set_by=("optim", "optim.lr"),
        ),
        Knob(
            name="clip_ratio_high",
            setting="tricks.clip_higher.clip_ratio_high",
            log=False,
            bounds=lambda _: (0.1, 0.5),
            set_by=("tricks.clip_higher", "preset", "emulate"),
            trick="clip_higher",
        ),
    )
}
