"""Grids that are tuned in tests, and searches whose outcomes are made up."""

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sweeps.grid.grid import collect_seeds, read_grid
from sweeps.grid.tuned import find_hyperparameter
from sweeps.launch.events import RunStepped
from sweeps.options import TuneOptions
from sweeps.tuning.study import Search, open_database
from sweeps.tuning.targets import tuning_targets
from sweeps.tuning.worker import ACCURACY
from tests.sweeps.grids import TINY, write

MODELS = f"""
question: Does it matter?
metric: final/accuracy
feeds: [study]
axes:
  model:
    base: [model=small_base]
    aligned: [model=small_aligned]
  norm:
    none: []
    group: ["+tricks.group_norm={{}}"]
baseline: {{norm: none}}
seeds: [0, 1]
{TINY}"""


def chosen(folder: Path, text: str = MODELS, **given):
    """The subjects of a grid."""
    path, arguments = write(folder, text), TuneOptions(grid="plain", **{"knob": "lr", **given})
    return tuning_targets(
        read_grid(path, arguments.profile), find_hyperparameter(arguments.knob), arguments, collect_seeds(path)
    )


@cache
def blank() -> bytes:
    """The database of a tuning before its first search; ``liteppo tune`` makes its own in test_tune.py."""
    with TemporaryDirectory() as folder:
        with open_database(path := Path(folder) / "blank.db"):
            pass
        return path.read_bytes()


@contextmanager
def search(folder: Path, trials: int = 12, name: str = "plain.db", **given):
    """A search for the base model's learning rate. Leaving it is what a killed driver does: nothing is put back."""
    path = folder / name
    if not path.exists():
        path.write_bytes(blank())  # making the tables takes three times as long as all else
    with open_database(path) as storage:
        (subject,) = chosen(folder, at={"model": "base"}, **given)
        yield Search(storage, subject, trials, "c0ffee")


def queue(found: Search, *values: float) -> None:
    """Put values in front of those that would be proposed, as Optuna's own tools do."""
    for value in values:
        found._study.enqueue_trial({found.subject.knob.name: value})


def run(found: Search, job, accuracy) -> str:
    """Tell a search how a job went, step by step; ``accuracy`` is that of (value, seed, step)."""
    steps = job.config.steps
    found.start(job)
    for place, seed in enumerate(job.seeds):
        for step in range(1, steps + 1):
            if found.on_event(job, RunStepped(place * steps + step, {ACCURACY: accuracy(job.value, seed, step)})):
                found.give_up(job, seconds=1.0)
                return "pruned"
    found.finish(job, seconds=2.0)
    return "finished"


def run_all(found: Search, accuracy) -> list[float]:
    """Run what is left, one after the other; the values in their order."""
    values = []
    while found.left() > 0:
        if job := found.ask():
            values.append(job.value)
            run(found, job, accuracy)
    return values
