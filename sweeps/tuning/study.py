"""The search for values with Optuna, kept in SQLite. Only this module imports Optuna.

The tree-structured Parzen estimator (arXiv:2304.11127) proposes values. A trial is pruned where its best value so far
is below the median of the finished trials at the same step. The database holds numbers and text, never a pickle.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

import optuna
from optuna.exceptions import StorageInternalError
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from harness.common import derive_seed
from sweeps.launch import SweepError
from sweeps.tuning.trial import TrialJob, TrialOutcome, count_averaged_steps
from sweeps.tuning.worker import ACCURACY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sweeps.launch import RunStepped
    from sweeps.tuning.targets import TuningTarget
    from sweeps.tuning.trial import State

DRAWN: Final = 5  # random trials before the sampler proposes values
COMPARED: Final = 4  # finished trials before any is pruned
_PATIENCE: Final = 60.0  # seconds to wait for a locked database
_STATES: Final[dict[Any, State]] = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@contextmanager
def open_database(path: Path) -> Iterator[RDBStorage]:
    """Open the SQLite file of a tuning; it is created if missing.

    Raises SweepError where it cannot be read or written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": _PATIENCE}})
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, StorageInternalError) as error:
        fact = str(error.__cause__ or error).strip().splitlines()[0]
        raise SweepError(f"{path}: the database cannot be used ({fact}); move it away to start a new tuning") from None


