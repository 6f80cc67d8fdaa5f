"""`pip install .` installs the packages with their data, and nothing else."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PACKAGES = ("tricks", "harness", "sweeps", "analysis", "liteppo")
DATA = (
    *(f"{package}/**/__init__.pyi" for package in PACKAGES),
    "tricks/frameworks/options/*.json",
    "harness/conf/**/*.yaml",
    "harness/models/weights/**/*",
    "sweeps/profiles.yaml",
    "sweeps/grids/*.yaml",
    "sweeps/tuned/*.yaml",
    "analysis/paper/readings/*.csv",
    "analysis/report/style.css",
    "analysis/report/script.js",
    "analysis/report/templates/*.html",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names of the files in the wheel of what git would commit."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():  # a copy: building leaves folders beside the sources
        if (ROOT / name).is_file() and not name.startswith(("results/", "docs/")):
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    done = subprocess.run(
        [*command, "-w", str(folder)], cwd=folder / "source", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return [name for name in zipfile.ZipFile(file).namelist() if not name.endswith("/")]


@pytest.mark.slow
def test_the_wheel_holds_the_code_and_data_of_the_packages_and_nothing_else(wheel):
    metadata = {name for name in wheel if name.split("/")[0].endswith(".dist-info")}
    code = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    data = {str(path.relative_to(ROOT)) for pattern in DATA for path in ROOT.glob(pattern) if path.is_file()}
    assert {*wheel} - metadata == code | data
    assert any(name.endswith("LICENSE") for name in metadata)


def test_every_file_of_the_packages_in_git_is_code_or_listed_data():
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    data = {path for pattern in DATA for path in ROOT.glob(pattern)}
    left = [name for name in listed.stdout.splitlines() if not name.endswith(".py") and (ROOT / name) not in data]
    assert [name for name in left if (ROOT / name).exists()] == []


def test_the_lock_file_is_exact_and_within_the_ranges_that_the_package_asks_for():
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    wanted = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
    assert {name.lower() for name in locked} >= {each.name.lower() for each in wanted}
    versions = {name.lower(): version for name, version in locked.items()}
    for each in wanted:
        assert each.specifier.contains(versions[each.name.lower()]), each
    exact = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements" / "exact.txt").read_text(), flags=re.MULTILINE)
    assert {name: versions[name] for name, _ in exact} == dict(exact)
