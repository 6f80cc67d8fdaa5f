from __future__ import annotations

from pathlib import Path

import pytest

from harness.checkpoint.manager import MANIFEST, find_fault, write_manifest
from harness.common.files import atomic_write_folder


def fill(folder: Path) -> None:
    (folder / "part").mkdir()
    (folder / "part" / "weights").write_bytes(b"0123456789" * 100)
    (folder / "numbers.json").write_text("{}")
    write_manifest(folder)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    atomic_write_folder(tmp_path / "deep" / "whole", fill)
    return tmp_path / "deep" / "whole"


def test_what_was_written_is_whole(written: Path) -> None:
    assert find_fault(written) is None
    assert [path.name for path in written.parent.iterdir()] == ["whole"]


def test_a_file_cut_in_half_is_named(written: Path) -> None:
    (written / "part" / "weights").write_bytes(b"0123456789" * 50)
    assert find_fault(written) == "part/weights differs from its checksum"


def test_a_single_changed_bit_is_found(written: Path) -> None:
    content = bytearray((written / "part" / "weights").read_bytes())
    content[500] ^= 1
    (written / "part" / "weights").write_bytes(content)
    assert find_fault(written) == "part/weights differs from its checksum"


def test_a_missing_file_is_named(written: Path) -> None:
    (written / "numbers.json").unlink()
    assert find_fault(written) == "numbers.json differs from its checksum"


@pytest.mark.parametrize("content", [b"", b'{"sha256": {"numb', b'{"sums": {}}', b"\xff\xfe"])
def test_a_manifest_that_is_none(written: Path, content: bytes) -> None:
    (written / MANIFEST).write_bytes(content)
    assert find_fault(written) == f"{MANIFEST} cannot be read"


def test_a_folder_without_a_manifest_is_not_whole(written: Path) -> None:
    (written / MANIFEST).unlink()
    assert find_fault(written) == f"{MANIFEST} cannot be read"


def test_a_failure_leaves_what_was_there(written: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "numbers.json").write_text("half of it")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        atomic_write_folder(written, fail)
    assert find_fault(written) is None
    assert [path.name for path in written.parent.iterdir()] == ["whole"]


def test_a_folder_takes_the_place_of_another(written: Path) -> None:
    def other(folder: Path) -> None:
        (folder / "other").write_text("")
        write_manifest(folder)

    atomic_write_folder(written, other)
    assert {path.name for path in written.iterdir()} == {"other", MANIFEST}