class Search:
    """The trials of one model. A search of the same name resumes."""

    def __init__(self, storage: RDBStorage, subject: TuningTarget, trials: int, commit: str) -> None:
        self.subject, self.trials, self._commit = subject, trials, commit
        self._steps = subject.config.steps
        self._asked: dict[int, Any] = {}  # trials in progress, by number
        self._heard: dict[int, list[list[float]]] = {}  # their accuracies, by seed and step
        self._reported: dict[int, int] = {}  # the last step of theirs that Optuna knows
        name = f"{subject.label} {_fingerprint(subject)}"
        self._study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True, pruner=self._pruner()
        )
        # A resumed sampler needs another seed, or it would propose the first values again.
        seed = derive_seed(0, "tuning", name, len(self._study.trials)) % 2**32
        self._study.sampler = TPESampler(n_startup_trials=DRAWN, seed=seed)
        self._begin()

    def ask(self) -> TrialJob | None:
        """Return the next trial, or None where its value has been tried and nothing needs to run."""
        trial = self._study.ask()
        value = self._value(trial)
        trial.set_user_attr("value", value)
        trial.set_user_attr("commit", self._commit)
        known = next((other for other in self.outcomes() if other.value == value and other.state != "failed"), None)
        if known:
            self._repeat(trial, known)
            return None
        self._asked[trial.number], subject = trial, self.subject
        name = f"{subject.knob.name}={value:g} {subject.label}"
        return TrialJob(subject.label, trial.number, value, name, subject.at(value), subject.seeds, subject.seconds)

    def in_progress(self, job: TrialJob) -> bool:
        """Return True if a trial has no outcome yet."""
        return job.number in self._asked

    def left(self) -> int:
        """Return the number of trials that have not started."""
        return self.trials - sum(_counts(trial) for trial in self._study.get_trials(deepcopy=False))

    def start(self, job: TrialJob) -> None:
        """Note that an attempt starts at the first step; a trial that failed or lost its node has several."""
        self._heard[job.number] = [[] for _ in job.seeds]

    def on_event(self, job: TrialJob, what: RunStepped) -> bool:
        """Record a step, and return True if the trial should be pruned."""
        trial, curve = self._asked[job.number], self._heard[job.number][(what.step - 1) // self._steps]
        curve.append(what.metrics[ACCURACY])
        if what.step <= self._reported.get(job.number, 0):  # by an earlier attempt, which was not pruned here
            return False
        self._reported[job.number] = what.step
        trial.report(_latest(curve, self._steps), what.step)
        return what.step < job.steps and bool(trial.should_prune())

    def finish(self, job: TrialJob, seconds: float) -> float:
        """Record a finished trial and return its objective, the mean over seeds."""
        trial, curves = self._end(job)
        found = [_latest(curve, self._steps) for curve in curves]
        trial.set_user_attr("seeds", found)
        trial.set_user_attr("seconds", seconds)
        self._study.tell(trial, fmean(found))
        return fmean(found)

    def give_up(self, job: TrialJob, seconds: float) -> None:
        """Record that a trial was pruned, and where."""
        trial, curves = self._end(job)
        done = [curve for curve in curves if len(curve) == self._steps]
        place = next((place for place, curve in enumerate(curves) if len(curve) < self._steps), len(curves) - 1)
        trial.set_user_attr("seeds", [_latest(curve, self._steps) for curve in done])
        trial.set_user_attr("seconds", seconds)
        trial.set_user_attr("stopped", f"seed {job.seeds[place]}, step {len(curves[place])}")
        self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, job: TrialJob, cause: str) -> None:
        """Record that the last attempt of a trial has failed."""
        trial, _ = self._end(job)
        trial.set_user_attr("stopped", cause)
        trial.set_user_attr("final", True)
        self._study.tell(trial, state=TrialState.FAIL)

    def release(self) -> int:
        """Put interrupted trials back into the queue with their values, and return their number."""
        cut = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in cut:
            self._study.tell(trial.number, state=TrialState.FAIL)
            if trial.params:
                self._study.enqueue_trial(trial.params)
        self._asked.clear()
        return len(cut)

    def outcomes(self) -> tuple[TrialOutcome, ...]:
        """Return the outcomes of the trials that ended, in order; interrupted ones are left out."""
        return tuple(
            _outcome(trial)
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state in _STATES and _counts(trial)
        )

    def _end(self, job: TrialJob) -> tuple[Any, list[list[float]]]:
        self._reported.pop(job.number, None)
        return self._asked.pop(job.number), self._heard.pop(job.number)

    def _begin(self) -> None:
        """Requeue the trials of a dead driver; a new search starts with the grid's own value."""
        self.release()
        if not self._study.trials and self.subject.low <= self.subject.own <= self.subject.high:
            self._study.enqueue_trial({self.subject.knob.name: self.subject.own})

    def _pruner(self) -> MedianPruner:
        return MedianPruner(n_startup_trials=COMPARED, n_warmup_steps=count_averaged_steps(self._steps))

    def _value(self, trial: Any) -> float:
        subject = self.subject
        proposed: float = trial.suggest_float(subject.knob.name, subject.low, subject.high, log=subject.knob.log)
        return proposed if proposed == subject.own else subject.knob.rounded(proposed, subject.low, subject.high)

    def _repeat(self, trial: Any, known: TrialOutcome) -> None:
        """Reuse the outcome of a value that was tried: the same value and seeds give the same bits."""
        trial.set_user_attr("seeds", list(known.seeds))
        trial.set_user_attr("seconds", 0.0)
        trial.set_user_attr("repeats", True)
        if known.objective is None:
            trial.set_user_attr("stopped", known.stopped)
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, known.objective)


def _fingerprint(subject: TuningTarget) -> str:
    """Return ten hexadecimal digits of everything that decides an objective, except the value."""
    deciding = [
        subject.config.cell_id(),
        subject.knob.name,
        subject.low,
        subject.high,
        subject.own,
        list(subject.seeds),
    ]
    return hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:10]


def _latest(curve: list[float], steps: int) -> float:
    return fmean(curve[-count_averaged_steps(steps) :])


def _counts(trial: Any) -> bool:
    """Return True if a trial counts: it runs, or it ended and is not tried again."""
    if trial.state == TrialState.FAIL:
        return bool(trial.user_attrs.get("final"))
    return bool(trial.state != TrialState.WAITING)


def _outcome(trial: Any) -> TrialOutcome:
    known = trial.user_attrs
    return TrialOutcome(
        value=known["value"],
        state=_STATES[trial.state],
        objective=trial.value if trial.state == TrialState.COMPLETE else None,
        seeds=tuple(known.get("seeds", ())),
        stopped=known.get("stopped"),
        seconds=known.get("seconds", 0.0),
        commit=known["commit"],
        repeats=known.get("repeats", False),
    )
