"""One run killed by SIGKILL at 20 random points, each time taken up by a new process."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.harness.checkpoint import killed_run
from tests.harness.checkpoint.killed_run import CHOSEN, STEPS
from tests.harness.checkpoint.runs import finish, result, spec
from tests.sweeps.drivers import FORKS

pytestmark = [pytest.mark.slow, pytest.mark.distributed]

KILLS = 20
STEP_SECONDS = 0.3  # about; a kill falls at a random moment of that time after the report of a step
PATIENCE = 120.0

Told = tuple[int, float | None]  # a step, and the seconds that it took; step 0 is an evaluation


@dataclass
class Story:
    cut: Path
    whole: Path
    told: list[list[Told]] = field(default_factory=list)  # by each process
    codes: list[int | None] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder, rng = tmp_path_factory.mktemp("killed"), random.Random(20)
    found = Story(folder / "cut", folder / "whole")
    points = sorted(rng.uniform(-1, STEPS - 0.5) for _ in range(KILLS))  # -0.5 is in the evaluation before step 1
    for point in [*points, None]:
        told, telling = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=killed_run.follow, args=(found.cut, telling))
        process.start()
        telling.close()
        found.told.append(watch(process, told, point))
        found.codes.append(process.exitcode)
    finish(spec(*CHOSEN), found.whole)
    return found


def watch(process: BaseProcess, told: Connection, point: float | None) -> list[Told]:
    """The steps that it reports; killed some time after that of step ``point``, rounded down."""
    steps: list[Told] = []
    if point is not None:
        while point >= 0 and (not steps or steps[-1][0] < int(point)):
            assert told.poll(PATIENCE)
            steps.append(told.recv())
        time.sleep(point % 1 * STEP_SECONDS)
        process.kill()
    while True:
        try:
            steps.append(told.recv())
        except EOFError:
            process.join(PATIENCE)
            return steps


def test_it_was_killed_twenty_times_and_ended_well(story: Story) -> None:
    assert story.codes == [-signal.SIGKILL] * KILLS + [0]
    assert [step for step, _ in story.told[-1]] == list(range(STEPS + 1))


def test_no_step_that_was_reported_is_done_again(story: Story) -> None:
    """Done again, it would have taken other seconds. Every process tells the curve from its beginning."""
    assert all([step for step, _ in told] == list(range(len(told))) for told in story.told)
    assert sorted({one for told in story.told for one in told}, key=lambda one: one[0]) == story.told[-1]


def test_it_leaves_the_bits_of_a_run_that_was_not_killed(story: Story) -> None:
    assert result(story.cut) == result(story.whole)
    assert not (story.cut / "checkpoints").exists()
