"""The targets of a tuning: one cell per model.

Their seeds and problems are those that the grid never uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.common import SchemaError, suggest
from harness.config import ExperimentConfig, load_config
from harness.models import ModelError
from harness.records import CONTROL_AXIS, CONTROL_OFF
from sweeps.grid import EVERY_MODEL, MODEL, Hyperparameter, format_labels, list_overrides, select_cells
from sweeps.plan import RunSpeed
from tricks import Clip, TrickError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sweeps.grid import Grid
    from sweeps.options import TuneOptions


@dataclass(frozen=True, slots=True)
class TuningTarget:
    """A model at one cell of the grid, and the range of its hyperparameter."""

    label: str
    cell: Mapping[str, str]
    knob: Hyperparameter
    config: ExperimentConfig  # with the grid's own value; its seed has no meaning
    own: float
    low: float
    high: float
    before: Mapping[str, float]  # values that an earlier tuning sets
    seeds: tuple[int, ...]

    @property
    def run_id(self) -> str:
        """The name of its trials in messages."""
        return f"{self.knob.name} {self.label}"

    @property
    def seconds(self) -> float:
        """The expected seconds of a trial."""
        return RunSpeed.of(()).seconds(self.config) * len(self.seeds)

    def at(self, value: float) -> ExperimentConfig:
        """Return the config with another value of the hyperparameter.

        It equals the result of ``load_config`` with the override, but needs no Hydra.
        """
        config, trick = self.config, self.knob.trick
        if trick is None:
            return replace(config, optim=replace(config.optim, lr=value))
        changed = {**(config.tricks.get(trick) or {}), self.knob.name: value}
        return replace(config, tricks={**config.tricks, trick: changed})


def tuning_targets(
    grid: Grid, knob: Hyperparameter, options: TuneOptions, taken: Collection[int]
) -> tuple[TuningTarget, ...]:
    """Return one target for each label of the axis ``model``, or one without that axis.

    Args:
        grid: the grid
        knob: the hyperparameter
        options: the options of the tuning
        taken: the grid's seeds under all profiles

    Returns:
        The targets.

    Raises:
        SchemaError: a seed is taken, the grid varies the hyperparameter, or a range or cell is not possible.

    """
    if shared := sorted({*options.seeds} & {*taken}):
        raise SchemaError(f"seeds: the grid has {', '.join(map(str, shared))}; tune on others, such as 1001,1002")
    _refuse_varied(grid, knob)
    _refuse_labels(grid, options.at)
    wanted = [options.at[MODEL]] if MODEL in options.at else list(grid.axes.get(MODEL, {EVERY_MODEL: ()}))
    return tuple(_tuning_target(grid, knob, options, label) for label in wanted)


def _refuse_varied(grid: Grid, knob: Hyperparameter) -> None:
    if grid.tuned and knob in grid.tuned.knobs:
        raise SchemaError(f"{grid.file}: it already uses {grid.tuned.name}; remove 'tuned' to tune it again")
    for axis, labels in grid.axes.items():
        for label, given in labels.items() if axis != CONTROL_AXIS else ():
            if any(map(knob.is_set_by, given)):
                raise SchemaError(
                    f"{grid.file}: axes.{axis}.{label}: sets {knob.setting}, so it is an axis of this grid; tune a "
                    "knob that no axis varies"
                )


def _refuse_labels(grid: Grid, at: Mapping[str, str]) -> None:
    for axis, label in at.items():
        if axis not in grid.axes:
            raise SchemaError(f"at={axis}={label}: no axis {axis!r}; {suggest(axis, grid.axes)}")
        if label not in grid.axes[axis]:
            raise SchemaError(f"at={axis}={label}: no label {label!r}; {suggest(label, grid.axes[axis])}")


def _tuning_target(grid: Grid, knob: Hyperparameter, options: TuneOptions, label: str) -> TuningTarget:
    cell = _cell(grid, options.at if label == EVERY_MODEL else {**options.at, MODEL: label})
    steps = () if options.steps is None else (f"steps={options.steps}",)
    told = (*list_overrides(grid, cell), "data.part=tuning", *steps)
    try:
        config = load_config(*told)
    except (SchemaError, ModelError, TrickError) as error:
        raise SchemaError(
            f"{grid.file}: {format_labels(cell)}: {error}; name another cell with at=AXIS=LABEL"
        ) from None
    own = config.optim.lr if knob.trick is None else _clip_bound(config)
    low, high = (given or usual for given, usual in zip((options.low, options.high), knob.bounds(own), strict=True))
    if not 0 < low < high:
        raise SchemaError(f"low={low:g}, high={high:g}: low must be above 0 and below high")
    before = grid.tuned.values[label] if grid.tuned else {}
    subject = TuningTarget(label, cell, knob, config, own, low, high, before, options.seeds)
    _refuse_idle(subject)
    return subject


def _cell(grid: Grid, at: Mapping[str, str]) -> Mapping[str, str]:
    """Return the first planned cell with these labels, preferably at the baseline."""
    for full in (False, True):
        points = [
            point for point in select_cells(grid, full).cells if _agrees(point, {CONTROL_AXIS: CONTROL_OFF} | {**at})
        ]
        if points:
            return _nearest(points, grid.baseline)
    raise SchemaError(f"{grid.file}: no cell with {format_labels(at)}; name another with at=AXIS=LABEL")


def _nearest(points: Sequence[Mapping[str, str]], baseline: Mapping[str, str]) -> Mapping[str, str]:
    return next((point for point in points if _agrees(point, baseline)), points[0])


def _agrees(point: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(point.get(axis, label) == label for axis, label in labels.items())


def _clip_bound(config: ExperimentConfig) -> float:
    trick = config.update_rule().tricks.get("clip_higher", Clip())
    return float(trick.clip_ratio_high) if isinstance(trick, Clip) else Clip().clip_ratio_high


def _refuse_idle(subject: TuningTarget) -> None:
    """Build the rule at both ends of the range and check that the hyperparameter has an effect.

    So nothing is refused later.
    """
    for config in (subject.at(subject.low), subject.at(subject.high)):
        try:
            trick = config.update_rule().tricks.get(subject.knob.trick or "")
        except TrickError as error:
            raise SchemaError(f"{format_labels(subject.cell)}: {subject.knob.setting}: {error}") from None
        for reason in trick.no_effect_reasons(config.setup()) if trick is not None else ():
            raise SchemaError(f"{format_labels(subject.cell)}: {subject.knob.name} cannot act: {reason}")
