"""Tuned hyperparameters: the file that tuning writes and a person reviews."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from harness.common import SchemaError, build_dataclass
from harness.records import CONTROL_AXIS
from sweeps.grid.file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from harness.config import ExperimentConfig
    from sweeps.grid.file import Axes


DIGITS: Final = 3  # significant digits of a tried value, for readability


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A setting with a value on a continuous scale."""

    name: str
    setting: str  # its key in Hydra overrides
    log: bool  # values are sampled on a logarithmic scale
    bounds: Callable[[float], tuple[float, float]]  # default range, from the value without tuning
    set_by: tuple[str, ...]  # overrides with these names decide it
    trick: str | None = None  # the trick that has the setting

    def override(self, value: float) -> str:
        """Return the Hydra override that sets the value."""
        return f"{self.setting}={value!r}"

    def is_set_by(self, override: str) -> bool:
        """Return True if an override sets the hyperparameter, directly or by a group or preset."""
        name = override.lstrip("+~").partition("=")[0]
        return name in self.set_by or (self.trick is not None and name.startswith(f"tricks.{self.trick}."))

    def rounded(self, value: float, low: float, high: float) -> float:
        """Return the value to try for a proposed value.

        Args:
            value: the proposed value
            low: the lower bound
            high: the upper bound

        Returns:
            The value with three significant digits, within the bounds.

        """
        return min(max(float(f"{value:.{DIGITS}g}"), low), high)


def find_hyperparameter(name: str) -> Hyperparameter:
    """Return the hyperparameter of this name. Raises SchemaError for any other setting."""
    if name not in HYPERPARAMETERS:
        raise SchemaError(
            f"knob={name}: continuous knobs only, {' or '.join(HYPERPARAMETERS)}; a trick is an axis of a grid"
        )
    return HYPERPARAMETERS[name]


HYPERPARAMETERS: Final = {
    knob.name: knob
    for knob in (
        Hyperparameter(
            name="lr",
            setting="optim.lr",
            log=True,
            bounds=lambda own: (own / 10, own * 10),
            set_by=("optim", "optim.lr"),
        ),
        Hyperparameter(
            name="clip_ratio_high",
            setting="tricks.clip_higher.clip_ratio_high",
            log=False,
            bounds=lambda _: (0.1, 0.5),
            set_by=("tricks.clip_higher", "preset", "emulate"),
            trick="clip_higher",
        ),
    )
}


FINISHED: Final = "finished"

Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One tried value and its outcome."""

    value: Number
    state: Literal["finished", "pruned", "failed"]
    objective: Number | None  # mean over seeds; None unless the trial finished
    seeds: tuple[Number, ...]  # the objective of each finished seed
    stopped: str | None  # where it was pruned, or why it failed


@dataclass(frozen=True, slots=True)
class OwnValue:
    """The value that the grid has without tuning."""

    value: Number
    objective: Number | None  # None if no trial of it finished


@dataclass(frozen=True, slots=True)
class FlatRange:
    """The range of tried values that are not worse than the best by more than the noise."""

    low: Number
    high: Number
    trials: int
    noise: Number  # half the 95 % interval of a difference between two trials, in the objective's unit


@dataclass(frozen=True, slots=True)
class TunedModel:
    """The tuned value of one model."""

    value: Number  # the reviewer may choose the value of another finished trial
    objective: Number
    own: OwnValue
    flat: FlatRange | None  # None if too few trials finished
    notes: tuple[str, ...]
    path: str
    cell: Mapping[str, str]  # the cell of the tuning
    before: Mapping[str, Number]  # values of an earlier tuning that this one uses
    range: tuple[Number, Number]
    steps: int
    trials: tuple[TrialLine, ...]


@dataclass(frozen=True, slots=True)
class TunedFile:
    """One hyperparameter, tuned for the models of one grid."""

    reviewed: str | None  # by whom and when; a grid accepts only a reviewed file
    grid: str
    profile: str
    knob: str
    scale: Literal["logarithmic", "linear"]
    objective: str
    seeds: tuple[int, ...]
    problems: str
    search: str
    stands_on: str | None  # the earlier tuning that the grid uses
    commits: tuple[str, ...]
    command: str
    seconds: Number  # sum over all trials
    models: Mapping[str, TunedModel]


MODEL: Final = "model"  # the axis whose labels are tuned separately
EVERY_MODEL: Final = "all"  # the label where a grid has no axis of models
FOLDER: Final = Path(__file__).resolve().parents[1] / "tuned"


@dataclass(frozen=True, slots=True)
class Tuning:
    """A reviewed file of tuned values, and the settings that it gives."""

    name: str
    sha256: str
    seeds: tuple[int, ...]
    values: Mapping[str, Mapping[str, float]]  # label of the model -> knob -> value
    paths: Mapping[str, str]  # label of the model -> path of the model

    @property
    def knobs(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters that it sets."""
        return tuple(HYPERPARAMETERS[name] for name in next(iter(self.values.values())))

    def knows(self, point: Mapping[str, str]) -> bool:
        """Return True if the model of a cell was tuned."""
        return point.get(MODEL, EVERY_MODEL) in self.values

    def overrides(self, point: Mapping[str, str]) -> tuple[str, ...]:
        """Return the tuned Hydra overrides of a cell.

        Raises SchemaError where its model was not tuned.
        """
        label = point.get(MODEL, EVERY_MODEL)
        if not self.knows(point):
            raise SchemaError(
                f"tuned: {self.name} is a tuning of {', '.join(self.values)}, not of {label}; tune this grid, or "
                "name the file under its profile"
            )
        return (
            *(HYPERPARAMETERS[name].override(value) for name, value in self.values[label].items()),
            "data.part=ablation",
        )

    def check(self, point: Mapping[str, str], config: ExperimentConfig) -> None:
        """Check that a cell's config fits the tuning.

        Raises SchemaError where the label means another model, or where the cell would train on problems of the tuning.
        """
        label = point.get(MODEL, EVERY_MODEL)
        if config.model.path != self.paths[label]:
            raise SchemaError(
                f"tuned: {self.name} tuned {self.paths[label]} as {label}; this grid has {config.model.path}"
            )
        if config.data.part != "ablation":
            raise SchemaError(f"data.part: {config.data.part} holds problems of the tuning {self.name}; leave it out")

    @property
    def provenance(self) -> dict[str, str]:
        """The entry of the tuning in every run's provenance."""
        return {"tuning": f"{self.name} sha256:{self.sha256}"}

    def __str__(self) -> str:
        """Return the text in the study: ``norm.lr.yaml sha256:...: lr small=0.0003; ...``."""
        found = "; ".join(
            f"{knob.name} {', '.join(f'{label}={values[knob.name]:g}' for label, values in self.values.items())}"
            for knob in self.knobs
        )
        return f"{self.name} sha256:{self.sha256}: {found}; tuned on seeds {', '.join(map(str, self.seeds))}"


