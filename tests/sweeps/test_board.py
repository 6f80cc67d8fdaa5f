import io

import pytest
from rich.console import Console

from sweeps.launch.events import Event, Failure, RunFinished, RunStarted, RunStepped
from sweeps.launch.progress import PlainProgress, ProgressTable, build_progress_table, open_progress, run_names
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import grid
from tests.sweeps.records import of_plan


@pytest.fixture
def made(tmp_path):
    return make_plan(grid(tmp_path), False, (), (), {})


@pytest.fixture
def board(made):
    return ProgressTable(made.runs, 2, run_names(made.runs))


def say(board, *events):
    for event in events:
        board.on_event(event)


def test_a_run_is_named_by_the_labels_in_which_runs_differ(made, board):
    assert board.name(made.runs[3]) == "zero_one group s1"


def test_a_running_run_shows_its_step_reward_and_accuracy(made, board):
    run = made.runs[0]
    metrics = {"reward/mean": 0.25, "rollout/accuracy": 0.5}
    say(board, Event(run, RunStarted(1, "here")), Event(run, RunStepped(0, {})), Event(run, RunStepped(12, metrics)))
    console = Console(file=io.StringIO(), width=60)
    console.print(build_progress_table(board))
    text = console.file.getvalue()
    assert "zero_one none s0" in text
    assert "12/30" in text
    assert "0.25" in text
    assert "0.50" in text
    assert "0/8 finished, 1 running" in text
    assert max(map(len, text.splitlines())) <= 60


def test_a_failed_attempt_waits_again_and_a_final_one_counts(made, board):
    run = made.runs[0]
    say(board, Event(run, RunStarted(1, "here")), Event(run, Failure("ValueError: no", "", final=False)))
    assert (board.failed, board.rows) == (0, {})
    say(board, Event(run, RunStarted(1, "here")), Event(run, Failure("ValueError: no", "", final=True)))
    assert (board.failed, board.finished) == (1, 0)


def test_time_left_shrinks_with_every_finished_run(made, board):
    before = board.seconds_left()
    for run, record in zip(made.runs[:4], of_plan(made, 4), strict=True):
        say(board, Event(run, RunStarted(1, "here")), Event(run, RunFinished(record, {})))
    assert board.seconds_left() == pytest.approx(before / 2)


def test_without_a_terminal_each_end_is_one_plain_line(made, board):
    console = Console(file=io.StringIO(), width=60)
    run, [record] = made.runs[0], of_plan(made, 1)
    with open_progress(board, console) as shown:
        assert isinstance(shown, PlainProgress)
        for what in (RunStarted(1, "here"), RunStepped(1, {}), RunFinished(record, {})):
            board.on_event(Event(run, what))
            shown.show(Event(run, what))
        shown.show(None)
    assert console.file.getvalue() == "[1/8] zero_one none s0: accuracy 0.250 -> 0.500, 10 s\n"


def test_a_failure_is_said_with_its_cause(made, board):
    console = Console(file=io.StringIO(), width=60)
    failure = Event(made.runs[0], Failure("ValueError: no such thing", "", final=True))
    board.on_event(failure)
    with open_progress(board, console) as shown:
        shown.show(failure)
    assert console.file.getvalue() == "[1/8] zero_one none s0: failed: ValueError: no such thing\n"
