"""Clusters of several nodes on this machine, each in a process of its own, and sweeps that join them as a user's would.

``python -m tests.sweeps.clusters 1 2`` starts two nodes, prints the address, and then does what it reads:
``lose`` kills the last node, ``add 2`` adds one, ``add 2 far`` one that has a resource of that name. Every answer is a
line of JSON: the raylets' process ids.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from secrets import token_hex

import psutil

PATIENCE = 300.0  # seconds until a story that does not go on is a failure
STORE = 100 * 2**20  # bytes; messages are small
HERE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}  # 127.0.0.1 alone
SETTINGS = {"RAY_ADDRESS", "RAY_AUTH_MODE", "MLFLOW_TRACKING_URI", "RESULTS_DIR", "LAUNCH", "CLUSTER_WAIT"}


@dataclass
class Running:
    """A cluster, by the process that keeps it."""

    process: subprocess.Popen
    address: str
    access: dict  # environment that a driver needs to be let in
    raylets: list  # process ids; the first is the head's

    def tell(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        self.raylets = _answer(self.process)["raylets"]


@contextmanager
def cluster(*cpus, **environment):
    """A cluster of nodes with so many processors each, that asks for a token unless told otherwise."""
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token_hex(32)} | HERE | environment
    command = [sys.executable, "-m", "tests.sweeps.clusters", *map(str, cpus)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env={**clean(), **access}, **streams) as process:
        try:
            first = _answer(process)
            yield Running(process, first["address"], access, first["raylets"])
        finally:
            process.stdin.close()
            process.wait(PATIENCE)


@contextmanager
def sweep(words, output, **environment):
    """A sweep in its own process; what it says goes to ``output``."""
    command = [sys.executable, "-m", "sweeps", "run", *words]
    with output.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env={**clean(), **environment})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(condition, process):
    """Wait until the condition gives something; the sweep must be alive meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "the story does not go on"
        assert process.poll() is None, "the sweep has ended too early"
        time.sleep(0.1)
    return found


def at_work(raylet):
    """The ids of the runs that a node's processes are at; Ray names a process by its task."""
    titles = [_title(process) for process in psutil.Process(raylet).children(recursive=True)]
    return {title.removeprefix("ray::") for title in titles if title.startswith("ray::") and "-s" in title}


def _title(process):
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def clean():
    return {name: value for name, value in os.environ.items() if name not in SETTINGS}


def _answer(process):
    return json.loads(process.stdout.readline())


def _keep(cpus):
    from ray.cluster_utils import Cluster

    def add(count, *resources):
        kept.add_node(num_cpus=int(count), object_store_memory=STORE, resources=dict.fromkeys(resources, 1))

    def say():
        pids = [node.all_processes["raylet"][0].process.pid for node in kept.list_all_nodes()]
        print(json.dumps({"address": kept.address, "raylets": pids}), file=answers, flush=True)

    answers = sys.stdout
    with redirect_stdout(sys.stderr):
        head = {"num_cpus": cpus[0], "object_store_memory": STORE, "include_dashboard": False}
        kept = Cluster(initialize_head=True, head_node_args=head)
        try:
            for count in cpus[1:]:
                add(count)
            say()
            for line in sys.stdin:
                word, *what = line.split()
                if word == "add":
                    add(*what)
                else:
                    kept.remove_node(kept.list_all_nodes()[-1], allow_graceful=False)
                say()
        finally:
            kept.shutdown()


if __name__ == "__main__":
    _keep(list(map(int, sys.argv[1:])))
