"""Convert trials to the file that a person reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from harness.common import atomic_write
from sweeps.grid import FINISHED, OwnValue, TrialLine, TunedFile, TunedModel
from sweeps.launch import SweepError
from sweeps.tuning.targets import TuningTarget
from sweeps.tuning.trial import TrialOutcome, count_averaged_steps, find_best, find_flat_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sweeps.grid import Grid, Hyperparameter
    from sweeps.options import TuneOptions

HEAD: Final = """\
# Written by `make tune` (docs/guides/tuning.md). To let a grid stand on it: read it, choose other values of finished
# trials where you see reason to, write your name and the date after `reviewed`, copy it to sweeps/tuned or beside the
# grid, and name it in the grid with `tuned: {name}`.
"""
_PROBLEMS: Final = (
    "training problems of data.part=tuning alone: one in eight, by a hash of what is asked; the grid then trains on "
    "data.part=ablation, which holds none of them. No held-out problem was read."
)
_SEARCH: Final = (
    "Optuna: tree-structured Parzen estimator, median pruning after 4 finished trials; with several workers the "
    "order in which trials end decides what is proposed next"
)


@dataclass(frozen=True, slots=True)
class TunedTarget:
    """A tuning target and the outcomes of its trials."""

    subject: TuningTarget
    outcomes: tuple[TrialOutcome, ...]


def tuned_file(grid: Grid, knob: Hyperparameter, options: TuneOptions, found: Sequence[TunedTarget]) -> TunedFile:
    """Return the file of tuned values, not yet reviewed.

    Args:
        grid: the grid
        knob: the hyperparameter
        options: the options of the tuning
        found: the outcomes for each model

    Returns:
        The file.

    Raises:
        SweepError: a model has no finished trial.

    """
    outcomes = [outcome for each in found for outcome in each.outcomes]
    return TunedFile(
        reviewed=None,
        grid=grid.name,
        profile=grid.profile,
        knob=knob.name,
        scale="logarithmic" if knob.log else "linear",
        objective=_objective(found[0].subject.config.steps),
        seeds=options.seeds,
        problems=_PROBLEMS,
        search=_SEARCH,
        stands_on=grid.tuned.provenance["tuning"] if grid.tuned else None,
        commits=tuple(sorted({outcome.commit for outcome in outcomes})),
        command=options.command(),
        seconds=round(sum(outcome.seconds for outcome in outcomes), 1),
        models={each.subject.label: _model(each) for each in found},
    )


def write_tuned(path: Path, file: TunedFile) -> None:
    """Write the file atomically."""
    text = yaml.safe_dump(_plain(asdict(file)), sort_keys=False, width=116, allow_unicode=True, default_flow_style=None)
    atomic_write(path, (HEAD.format(name=path.name) + text).encode())


def _objective(steps: int) -> str:
    last = count_averaged_steps(steps)
    return (
        f"share of right responses among those sampled in the last {last} of {steps} steps, each before its update, "
        "mean over seeds; higher is better"
    )


def _model(found: TunedTarget) -> TunedModel:
    subject, chosen = found.subject, find_best(found.outcomes)
    if chosen is None:
        causes = sorted({outcome.stopped or "" for outcome in found.outcomes if outcome.state == "failed"})
        raise SweepError(f"{subject.label}: no trial finished; {causes[0] if causes else 'start the tuning again'}")
    near = find_flat_range(found.outcomes)
    own = next((each for each in found.outcomes if each.value == subject.own and each.state == FINISHED), None)
    assert chosen.objective is not None
    return TunedModel(
        value=chosen.value,
        objective=_rounded(chosen.objective),
        own=OwnValue(subject.own, None if own is None or own.objective is None else _rounded(own.objective)),
        flat=near and replace(near, noise=_rounded(near.noise)),
        notes=tuple(_notes(found, chosen)),
        path=subject.config.model.path,
        cell=subject.cell,
        before=subject.before,
        range=(subject.low, subject.high),
        steps=subject.config.steps,
        trials=tuple(map(_line, found.outcomes)),
    )


def _notes(found: TunedTarget, chosen: TrialOutcome) -> Iterator[str]:
    subject, near = found.subject, find_flat_range(found.outcomes)
    finished = sorted({outcome.value for outcome in found.outcomes if outcome.state == FINISHED})
    if near is None:
        yield f"{len(finished)} values finished: too few to say how flat the optimum is"
    else:
        yield (
            f"{near.trials} of {len(finished)} finished values, from {near.low:g} to {near.high:g}, lie within the "
            f"noise of the best ({near.noise:.3f}, from {len(chosen.seeds)} seeds)"
        )
        if near.low <= subject.own <= near.high:
            yield f"the grid's own value, {subject.own:g}, lies among them: tuning shows no gain"
    if len(finished) > 1 and chosen.value in (finished[0], finished[-1]):
        side, word = ("smallest", "low") if chosen.value == finished[0] else ("largest", "high")
        yield f"the best is the {side} value that finished: the optimum may lie beyond it; try another {word}="


def _line(outcome: TrialOutcome) -> TrialLine:
    objective = None if outcome.objective is None else _rounded(outcome.objective)
    stopped = "the value had been tried; its outcome was taken" if outcome.repeats else outcome.stopped
    return TrialLine(outcome.value, outcome.state, objective, tuple(map(_rounded, outcome.seeds)), stopped)


def _rounded(number: float) -> float:
    return round(number, 4)


def _plain(value: Any) -> Any:
    """Return the value in types that YAML writes plainly."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
