"""Commands write to the reader's own results alone; the reference stays as it is."""

import os
import subprocess
import sys

import pytest

from harness.common.repository import (
    REFERENCE_RESULTS,
    find_own_or_reference,
    format_path,
    is_reference,
    results_folder,
)
from harness.common.schema import SchemaError
from harness.tracking.errors import StoreError
from harness.tracking.store import Store

ROOT = REFERENCE_RESULTS.parent.parent


def test_a_named_folder_goes_before_the_environment_and_that_before_the_current_one(monkeypatch, tmp_path):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    assert str(results_folder()) == "results"
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    assert results_folder() == tmp_path
    assert str(results_folder("mine")) == "mine"
    monkeypatch.setenv("RESULTS_DIR", "")
    assert str(results_folder()) == "results"


@pytest.mark.parametrize("inside", ["", "tables"])
def test_the_reference_is_refused_as_a_place_for_results(monkeypatch, inside, tmp_path):
    with pytest.raises(SchemaError, match="holds the reference results, which are read-only"):
        results_folder(REFERENCE_RESULTS / inside)
    monkeypatch.chdir(REFERENCE_RESULTS.parent)
    assert is_reference(REFERENCE_RESULTS.relative_to(REFERENCE_RESULTS.parent) / inside)
    link = tmp_path / "link"
    link.symlink_to(REFERENCE_RESULTS)
    assert is_reference(link / inside)
    with pytest.raises(StoreError, match="reference results"):
        Store.open(REFERENCE_RESULTS / inside)
    assert not is_reference(REFERENCE_RESULTS.parent / "tables")


def test_ones_own_file_goes_before_that_of_the_reference(tmp_path):
    assert find_own_or_reference(tmp_path, "verifier.json") == REFERENCE_RESULTS / "verifier.json"
    (tmp_path / "verifier.json").write_text("{}")
    assert find_own_or_reference(tmp_path, "verifier.json") == tmp_path / "verifier.json"
    assert find_own_or_reference(tmp_path, "nothing.json") == tmp_path / "nothing.json"


def test_a_path_is_shown_from_the_current_folder_where_it_lies_below(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert format_path(tmp_path / "a" / "b.md") == os.path.join("a", "b.md")
    assert format_path(tmp_path.parent / "b.md") == str(tmp_path.parent / "b.md")


COMMANDS = (
    ("analysis", "tables"),
    ("analysis", "figures"),
    ("analysis", "takeaways"),
    ("analysis", "report"),
    ("analysis", "guide"),
    ("analysis", "replay"),
    ("harness", "steps=1"),
    ("harness.replay", "steps=1"),
    ("harness.evaluation", "model=builtin:small_base", "bench=arithmetic", "k=1", "problems=1"),
    ("harness.difficulty", "model=builtin:small_base", "tier=arithmetic_easy", "k=1", "problems=1"),
    ("harness.data", "seed=1"),
    ("tools.verifier_audit",),
    ("sweeps", "run", "grid=smoke"),
    ("sweeps", "tune", "grid=smoke", "knob=lr"),
)


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_that_writes_refuses_the_reference(words):
    before = contents()
    away = {"RAY_ADDRESS", "MLFLOW_TRACKING_URI"}
    environment = {**{name: value for name, value in os.environ.items() if name not in away}}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**environment, "RESULTS_DIR": "results/reference"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {1, 2}, done.stderr
    assert "holds the reference results" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents() == before


def contents():
    return {path: path.read_bytes() for path in REFERENCE_RESULTS.rglob("*") if path.is_file()}
