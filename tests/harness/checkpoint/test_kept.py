from __future__ import annotations

from pathlib import Path

import pytest

from harness.checkpoint.manager import CheckpointManager, describe_resume

OURS = {"run": "0a1b-s0", "commit": "c0ffee", "code": "1"}


def kept(folder: Path, keep: int = 2, **other: str) -> CheckpointManager:
    return CheckpointManager(folder, {**OURS, **other}, keep)


def fill(folder: Path) -> None:
    (folder / "weights").write_bytes(bytes(1000))


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has kept its steps 10 and 20."""
    for step in (10, 20):
        kept(tmp_path).write(step, fill)
    return tmp_path


def found(folder: Path, **other: str) -> str | None:
    checkpoint = kept(folder, **other).newest()
    return checkpoint and checkpoint.name


def test_the_newest_is_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(run) == "step-000020"
    assert capsys.readouterr().err == "resumes from checkpoint step-000020\n"


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_one_cut_in_half_is_passed_over_with_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "checkpoints" / "step-000020" / "weights").write_bytes(bytes(500))
    assert found(run) == "step-000010"
    passed_over, _ = capsys.readouterr().err.splitlines()
    assert passed_over == "checkpoint step-000020 is skipped: weights differs from its checksum"


def test_none_whole_is_none(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in names(run):
        (run / "checkpoints" / name / "manifest.json").write_text("{")
    assert found(run) is None
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("part", ["run", "commit", "code"])
def test_one_of_other_code_is_not_taken_up(run: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(run, **{part: "another"}) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert f"starts from step 0: {part} {OURS[part]}, now another" in line


def test_a_package_that_was_not_there_is_a_difference(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(run, vllm="0.26.0") is None
    assert "vllm unknown, now 0.26.0" in capsys.readouterr().err


def test_the_last_ones_are_kept(run: Path) -> None:
    kept(run).write(30, fill)
    assert names(run) == ["step-000020", "step-000030"]
    kept(run, keep=1).write(40, fill)
    assert names(run) == ["step-000040"]


def test_a_run_that_starts_anew_replaces_those_of_other_code(run: Path) -> None:
    other = kept(run, code="2")
    assert other.newest() is None
    assert names(run) == ["step-000010", "step-000020"]
    other.write(10, fill)
    assert names(run) == ["step-000010"]
    assert found(run, code="2") == "step-000010"


def test_a_step_that_was_found_is_not_written_again(run: Path) -> None:
    going_on, before = kept(run), (run / "checkpoints" / "step-000020").stat().st_ino
    going_on.newest()
    going_on.write(20, fill)
    assert (run / "checkpoints" / "step-000020").stat().st_ino == before


def test_drafts_of_a_killed_process_are_removed(run: Path) -> None:
    (run / "checkpoints" / ".step-000030.4711").mkdir()
    assert found(run) == "step-000020"
    assert names(run) == ["step-000010", "step-000020"]


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    kept(run).write(30, full)
    said = "no checkpoint of step 30; the run continues: [Errno 28] No space left on device\n"
    assert capsys.readouterr().err == said
    assert names(run) == ["step-000010", "step-000020"]


def test_the_outlook(run: Path, tmp_path: Path) -> None:
    assert describe_resume(run) == "resumes from step 20"
    kept(run).clear()
    assert describe_resume(run) == "restarts the run"
