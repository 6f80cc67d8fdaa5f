"""Decide if a cluster can hold a run, and report or wait where it cannot."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import ray
from ray.autoscaler.sdk import request_resources

from harness.config import plan_layout
from sweeps.launch.environment import SweepError, read_cluster_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sweeps.launch.events import ResourceRequester

Amounts = Mapping[str, float]  # amounts by kind

KINDS: Final = ("CPU", "GPU")
WAIT: Final = "CLUSTER_WAIT"  # environment variable: minutes to wait for the cluster to grow
_ROUNDING: Final = 1e-9
_NAMED: Final = 4  # hosts to name per size of node


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A live machine of the cluster."""

    host: str
    has: Amounts  # in total, busy or not


def list_bundles(run: ResourceRequester) -> tuple[Amounts, ...]:
    """Return the resources of a run, in parts that must each be on one node."""
    return plan_layout(run.config.backend).bundles


def list_nodes() -> tuple[ClusterNode, ...]:
    """Return the live machines of the cluster."""
    alive = (node for node in ray.nodes() if node["Alive"])
    return tuple(
        ClusterNode(node["NodeManagerHostname"], {kind: _amount(node, kind) for kind in KINDS}) for node in alive
    )


def has_room_for(cluster: Sequence[ClusterNode], parts: Sequence[Amounts]) -> bool:
    """Return True if these nodes, when idle, can hold all parts together.

    The largest parts are placed first.
    """
    left = [dict(node.has) for node in cluster]
    for part in sorted(parts, key=lambda part: (part.get("GPU", 0.0), part.get("CPU", 0.0)), reverse=True):
        home = next((has for has in left if all(has[kind] + _ROUNDING >= part[kind] for kind in part)), None)
        if home is None:
            return False
        home.update({kind: home[kind] - amount for kind, amount in part.items()})
    return True


def has_total_resources(cluster: Sequence[ClusterNode], parts: Sequence[Amounts]) -> bool:
    """Return True if all nodes together have the resources."""
    has = {kind: sum(node.has[kind] for node in cluster) for kind in KINDS}
    return all(sum(part.get(kind, 0.0) for part in parts) <= has[kind] + _ROUNDING for kind in KINDS)


def read_patience() -> float:
    """Return CLUSTER_WAIT in seconds. Raises SweepError if it is no number of minutes."""
    given = os.environ.get(WAIT) or "0"
    try:
        minutes = float(given)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes < float("inf"):
        raise SweepError(f"{WAIT}={given}: write minutes, such as {WAIT}=15")
    return minutes * 60


def is_growing() -> bool:
    """Return True if nodes may be added when runs wait for them."""
    return bool(read_cluster_address()) and read_patience() > 0


def wait_for_capacity(runs: Sequence[ResourceRequester], tick: float) -> Iterator[str | None]:
    """Wait until the cluster can hold each of the runs alone.

    Yields what it waits for, then None at each tick. Raises SweepError where the cluster cannot hold a run; with
    RAY_ADDRESS it first waits for CLUSTER_WAIT.
    """
    given, began = read_patience() if read_cluster_address() else 0.0, time.monotonic()
    homeless = _homeless(runs, list_nodes())
    if homeless and given:
        yield f"{_lack(homeless, list_nodes())}; waiting {given / 60:g} minutes for the cluster to grow"
        request_resources(bundles=list(map(dict, list_bundles(homeless))))  # for an autoscaler, if there is one
    try:
        while homeless := _homeless(runs, list_nodes()):
            if time.monotonic() - began >= given:
                raise SweepError(f"{_lack(homeless, list_nodes())}; {_ways_out(given)}")
            time.sleep(tick)
            yield None
    finally:
        if given:
            request_resources(bundles=[])  # running tasks keep their nodes


def _homeless(runs: Sequence[ResourceRequester], cluster: Sequence[ClusterNode]) -> ResourceRequester | None:
    return next((run for run in runs if not has_room_for(cluster, list_bundles(run))), None)


def _lack(run: ResourceRequester, cluster: Sequence[ClusterNode]) -> str:
    """Return what the run asks for and what the cluster has, in words."""
    asked = " and ".join(f"{count} x {part}" if count > 1 else part for part, count in _counted(list_bundles(run)))
    return f"{run.run_id} asks for {asked}, {_there_is(cluster)}"


def _there_is(cluster: Sequence[ClusterNode]) -> str:
    if not read_cluster_address():
        return f"this machine has {_words(cluster[0].has)}"
    hosts: dict[str, list[str]] = {}
    for node in cluster:
        hosts.setdefault(_words(node.has), []).append(node.host)
    sizes = [f"{len(same)} x {size} ({', '.join(same[:_NAMED])})" for size, same in hosts.items()]
    return f"the cluster's nodes have {', '.join(sizes) or 'nothing'}"


def _counted(parts: Sequence[Amounts]) -> list[tuple[str, int]]:
    words = [_words(part) for part in parts]
    return [(word, words.count(word)) for word in dict.fromkeys(words)]


def _ways_out(given: float) -> str:
    if not read_cluster_address():
        return "set RAY_ADDRESS or change backend.num_cpus and backend.num_gpus"
    waited = (
        f"; it has not grown within {WAIT}={given / 60:g} minutes"
        if given
        else f", or set {WAIT}=minutes if a node will join"
    )
    return f"lower backend.num_cpus and backend.num_gpus, choose another PROFILE, or add a node{waited}"


def _words(amounts: Amounts) -> str:
    return f"{amounts.get('CPU', 0.0):g} CPUs and {amounts.get('GPU', 0.0):g} GPUs"


def _amount(node: Mapping[str, Mapping[str, float]], kind: str) -> float:
    return float(node["Resources"].get(kind, 0.0))
