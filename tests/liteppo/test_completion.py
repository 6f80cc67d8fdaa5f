"""What a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def completed(line: str) -> list[str]:
    """The words that bash is offered at the end of a line."""
    words = line.split(" ")
    environment = {
        **os.environ,
        "_LITEPPO_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    code = "import sys; from liteppo.program import main; sys.exit(main([]))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("liteppo sw", {"sweep"}),
        ("liteppo sweep norm_", {"norm_ablation"}),
        ("liteppo plan smoke --profile cpu", {"cpu_engines"}),
        ("liteppo run preset=lite", {"preset=liteppo"}),
        ("liteppo tricks apply --preset dapo_s", {"dapo_static"}),
        ("liteppo tricks check clip_h", {"clip_higher"}),
        ("liteppo eval --bench math", {"math500"}),
        ("liteppo sweep --twi", {"--twins"}),
    ],
)
def test_names_are_completed(line: str, offered: set[str]) -> None:
    assert set(completed(line)) == offered


def test_the_script_of_a_shell_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "liteppo", "--show-completion", "bash"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "_LITEPPO_COMPLETE=complete_bash" in done.stdout
