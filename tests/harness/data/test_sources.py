import hashlib

import pytest

from harness.data.catalog import DataError
from harness.data.sources import compute_sha256, load_table
from tests.harness.data.folders import rows, write_rows

FILE = "eval/aime24.jsonl"


def test_a_table_is_read_with_its_hash(use_folder):
    folder = use_folder()
    loaded = load_table("aime24")
    assert len(loaded.rows) == 4
    assert loaded.source.name == FILE
    assert (loaded.source.rows, loaded.source.official) == (4, 30)
    assert loaded.source.sha256 == hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    assert not loaded.source.known


def test_a_changed_file_is_read_anew(use_folder):
    folder = use_folder()
    load_table("aime24")
    write_rows(folder / FILE, rows("aime24", 3))
    assert len(load_table("aime24").rows) == 3


def test_the_whole_of_a_source_is_preferred_to_a_part(use_folder):
    folder = use_folder()
    write_rows(folder / "train/deepmath_103k.jsonl", rows("deepmath", 7))
    assert load_table("deepmath").source.name == "train/deepmath_103k.jsonl"


def test_a_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="DATA_DIR=.*nowhere: no such folder"):
        load_table("aime24")


def test_a_missing_file_is_named(use_folder):
    (use_folder() / FILE).unlink()
    with pytest.raises(DataError, match=r"eval/aime24\.jsonl: no such file; DATA_DIR names a folder"):
        load_table("aime24")


@pytest.mark.parametrize(
    ("manifest", "line"),
    [("SHA256SUMS", "{sha256}  " + FILE), ("README.md", "| " + FILE + " | 4 | 30 (all) | `{sha256}` |")],
)
@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_a_hash_that_the_folder_contradicts_is_refused(use_folder, manifest, line, spelt):
    folder = use_folder()
    sha256 = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    (folder / manifest).write_text(f"# files\n\n{line.format(sha256=spelt(sha256))}\n")
    assert compute_sha256(folder, FILE) == sha256
    with (folder / FILE).open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match=f"aime24.jsonl: SHA-256 .* but .*{manifest} lists {sha256[:12]}"):
        load_table("aime24")
