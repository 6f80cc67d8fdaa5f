"""Scripts of findings/ have the form that its README states. They need network, so no test runs them."""

import re
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
FIELDS = ("Input", "Expected", "Seen", "Why care", "Source", "Exit")
OWN = ("tricks", "harness", "sweeps", "analysis", "tests")

each = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def text(script):
    return script.read_text(encoding="utf-8")


def installed(script):
    """What its calls of pip install, each line with those that it goes on in."""
    joined = text(script).replace("\\\n", " ")
    calls = [line for line in joined.splitlines() if re.search(r"\bpip\S* install\b", line)]
    words = [word for line in calls for word in re.sub(r".*?\binstall\b|\|\|.*|;.*", "", line).split()]
    return [word.strip("'\"") for word in words if not word.startswith("-")]


def test_there_is_a_script_and_the_readme_lists_each_with_its_packages():
    assert SCRIPTS
    readme = text(FOLDER / "README.md")
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", readme, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == [script.name for script in SCRIPTS]
    for name, packages in rows:
        pins = installed(FOLDER / name)
        for package in packages.split(","):
            assert "==".join(package.split()) in pins, name


@each
def test_a_script_is_executable_and_bash_can_read_it(script):
    assert script.stat().st_mode & 0o111
    assert text(script).startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text(script)
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@each
def test_its_head_states_versions_input_what_is_expected_and_what_is_seen(script):
    head = [line for line in text(script).split("\n\n")[0].split("\nset ")[0].splitlines() if line.startswith("#")]
    named = [match[1] for line in head if (match := re.match(r"# ([A-Z][a-z]+(?: [a-z]+)?) {2,}\S", line))]
    assert tuple(named) == FIELDS
    pins = dict(pin.split("==") for pin in installed(script))
    assert any(line.startswith(tuple(f"# {name} {version}" for name, version in pins.items())) for line in head)
    assert re.search(r"# Exit +0: .*1: .*2: ", "\n".join(head))


@each
def test_it_installs_pinned_releases_in_a_temporary_folder_that_it_removes(script):
    assert installed(script)
    for package in installed(script):
        assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][\w.]*", package), package
    assert "work=$(mktemp -d)" in text(script)
    assert re.search(r"trap '[^']*rm -rf \"\$work\"[^']*' EXIT", text(script))
    assert re.search(r"python3?\S* -m venv \"\$work", text(script))


@each
def test_it_runs_without_the_code_of_this_project(script):
    imported = re.findall(r"^\s*(?:from|import) (\w+)", text(script), flags=re.MULTILINE)
    assert imported
    assert not {*OWN} & {*imported}
    assert not re.search(rf"-m ({'|'.join(OWN)})\b", text(script))
