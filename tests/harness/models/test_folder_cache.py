from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.models.download import fill_cache
from harness.models.errors import ModelError
from tests.harness.models.full_disk import no_file_above

# A process that fills the folder argv[1] slowly, and notes in argv[2] that it has begun to.
SLOW = """
import sys, time
from pathlib import Path
from harness.models.download import fill_cache
def write(folder):
    (folder / "weights").write_text("half")
    with open(sys.argv[2], "a") as log:
        log.write("began\\n")
    time.sleep(float(sys.argv[3]))
    (folder / "weights").write_text("whole")
fill_cache(Path(sys.argv[1]), write, 0)
"""


def whole(folder: Path) -> None:
    (folder / "weights").write_text("whole")


def large(folder: Path) -> None:
    (folder / "weights").write_bytes(bytes(1_000_000))


def never(folder: Path) -> None:
    raise AssertionError("nothing was to be written")


def slowly(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SLOW, *map(str, arguments)])


def begun(log: Path) -> None:
    deadline = time.monotonic() + 60
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_folder_is_written_once_and_used_ever_after(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "model"
    assert fill_cache(folder, whole, 0) == folder
    assert (folder / "weights").read_text() == "whole"
    assert fill_cache(folder, never, 1 << 60) == folder
    assert [path.name for path in folder.iterdir()] == ["weights"]


def test_what_a_killed_process_left_is_never_used(tmp_path: Path) -> None:
    folder, log = tmp_path / "model", tmp_path / "log"
    process = slowly(folder, log, 600)
    begun(log)
    process.kill()
    process.wait()
    assert not folder.exists()
    assert [path.read_text() for path in tmp_path.rglob("weights")] == ["half"]
    fill_cache(folder, whole, 0)
    assert [path.read_text() for path in tmp_path.rglob("weights")] == ["whole"]


def test_of_two_processes_at_once_one_writes_and_the_other_waits(tmp_path: Path) -> None:
    folder, log = tmp_path / "model", tmp_path / "log"
    processes = [slowly(folder, log, 0.5) for _ in range(2)]
    begun(log)
    fill_cache(folder, never, 0)
    assert (folder / "weights").read_text() == "whole"
    assert [process.wait() for process in processes] == [0, 0]
    assert log.read_text() == "began\n"


def test_a_disk_that_fills_up_leaves_nothing_and_says_so_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with no_file_above(100_000), pytest.raises(ModelError) as caught:
        fill_cache(folder, large, 0)
    assert "\n" not in str(caught.value)
    for part in (str(folder), "File too large", "XDG_CACHE_HOME"):
        assert part in str(caught.value)
    assert not list(tmp_path.rglob("weights"))
    fill_cache(folder, whole, 0)
    assert (folder / "weights").read_text() == "whole"


def test_a_disk_without_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"only .* GB are free; no part of it is kept.*XDG_CACHE_HOME to a folder with room"
    ):
        fill_cache(tmp_path / "model", never, 1 << 60)
    assert not (tmp_path / "model").exists()


def test_a_failure_of_the_writer_is_one_line_and_a_model_error_stays_as_it_is(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        whole(folder)
        raise RuntimeError("first line\nsecond line")

    def refused(folder: Path) -> None:
        raise ModelError("of another version")

    with pytest.raises(ModelError, match="cannot be written: first line; no part of it is kept") as caught:
        fill_cache(tmp_path / "model", broken, 0)
    assert "second" not in str(caught.value)
    with pytest.raises(ModelError, match="^of another version$"):
        fill_cache(tmp_path / "model", refused, 0)
    assert not (tmp_path / "model").exists()


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="file/model cannot be written.*XDG_CACHE_HOME"):
        fill_cache(tmp_path / "file" / "model", whole, 0)
