"""What `make reference` copies, and that nothing else is tracked where commands write."""

import subprocess
from pathlib import Path

import pytest

from tests.reference_results import main

ROOT = Path(__file__).parent.parent


@pytest.fixture
def own(tmp_path, monkeypatch):
    results = tmp_path / "results"
    for name in ("tables/a.laptop.md", "tables/b.laptop.csv", "figures/a.laptop.svg", "figures/a.laptop.png"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(f"new {name}")
    (results / "verifier.json").write_text("{}")
    monkeypatch.setenv("RESULTS_DIR", str(results))
    return results


def copied(reference):
    return sorted(str(path.relative_to(reference)) for path in reference.rglob("*") if path.is_file())


def test_tables_figures_and_the_audit_are_copied_and_each_change_is_said(own, tmp_path, capsys):
    reference = tmp_path / "reference"
    (reference / "tables").mkdir(parents=True)
    (reference / "tables" / "a.laptop.md").write_text("old")
    (reference / "tables" / "c.laptop.md").write_text("of runs that are not here")
    assert main([], reference) == 0
    assert copied(reference) == [
        "figures/a.laptop.svg",
        "tables/a.laptop.md",
        "tables/b.laptop.csv",
        "tables/c.laptop.md",
        "verifier.json",
    ]
    assert (reference / "tables" / "a.laptop.md").read_text() == "new tables/a.laptop.md"
    said = capsys.readouterr().out
    assert f"changed  {reference}/tables/a.laptop.md" in said
    assert f"new      {reference}/tables/b.laptop.csv" in said
    assert said.splitlines()[-1] == f"{reference}: 1 changed, 3 new"
    assert main([], reference) == 0
    assert capsys.readouterr().out == f"{reference}: 4 the same\n"


def test_a_picture_is_copied_where_the_reference_has_it(own, tmp_path):
    reference = tmp_path / "reference"
    (reference / "figures").mkdir(parents=True)
    (reference / "figures" / "a.laptop.png").write_text("old")
    assert main([], reference) == 0
    assert (reference / "figures" / "a.laptop.png").read_text() == "new figures/a.laptop.png"


def test_one_grid_alone_is_copied_on_request(own, tmp_path, capsys):
    reference = tmp_path / "reference"
    assert main(["grid=b"], reference) == 0
    assert copied(reference) == ["tables/b.laptop.csv"]
    assert main(["grid=z"], reference) == 1
    assert "holds no table or figure of z" in capsys.readouterr().err
    assert main(["z"], reference) == 2


WRITTEN = (  # what commands write, as the list in results/README.md and the messages of the commands have it
    "mlflow.db",
    "mlflow.db-wal",
    "mlartifacts/1/a/artifacts/record.json",
    "outbox/smoke.a-s0.jsonl",
    "smoke.lock",
    "report.html",
    "report.smoke.laptop.html",
    "verifier.json",
    "runs/smoke.0a1b2c3d4e-s0/record.json",
    "runs/replay/replay.laptop.json",
    "tiers/paper_easy.jsonl",
    "tuned/smoke.lr.yaml",
    "evaluations/small_base.0a1b2c3d4e/scores.json",
    "difficulty/small_base.0a1b2c3d4e/outcomes.parquet",
    *(f"tables/{name}" for name in ("smoke.laptop.md", "fig04.laptop.csv", "takeaways.laptop.tex", "guide.laptop.md")),
    *(f"tables/{name}" for name in ("controls.laptop.md", "replay.laptop.cosines.csv", "verifier.md")),
    *(f"figures/{name}" for name in ("smoke.laptop.svg", "smoke.laptop.curves.png", "fig15.laptop.png")),
)


def test_git_ignores_every_file_that_a_command_writes_and_tracks_the_reference():
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    paths = "\n".join(f"results/{name}" for name in WRITTEN)
    ignored = git("check-ignore", "--no-index", "--stdin", given=paths)
    assert ignored.splitlines() == paths.splitlines()
    tracked = {path.split("/")[1] for path in git("ls-files", "results").splitlines()}
    assert tracked == {"README.md", "paper", "reference"}


def git(*words, given=""):
    return subprocess.run(["git", *words], cwd=ROOT, input=given, capture_output=True, text=True, check=False).stdout
