import subprocess
import sys

import pytest

from analysis.__main__ import main
from analysis.tables.render import write_result
from harness.tracking.errors import StoreError
from harness.tracking.tags import STUDY as STUDY_TAG
from tests.analysis.samples import STUDY, run
from tests.harness.models.full_disk import no_file_above


@pytest.fixture
def filled(store, results):
    """A store with a study and a run; its results folder as an argument."""
    store.save_study(STUDY)
    handle = store.begin(run(0, 0).head)
    store.log(handle, 1, {"rollout/accuracy": 0.25})
    store.finish(handle, run(0, 0))
    return f"results={results}"


def test_tables_are_written_three_times_and_twice_the_same(filled, results, capsys):
    assert main(["tables", filled]) == 0
    files = sorted((results / "tables").iterdir())
    kinds = ("", "curves.", "factorial.")  # of these few runs there are no verdicts and no side effects
    assert {file.name for file in files} == {
        f"norms.laptop.{kind}{end}" for kind in kinds for end in ("csv", "md", "tex")
    }
    assert set(capsys.readouterr().out.split()) == {str(file) for file in files}
    first = [file.read_bytes() for file in files]
    assert main(["tables", filled]) == 0
    assert [file.read_bytes() for file in files] == first


def test_figures_are_written(filled, results):
    assert main(["figures", filled, "grid=norms", "profile=laptop"]) == 0
    assert {file.name for file in (results / "figures").iterdir()} == {
        f"norms.laptop.{kind}{ending}" for kind in ("", "curves.") for ending in ("png", "svg")
    }


def test_the_summary_is_printed(filled, capsys):
    assert main(["summary", "grid=norms", filled]) == 0
    assert "0.500 (1)" in capsys.readouterr().out


def test_a_study_of_which_the_store_holds_a_part_is_named_and_the_others_are_shown(filled, store, capsys):
    store._tracker.tag_study("torn", {f"{STUDY_TAG}.laptop.0": '{"name": "to'}, STUDY_TAG)
    said = f"torn, profile laptop: {store.place} holds a Study that cannot be read ("
    assert main(["summary", filled]) == 0
    out, err = capsys.readouterr()
    assert "0.500 (1)" in out
    assert err.startswith(f"left out: {said}")
    assert main(["summary", "grid=torn", filled]) == 1
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabels"], "unknown command 'tabels'; did you mean 'tables'?"),
        (["tables", "gird=norms"], "gird: no such argument; did you mean 'grid'?"),
        (["tables", "--all"], "--all: no such option; known: --grid, --help, --mixed, --profile, --results"),
        (["tables", "grid="], "grid: write grid=VALUE"),
    ],
)
def test_a_wrong_call_is_refused_with_the_right_one(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_grid_that_was_never_run_is_refused_with_the_nearest(filled, capsys):
    assert main(["tables", filled, "grid=norm"]) == 2
    assert "did you mean 'norms'?" in capsys.readouterr().err


def test_no_command_at_all_shows_the_commands(capsys):
    assert main([]) == 2
    assert "Usage: python -m analysis" in capsys.readouterr().out


def test_help_is_no_error(capsys):
    assert main(["--help"]) == 0
    assert "tables" in capsys.readouterr().out


def test_an_empty_store_says_what_to_run(results, capsys):
    assert main(["tables", f"results={results}"]) == 1
    assert "has no study yet; run one with `make sweep GRID=smoke`" in capsys.readouterr().err
    assert not results.exists()


def test_a_corrupt_store_is_one_line_on_the_terminal(results, capsys):
    results.mkdir()
    (results / "mlflow.db").write_bytes(b"not a database" * 1_000)
    assert main(["tables", f"results={results}"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{results}/mlflow.db is not a readable database" in line


def test_a_folder_that_cannot_be_written_is_named(filled, results, capsys):
    (results / "tables").write_text("a file")
    assert main(["tables", filled]) == 1
    assert f"{results}/tables/norms.laptop.md cannot be written" in capsys.readouterr().err


def test_a_full_disk_leaves_the_old_file_and_no_half_of_the_new(tmp_path):
    file = tmp_path / "table.md"
    file.write_bytes(b"old")
    with no_file_above(100), pytest.raises(StoreError, match=r"table\.md could not be written: the disk is full"):
        write_result(file, b"new" * 1_000)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("table.md", b"old")]


def test_a_reader_that_has_seen_enough_is_no_error(filled):
    command = f"{sys.executable} -m analysis summary {filled} | true"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
