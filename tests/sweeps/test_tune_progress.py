import io

from rich.console import Console

from harness.config.experiment import load
from sweeps.tuning.progress import tune_progress
from sweeps.tuning.trial import TrialJob, TrialStep

JOB = TrialJob("base", 0, 3e-4, "base lr=0.0003", load("steps=8"), (1001, 1002))
OTHER = TrialJob("base", 1, 3e-3, "base lr=0.003", load("steps=8"), (1001, 1002))


def shown(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60, color_system=None)
    with tune_progress(console, total=3) as display:
        for job in (JOB, OTHER):
            display.start(job)
            display.step(job, TrialStep(1, 3, 0.25))
        display.finish(JOB, 0.5, 12.0)
        display.tick()
        display.stop(OTHER)
        display.start(JOB)
        display.fail(JOB, "ValueError: no", final=False)
        display.start(JOB)
        display.fail(JOB, "ValueError: no", final=True)
    return console.file.getvalue()


def test_every_trial_that_ends_has_its_line_on_a_terminal_and_in_a_file():
    for terminal in (False, True):
        text = shown(terminal)
        assert "[1/3] base lr=0.0003: accuracy 0.500, 12 s" in text
        assert "[2/3] base lr=0.003: pruned at step 11 of 16" in text
        assert "[2/3] base lr=0.0003: failed, retried: ValueError: no" in text
        assert "[3/3] base lr=0.0003: failed: ValueError: no" in text


def test_a_terminal_shows_what_runs_and_what_is_left():
    text = shown(terminal=True)
    assert "base lr=0.003 11/16 0.25" in text
    assert "1 of 3 trials finished, 0 pruned, 1 running" in text
    assert "running" not in shown(terminal=False)
