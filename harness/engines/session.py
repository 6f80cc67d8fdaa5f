"""Ray for a run outside of a sweep: a quiet session of this process, or the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.engines.layout import Layout

_QUIET: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen on 127.0.0.1 alone, on any system
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_PATIENCE: Final = 30.0  # seconds until bundles that are not granted count as lacking


@dataclass(frozen=True, slots=True)
class Held:
    """Bundles of a cluster, and whether they end with whoever asked."""

    group: Any  # of Ray
    own: bool

    def free(self) -> None:
        """Give the bundles back, unless others asked for them."""
        if self.own:
            from ray.util.placement_group import remove_placement_group  # noqa: PLC0415 - only where Ray is

            remove_placement_group(self.group)


def placed(layout: Layout) -> Held:
    """The placement group that this process is in, or a new one of the layout. Raises SchemaError for lack of room."""
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    import ray  # noqa: PLC0415 - reads the environment, and takes half a second
    from ray.util.placement_group import get_current_placement_group, placement_group  # noqa: PLC0415

    if not ray.is_initialized():
        _connect(ray, layout)
    if (here := get_current_placement_group()) is not None:
        return Held(here, own=False)
    found = Held(placement_group(list(layout.bundles), strategy="PACK"), own=True)
    if not found.group.wait(_PATIENCE):
        found.free()
        raise SchemaError(_crowded(layout, ray.cluster_resources()))
    return found


def _crowded(layout: Layout, has: Mapping[str, float]) -> str:
    there_is = ", ".join(f"{has.get(kind, 0):g} {kind}s" for kind in ("CPU", "GPU"))
    return (
        f"backend: no room for {len(layout.bundles)} x {layout.bundles[0]} within {_PATIENCE:g} s; Ray has {there_is}, "
        "busy ones included; set backend.num_cpus and backend.num_gpus lower, or RAY_ADDRESS to a larger cluster"
    )


def _connect(ray: Any, layout: Layout) -> None:
    address = os.environ.get("RAY_ADDRESS") or "local"
    cores = {"num_cpus": max(os.cpu_count() or 1, math.ceil(layout.total("CPU")))} if address == "local" else {}
    ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **cores)
