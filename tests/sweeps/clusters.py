"""Clusters of several nodes on this machine, each in a process of its own.

``python -m tests.sweeps.clusters 1 2`` starts two nodes, prints the address, and then does what it reads:
``lose`` kills the last node, ``add 2`` adds one, ``add 2 far`` one that has a resource of that name. Every answer is a
line of JSON: the address and the raylets' process ids.
"""

import json
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from secrets import token_hex
from tempfile import TemporaryFile

import psutil

from tests.sweeps.drivers import PATIENCE, clean, title

STORE = 100 * 2**20  # bytes; messages are small
HERE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}  # 127.0.0.1 alone
# A node that refuses to be asked three times in a row is lost, or one that is silent for three times 10 s. Between two
# times Ray pauses by itself, ever longer: for five, as is usual, the pauses add up to 20 s.
SOON = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
    "RAY_prestart_worker_first_driver": "0",  # runs bring their code, so that these workers would serve none
}


@dataclass
class Running:
    """A cluster, by the process that keeps it."""

    process: subprocess.Popen
    errors: object  # what it complains of: a file
    access: dict  # environment that a driver needs to be let in
    address: str = ""
    raylets: tuple = ()  # process ids; the first is the head's

    def tell(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        self.hear()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise AssertionError(f"the cluster has ended: {self.errors.read()[-2000:]}")
        self.address, self.raylets = json.loads(line)


@contextmanager
def cluster(*cpus, **environment):
    """A cluster of nodes with so many processors each, that asks for a token unless told otherwise."""
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token_hex(32)} | HERE | environment
    command = [sys.executable, "-m", "tests.sweeps.clusters", *map(str, cpus)]
    with TemporaryFile("w+") as errors:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors, "text": True}
        with subprocess.Popen(command, env={**clean(), **SOON, **access}, **streams) as process:
            running = Running(process, errors, access)
            try:
                running.hear()
                yield running
            finally:
                process.stdin.close()
                process.wait(PATIENCE)


def at_work(raylet):
    """The runs that a node's processes are at, by id, with the process; Ray names a process by its task."""
    titles = {process: title(process) for process in psutil.Process(raylet).children(recursive=True)}
    return {
        title.removeprefix("ray::"): process
        for process, title in titles.items()
        if title.startswith("ray::") and "-s" in title
    }


class _Kept:
    """What the process of a cluster does with it."""

    def __init__(self, cpus):
        self.cluster = _head(cpus[0])
        for count in cpus[1:]:
            self.add(count)

    def add(self, count, *resources):
        self.cluster.add_node(
            wait=False, num_cpus=int(count), object_store_memory=STORE, resources=dict.fromkeys(resources, 1)
        )
        self.cluster.wait_for_nodes(PATIENCE)

    def lose(self):
        self.cluster.remove_node(self.cluster.list_all_nodes()[-1], allow_graceful=False)

    def said(self):
        pids = [node.all_processes["raylet"][0].process.pid for node in self.cluster.list_all_nodes()]
        return json.dumps([self.cluster.address, pids])


def _head(cpus, tries=3):
    """Ray gives a node 30 s to start, which a machine with other work may not keep."""
    from ray.cluster_utils import Cluster

    options = {"num_cpus": cpus, "object_store_memory": STORE, "include_dashboard": False}
    for left in reversed(range(tries)):
        try:
            return Cluster(initialize_head=True, head_node_args=options)
        except Exception:
            if not left:
                raise


def main(cpus):
    answers = sys.stdout
    with redirect_stdout(sys.stderr):
        kept = _Kept(cpus)
        try:
            print(kept.said(), file=answers, flush=True)
            for line in sys.stdin:
                word, *what = line.split()
                getattr(kept, word)(*what)
                print(kept.said(), file=answers, flush=True)
        finally:
            kept.cluster.shutdown()


if __name__ == "__main__":
    main(list(map(int, sys.argv[1:])))
