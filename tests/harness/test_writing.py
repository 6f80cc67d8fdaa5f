"""What is written is on the disk, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.common.files import atomic_write, flush_to_disk
from harness.config.experiment import load_config
from harness.training.run import RunSpec, execute_run


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is flushed, renamed and removed, in order; it happens too."""
    done: list[tuple[str, Path]] = []
    fsync, replace, rmdir = os.fsync, os.replace, os.rmdir

    def flushed(handle: int) -> None:
        fsync(handle)
        done.append(("flush", Path(os.readlink(f"/proc/self/fd/{handle}"))))

    def renamed(draft: Path, target: Path) -> None:
        replace(draft, target)
        done.append(("rename", Path(target)))

    def removed(folder: str | Path, **options: int) -> None:
        rmdir(folder, **options)
        done.append(("remove", Path(folder)))

    for name, function in (("fsync", flushed), ("replace", renamed), ("rmdir", removed)):
        monkeypatch.setattr(os, name, function)
    return done


def test_a_file_is_flushed_before_it_has_its_name_and_its_folder_after(
    tmp_path: Path, seen: list[tuple[str, Path]]
) -> None:
    target = atomic_write(tmp_path / "deep" / "file", b"content")
    assert [(what, path.parent) for what, path in seen] == [
        ("flush", tmp_path / "deep"),
        ("rename", tmp_path / "deep"),
        ("flush", tmp_path),
    ]
    assert seen[0][1].name.startswith(".file.")
    assert (seen[1][1], target.read_bytes()) == (target, b"content")


def test_the_disk_holds_a_run_before_its_checkpoints_are_removed(tmp_path: Path, seen: list[tuple[str, Path]]) -> None:
    config = load_config(
        "steps=2",
        "checkpoint.every=1",
        "rollout.prompts_per_batch=4",
        "rollout.group_size=4",
        "rollout.max_response_length=8",
        "eval.problems=2",
        "eval.samples=1",
    )
    folder = tmp_path / "run"
    list(execute_run(RunSpec("tests", "laptop", {}, config, {"commit": "c0ffee"}), folder))
    record, curves = seen.index(("rename", folder / "record.json")), seen.index(("flush", folder / "metrics.jsonl"))
    last = max(place for place, what in enumerate(seen) if what == ("flush", folder))
    removed = min(place for place, (what, path) in enumerate(seen) if what == "remove" and path.name == "checkpoints")
    files = [path.name for what, path in seen[curves:record] if what == "flush"]
    assert any(name.startswith(".record.json.") for name in files)
    assert curves < record < last < removed
    assert not (folder / "checkpoints").exists()


def test_a_file_system_that_cannot_flush_is_used_all_the_same(tmp_path: Path) -> None:
    flush_to_disk(Path("/proc/self"))  # the kernel says EINVAL there
    with pytest.raises(FileNotFoundError):
        flush_to_disk(tmp_path / "nothing")