def read_tuning(name: str, beside: Path, seeds: Collection[int], axes: Axes) -> Tuning:
    """Read the tuning that a grid names.

    Args:
        name: the name of the file
        beside: the folder of the grid; sweeps/tuned is searched next
        seeds: the seeds of the grid
        axes: the axes of the grid

    Returns:
        The tuning.

    Raises:
        SchemaError: it is missing or unreviewed, used seeds of the grid, or sets what an axis sets as well.

    """
    path = _found(name, beside)
    file = read_tuned_file(path)
    if not (file.reviewed or "").strip():
        raise SchemaError(
            f"tuned: {name} is not reviewed; read it, then write your name and the date after 'reviewed:'"
        )
    if shared := sorted({*seeds} & {*file.seeds}):
        raise SchemaError(f"seeds: {', '.join(map(str, shared))} tuned {name}; give the ablation other seeds")
    values = {label: {**model.before, file.knob: model.value} for label, model in file.models.items()}
    paths = {label: model.path for label, model in file.models.items()}
    tuning = Tuning(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), file.seeds, values, paths)
    _refuse_axes(tuning, axes)
    return tuning


def read_tuned_file(path: Path) -> TunedFile:
    """Read a file of ``make tune``, reviewed or not.

    Raises SchemaError where it is inconsistent.
    """
    try:
        file = build_dataclass(TunedFile, read_yaml(path, numbers=True) or {})
    except SchemaError as error:
        raise SchemaError("\n".join(f"tuned: {path.name}: {line}" for line in str(error).splitlines())) from None
    for fault in _faults(file):
        raise SchemaError(f"tuned: {path.name}: {fault}")
    return file


def _found(name: str, beside: Path) -> Path:
    path = next((folder / name for folder in (beside, FOLDER) if (folder / name).is_file()), None)
    if path is None:
        raise SchemaError(
            f"tuned: no file {name} in {beside} or sweeps/tuned; make tune writes one to results/tuned; review it "
            "and copy it"
        )
    return path


def _faults(file: TunedFile) -> Iterator[str]:
    if not file.models:
        yield "models: none is tuned"
    for label, model in file.models.items():
        if unknown := {file.knob, *model.before} - HYPERPARAMETERS.keys():
            yield f"models.{label}: no knob {', '.join(sorted(unknown))}"
        if {*model.before} != {*next(iter(file.models.values())).before}:
            yield f"models.{label}.before: these knobs differ from those of the first model"
        if model.value not in _finished(model):
            yield f"models.{label}.value: no finished trial has the value {model.value:g}; choose one of theirs"


def _finished(model: TunedModel) -> set[float]:
    return {trial.value for trial in model.trials if trial.state == FINISHED}


def _refuse_axes(tuning: Tuning, axes: Axes) -> None:
    """Refuse an axis that sets the hyperparameter in only some of its labels.

    Its other labels would silently have the tuned value. An axis may set it in all of its labels.
    """
    for knob in tuning.knobs:
        for axis, labels in axes.items():
            setting = [label for label, words in labels.items() if any(map(knob.is_set_by, words))]
            if axis == MODEL and setting:
                raise SchemaError(
                    f"axes.{axis}.{setting[0]}: sets {knob.setting}, which {tuning.name} tunes; leave it out"
                )
            if setting and len(setting) < len(labels) and axis != CONTROL_AXIS:
                others = ", ".join(label for label in labels if label not in setting)
                raise SchemaError(
                    f"axes.{axis}: {setting[0]} sets {knob.setting} and {others} would keep the value of "
                    f"{tuning.name}; set it in every label or in none"
                )
