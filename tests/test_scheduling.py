"""Tests of a file, and files that share engines, run in one process: what they share is made once."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.scheduling import LONG, TOGETHER, group

ROOT = Path(__file__).parents[1]
NOTED = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(number, worker_id):
    with open({noted!r}, "a") as file:
        print({name!r}, worker_id, file=file)
"""


def test_a_group_is_a_file_or_several_that_share_engines():
    assert group("tests/sweeps/test_crash.py::test_a[x::y]") == "tests/sweeps/test_crash.py"
    assert group("tests/parity/test_vllm_parity.py::TestTheProbe::test_a") == "vllm"
    files = [*LONG, *(file for files in TOGETHER.values() for file in files)]
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert len(files) == len(set(files))


@pytest.mark.slow
def test_two_processes_have_whole_groups(tmp_path):
    together = TOGETHER["deepspeed"]
    for name in (*together, "tests/test_one.py", "tests/test_other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(NOTED.format(name=group(name), noted=str(tmp_path / "noted")))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.scheduling", "-p", "no:cacheprovider"]
    options = ["--dist", "loadfile", "--rootdir", str(tmp_path), "-c", str(tmp_path / "none.ini"), "tests"]
    (tmp_path / "none.ini").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    tests, noted = Counter(), (tmp_path / "noted").read_text().splitlines()
    tests.update(tuple(line.split()) for line in noted)
    assert Counter(name for name, _ in tests) == {"deepspeed": 1, "tests/test_one.py": 1, "tests/test_other.py": 1}
    assert sorted(tests.values()) == [6, 6, 6 * len(together)]
