"""The files of docs/guides/cluster are what Ray, KubeRay and our command line accept."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from harness.config.engines import plan_layout
from liteppo.program import ALIASES
from sweeps.grid.cells import compose_cells, select_cells
from sweeps.grid.grid import find_grid, read_grid
from tests.liteppo.calls import sweep_options

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guides" / "cluster.md").read_text(encoding="utf-8")
VALIDATE = """
import sys, yaml
from ray.autoscaler._private.util import prepare_config, validate_config
config = prepare_config(yaml.safe_load(open(sys.argv[1])))
validate_config(config)
print(config["max_workers"])
"""


@pytest.fixture(scope="module")
def job():
    return yaml.safe_load((ROOT / "docs" / "guides" / "cluster" / "kuberay-job.yaml").read_text(encoding="utf-8"))


def cluster():
    return yaml.safe_load((ROOT / "docs" / "guides" / "cluster" / "ray-cluster.yaml").read_text(encoding="utf-8"))


def validated(path):
    command = [sys.executable, "-c", VALIDATE, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "RAY_ADDRESS": ""})


def test_ray_accepts_its_cluster_and_no_cluster_with_a_typo(tmp_path):
    done = validated(ROOT / "docs" / "guides" / "cluster" / "ray-cluster.yaml")
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump({**cluster(), "max_workers": "two"}))
    assert validated(tmp_path / "wrong.yaml").returncode != 0


def test_every_node_starts_ray_with_the_token_and_the_head_starts_the_workers():
    config = cluster()
    head, worker = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
    assert head.startswith("RAY_AUTH_MODE=token ")
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in head
    assert worker.startswith("RAY_AUTH_MODE=token ")
    assert "~/.ray/auth_token" in config["file_mounts"]


def test_the_job_is_one_of_kuberay_with_all_that_it_requires(job):
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    groups = [job["spec"]["rayClusterSpec"]["headGroupSpec"], *job["spec"]["rayClusterSpec"]["workerGroupSpecs"]]
    for group in groups:  # what KubeRay's types require of a group, and Kubernetes of a container
        assert isinstance(group["rayStartParams"], dict)
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        (container,) = group["template"]["spec"]["containers"]
        assert {"name", "image"} <= container.keys()
        volumes = {volume["name"] for volume in group["template"]["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    for group in groups[1:]:
        assert 0 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_the_job_runs_the_pinned_ray_and_asks_for_a_token(job):
    spec = job["spec"]["rayClusterSpec"]
    assert spec["rayVersion"] == version("ray")
    assert spec["authOptions"] == {"mode": "token"}


def test_the_entrypoint_is_a_sweep_that_our_command_line_and_its_grid_accept(job):
    python, flag, module, command, *words = shlex.split(job["spec"]["entrypoint"])
    assert (python, flag, module) == ("python", "-m", "sweeps")
    assert ALIASES[module][command] == "sweep"
    options = sweep_options(*words)
    assert read_grid(find_grid(options.grid), options.profile, options.seeds).profile == "gpu"


def test_a_worker_of_the_job_holds_a_run_of_its_sweep(job):
    options = sweep_options(*shlex.split(job["spec"]["entrypoint"])[4:])
    grid = read_grid(find_grid(options.grid), options.profile, options.seeds)
    cell = compose_cells(grid, select_cells(grid, full=False).cells[:1]).cells[0]
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    asked = plan_layout(cell.config.backend)
    assert asked.total("GPU") <= int(limits["nvidia.com/gpu"])
    assert asked.total("CPU") <= int(limits["cpu"])


def test_no_credential_is_written_in_the_job(job):
    (head,) = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    secret = {entry["name"] for entry in head["env"] if entry["name"].startswith("MLFLOW")}
    assert secret == {entry["name"] for entry in head["env"] if "secretKeyRef" in entry.get("valueFrom", {})}
    assert "runtimeEnvYAML" not in job["spec"]  # the dashboard shows it


def test_the_page_names_both_files_and_the_sweeps_it_starts_are_real():
    assert {"cluster/ray-cluster.yaml", "cluster/kuberay-job.yaml"} <= set(re.findall(r"\((cluster/[^)]+)\)", PAGE))
    for grid in set(re.findall(r"GRID=(\w+)", PAGE)):
        assert find_grid(grid).is_file()


def test_a_job_that_brings_its_code_is_not_sent_it_twice(monkeypatch):
    from sweeps.launch import cluster as joined

    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert joined._join()["runtime_env"]["working_dir"] == str(ROOT)
    monkeypatch.setenv(joined._JOB, json.dumps({"runtime_env": {"working_dir": "gcs://code.zip"}}))
    assert "working_dir" not in joined._join()["runtime_env"]


def test_workers_are_told_where_data_lies_and_no_password(monkeypatch, tmp_path):
    from sweeps.launch import cluster as joined

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", "data")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://alice:s3cret@host")
    monkeypatch.setenv("HF_TOKEN", "s3cret")
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    told = joined._join()["runtime_env"]["env_vars"]
    assert (told["DATA_DIR"], told["RESULTS_DIR"]) == (str(tmp_path / "data"), str(tmp_path / "results"))
    assert "s3cret" not in json.dumps(told)
