import io

from rich.console import Console

from harness.config.experiment import load_config
from sweeps.launch.events import Event, Failure, RunPruned, RunStarted, RunStepped
from sweeps.launch.progress import ProgressTable, build_progress_table, open_progress
from sweeps.tuning.trial import TrialEnded, TrialJob

JOB = TrialJob("base", 0, 3e-4, "lr=0.0003 base", load_config("steps=8"), (1001, 1002), 30.0)
OTHER = TrialJob("base", 1, 3e-3, "lr=0.003 base", load_config("steps=8"), (1001, 1002), 30.0)
HELLO, NO = RunStarted(1, "here"), "ValueError: no"
STORY = (
    *(Event(job, what) for job in (JOB, OTHER) for what in (HELLO, RunStepped(11, {"rollout/accuracy": 0.25}))),
    Event(JOB, TrialEnded(12.0, 0.5)),
    Event(OTHER, RunPruned(11)),
    Event(JOB, HELLO),
    Event(JOB, Failure(NO, "", final=False)),
    Event(JOB, HELLO),
    Event(JOB, Failure(NO, "", final=True)),
)


def console(terminal=False):
    return Console(file=io.StringIO(), force_terminal=terminal, width=60, color_system=None)


def board():
    return ProgressTable([JOB, OTHER, JOB], 2, lambda job: job.name)


def test_every_trial_that_ends_has_its_line():
    shown, counted = console(), board()
    with open_progress(counted, shown) as display:
        for event in STORY:
            counted.on_event(event)
            display.show(event)
    assert shown.file.getvalue().splitlines() == [
        "[1/3] lr=0.0003 base: accuracy 0.500, 12 s",
        "[2/3] lr=0.003 base: pruned at step 11 of 16",
        "[2/3] lr=0.0003 base: failed, retried: ValueError: no",
        "[3/3] lr=0.0003 base: failed: ValueError: no",
    ]


def test_what_runs_and_what_has_ended_is_shown():
    shown, counted = console(terminal=True), board()
    for event in STORY[:4]:
        counted.on_event(event)
    shown.print(build_progress_table(counted))
    for event in STORY[4:]:
        counted.on_event(event)
    shown.print(build_progress_table(counted))
    text = shown.file.getvalue()
    row = next(line for line in text.splitlines() if line.startswith("lr=0.003 base"))
    assert row.split()[2:4] == ["11/16", "0.25"]
    assert "0/3 finished, 2 running, about " in text
    assert "1/3 finished, 1 pruned, 1 failed, 0 running" in text


def test_a_value_that_needs_no_run_is_not_waited_for():
    counted = board()
    before = counted.seconds_left()
    counted.drop(JOB)
    assert (counted.total, counted.seconds_left()) == (2, before / 2)
