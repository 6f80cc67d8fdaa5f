import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.launch.environment import SweepError
from sweeps.launch.lease import hold_study_lock

HOLD = """
import sys, time
from pathlib import Path
from sweeps.launch.lease import hold_study_lock
with hold_study_lock(Path(sys.argv[1]), "plain"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_sweep_of_a_study_is_refused_and_told_by_whom(tmp_path):
    with hold_study_lock(tmp_path, "plain"), pytest.raises(SweepError) as caught, hold_study_lock(tmp_path, "plain"):
        pass
    assert str(caught.value).startswith(
        f"plain: a sweep of it is already running, started by process {os.getpid()} on "
    )
    assert str(caught.value).endswith("; wait for it or stop it")


def test_another_study_may_be_swept_meanwhile(tmp_path):
    with hold_study_lock(tmp_path, "plain"), hold_study_lock(tmp_path, "other"):
        assert (tmp_path / "other.lock").exists()


def test_a_killed_sweep_leaves_no_lock(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SweepError, match=f"by process {holder.pid} "), hold_study_lock(tmp_path, "plain"):
            pass
        holder.kill()
        holder.wait()
        with hold_study_lock(tmp_path, "plain"):
            pass


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path):
    (tmp_path / "results").write_text("a file in the way")
    with pytest.raises(SweepError) as caught, hold_study_lock(tmp_path / "results", "plain"):
        pass
    assert "cannot be written" in str(caught.value)
    assert str(caught.value).endswith("make the folder writable or name another with results=DIR")
