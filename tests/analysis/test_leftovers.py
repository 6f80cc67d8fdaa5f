"""Files of earlier calls are named where no study makes them any more, and stay."""

from shutil import rmtree

import pytest

from analysis.__main__ import main
from analysis.tables.study import find_leftovers
from tests.analysis.samples import STUDY, run


@pytest.fixture
def filled(store, results):
    store.save_study(STUDY)
    for record in (run(0, 0, 0.5), run(1, 0, 0.7)):
        store.finish(store.begin(record.head), record)
    return results


@pytest.mark.parametrize(("command", "folder", "ending"), [("tables", "tables", "csv"), ("figures", "figures", "svg")])
def test_files_without_runs_are_named_and_stay(filled, capsys, command, folder, ending):
    old = filled / folder / f"gone.laptop.{ending}"
    old.parent.mkdir()
    old.write_text("old")
    assert main([command, f"results={filled}"]) == 0
    said = capsys.readouterr().err
    assert (
        f"{filled / folder}: 1 file of runs that are not in this store; delete those you do not need: {old.name}"
    ) in said
    assert old.read_text() == "old"
    rmtree(filled / folder)
    assert main([command, f"results={filled}"]) == 0
    assert capsys.readouterr().err == ""


def test_where_a_part_of_the_store_is_written_the_rest_is_no_leftover(filled, capsys):
    (filled / "tables").mkdir()
    (filled / "tables" / "gone.laptop.csv").write_text("old")
    assert main(["tables", f"results={filled}", "grid=norms"]) == 0
    assert capsys.readouterr().err == ""


def test_what_other_commands_write_is_no_leftover(tmp_path):
    for name in ("replay.laptop.md", "verifier.csv", "difficulty.small.md", "guide.laptop.md", ".draft.md", "mine.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "a.laptop.md").write_text("")
    (tmp_path / "b.laptop.md").write_text("")
    assert find_leftovers(tmp_path, [tmp_path / "b.laptop.md"]) == ["a.laptop.md"]
    assert find_leftovers(tmp_path / "none", []) == []
