"""From where a run goes on, and how it is asked to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from shutil import copytree

import pytest

from harness.common.signals import Preempted
from harness.training.run import FinishedRun, execute_run
from tests.harness.checkpoint.runs import advance, checkpoints, finish, result, spec


@pytest.fixture(scope="module")
def advanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was abandoned after its second step; a test that goes on copies it."""
    folder = tmp_path_factory.mktemp("advanced")
    advance(spec(), folder, 2)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The files of the same run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    finish(spec(), folder)
    return result(folder)


def test_a_signal_ends_the_run_after_its_step_and_keeps_that_step(tmp_path: Path) -> None:
    chosen, before, reported = spec("checkpoint.every=0"), signal.getsignal(signal.SIGTERM), []
    with pytest.raises(Preempted, match="^stopped; the same command resumes from step 1$"):  # noqa: PT012
        for report in execute_run(chosen, tmp_path / "asked"):
            assert not isinstance(report, FinishedRun)
            reported.append(report.step)
            if report.step == 1:
                os.kill(os.getpid(), signal.SIGTERM)
    assert reported == [0, 1]
    assert checkpoints(tmp_path / "asked") == ["step-000001"]
    assert signal.getsignal(signal.SIGTERM) is before
    finish(chosen, tmp_path / "asked")
    finish(chosen, tmp_path / "whole")
    assert result(tmp_path / "asked") == result(tmp_path / "whole")


def test_a_signal_after_the_last_step_finishes_the_run(tmp_path: Path) -> None:
    items = []
    for item in execute_run(spec(), tmp_path):
        items.append(item)
        if not isinstance(item, FinishedRun) and item.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
    assert isinstance(items[-1], FinishedRun)


def test_a_signal_while_old_reports_are_told_loses_nothing(tmp_path: Path, advanced: Path) -> None:
    chosen = spec()
    copytree(advanced, tmp_path, dirs_exist_ok=True)
    with pytest.raises(Preempted, match="resumes from step 2"):  # noqa: PT012
        for _ in execute_run(chosen, tmp_path):
            os.kill(os.getpid(), signal.SIGTERM)
    assert checkpoints(tmp_path) == ["step-000001", "step-000002"]


def test_a_checkpoint_cut_in_half_gives_way_to_the_one_before(
    tmp_path: Path, advanced: Path, whole: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = spec()
    copytree(advanced, tmp_path / "cut")
    weights = tmp_path / "cut" / "checkpoints" / "step-000002" / "learner" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    capsys.readouterr()
    finish(chosen, tmp_path / "cut")
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "checkpoint step-000002 is skipped: learner/weights.safetensors differs from its checksum",
        "resumes from checkpoint step-000001",
    ]
    assert result(tmp_path / "cut") == whole


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (spec(commit="decade"), "commit c0ffee, now decade"),
        (spec(torch="2.14.0"), "torch unknown, now 2.14.0"),
        (spec("backend.num_cpus=2"), "backend "),
    ],
    ids=["commit", "package", "threads"],
)
def test_another_code_starts_anew_and_says_so(
    other: object, told: str, tmp_path: Path, advanced: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copytree(advanced, tmp_path, dirs_exist_ok=True)
    capsys.readouterr()
    advance(other, tmp_path, 1)  # type: ignore[arg-type]
    (line,) = capsys.readouterr().err.splitlines()
    assert "checkpoint step-000002 is of another run or code; the run starts from step 0" in line
    assert told in line
    assert checkpoints(tmp_path) == ["step-000001"]


@pytest.mark.parametrize("part", ["processor", "cores"])
def test_a_run_may_go_on_on_another_machine(part: str, tmp_path: Path) -> None:
    advance(spec(**{part: "8"}), tmp_path, 2)
    going_on = execute_run(spec(**{part: "64"}), tmp_path)
    assert [next(going_on).step for _ in range(3)] == [0, 1, 2]  # type: ignore[union-attr]
    assert checkpoints(tmp_path) == ["step-000001", "step-000002"]


def test_a_finished_run_is_made_anew_and_its_record_goes_first(tmp_path: Path, advanced: Path) -> None:
    chosen = spec()
    copytree(advanced, tmp_path / "left")
    finish(chosen, tmp_path / "made")
    (tmp_path / "left" / "checkpoints").rename(tmp_path / "made" / "checkpoints")  # killed while it cleared them
    first = result(tmp_path / "made")
    again = execute_run(chosen, tmp_path / "made")
    assert next(again).step == 0  # type: ignore[union-attr]
    assert not (tmp_path / "made" / "record.json").exists()
    assert [item.step for item in again if not isinstance(item, FinishedRun)] == [1, 2, 3]
    assert result(tmp_path / "made") == first
    assert not (tmp_path / "made" / "checkpoints").exists()


def test_what_a_run_spends_on_checkpoints_is_told_and_does_not_end_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").write_text("not a folder")
    assert finish(spec(), tmp_path) == [0, 1, 2, 3]
    assert "no checkpoint of step 1; the run continues" in capsys.readouterr().err
