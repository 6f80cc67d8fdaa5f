"""Ray actors for engines and ranks, started once and reused from run to run."""

from __future__ import annotations

import logging
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from harness.common import NO_USE, ResourceUse, SchemaError
from harness.config import Layout, VllmConfig, max_text_tokens, plan_layout
from harness.engines.base import EngineError, EngineLost, compute_fingerprint, refuse_mismatch
from harness.engines.vllm import await_call, refuse_unfit_model
from harness.models import locate_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.config import ExperimentConfig, ProcessPlace
    from harness.engines.base import Fingerprint


_QUIET: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen only on 127.0.0.1, on any system
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_PATIENCE: Final = 30.0  # seconds to wait for a placement group


@dataclass(frozen=True, slots=True)
class HeldPlacement:
    """Ray placement group, and whether this process created it."""

    group: Any  # Ray's placement group
    own: bool

    def free(self) -> None:
        """Remove the placement group if this process created it."""
        if self.own:
            from ray.util.placement_group import remove_placement_group  # noqa: PLC0415 - only where Ray is

            remove_placement_group(self.group)


def acquire_placement(layout: Layout) -> HeldPlacement:
    """Return the placement group of this process, or create one for the layout.

    Raises SchemaError where the cluster lacks room.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    import ray  # noqa: PLC0415 - reads the environment, and takes half a second
    from ray.util.placement_group import get_current_placement_group, placement_group  # noqa: PLC0415

    if not ray.is_initialized():
        _connect(ray, layout)
    if (here := get_current_placement_group()) is not None:
        return HeldPlacement(here, own=False)
    found = HeldPlacement(placement_group(list(layout.bundles), strategy="PACK"), own=True)
    if not found.group.wait(_PATIENCE):
        found.free()
        raise SchemaError(_crowded(layout, ray.cluster_resources()))
    return found


def _crowded(layout: Layout, has: Mapping[str, float]) -> str:
    there_is = ", ".join(f"{has.get(kind, 0):g} {kind}s" for kind in ("CPU", "GPU"))
    return (
        f"backend: no room for {len(layout.bundles)} x {layout.bundles[0]} within {_PATIENCE:g} s; Ray has "
        f"{there_is}, including busy ones; set backend.num_cpus and backend.num_gpus lower, or RAY_ADDRESS to a "
        "larger cluster"
    )


def _connect(ray: Any, layout: Layout) -> None:
    address = os.environ.get("RAY_ADDRESS") or "local"
    cores = {"num_cpus": max(os.cpu_count() or 1, math.ceil(layout.total("CPU")))} if address == "local" else {}
    ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **cores)


_STOP_PATIENCE: Final = 10.0  # seconds that engines have to stop
_LONGEST_START: Final = 3600.0  # seconds until a restarted engine counts as dead


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Properties that the actors of a run must have."""

    path: str
    max_length: int  # tokens of prompt and response
    vllm: VllmConfig
    layout: Layout
    on_gpu: bool
    sleeps: bool

    @classmethod
    def of(cls, config: ExperimentConfig) -> _Wanted:
        """Return the properties that a configuration asks for."""
        backend = config.backend
        assert backend.vllm is not None
        on_gpu = backend.num_gpus > 0
        return cls(
            str(locate_model(config.model.path)),
            max_text_tokens(config.limits),
            backend.vllm,
            plan_layout(backend),
            on_gpu,
            on_gpu and backend.colocated,
        )


class ActorPool:
    """Started engines and ranks; an engine can be restarted."""

    def __init__(self, config: ExperimentConfig, *, learns: bool = True) -> None:
        self._wanted, self._learns = _Wanted.of(config), learns
        refuse_unfit_model(self._wanted.path, self._wanted.max_length, on_gpu=True)  # checks that need no vLLM
        self._held = acquire_placement(self._wanted.layout)
        self.ranks = [self._rank(number) for number in range(len(self._wanted.layout.ranks) if learns else 0)]
        self.engines = [self._engine(index) for index in range(len(self._wanted.layout.engines))]
        self._used = 0.0  # CPU seconds of earlier runs
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def begin_run(self) -> bool:
        """Start to count resource use for the next run; return False where an actor has died.

        Raises EngineLost where a node is gone, because its actors cannot be replaced.
        """
        try:
            self._used = self._lifetime().cpu_seconds
        except EngineLost:
            raise
        except EngineError:
            return False
        return True

    def spent(self) -> ResourceUse:
        """Return the resources that the actors used for the run; the first run pays for their start."""
        whole = self._lifetime()
        return replace(whole, cpu_seconds=max(whole.cpu_seconds - self._used, 0.0))

    def serves(self, config: ExperimentConfig, *, learns: bool) -> bool:
        """Return whether these actors fit another run; ``learns`` says if it has a learner."""
        return self._wanted == _Wanted.of(config) and self._learns == learns

    def restart(self, index: int) -> Any:
        """Start a new engine in the place of one that died, and return it."""
        self.engines[index] = self._engine(index)
        self._check(await_call(self.engines[index].start.remote(), _LONGEST_START))
        return self.engines[index]

    def close(self) -> None:
        """Stop all actors and free their placement."""
        import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

        stopping = [
            engine.stop.remote() for engine in self.engines
        ]  # killed workers would leave shared memory allocated
        ray.wait(stopping, num_returns=len(stopping), timeout=_STOP_PATIENCE)
        for actor in (*self.engines, *self.ranks):
            ray.kill(actor)
        self._held.free()

    def _lifetime(self) -> ResourceUse:
        each = [await_call(actor.spent.remote()) for actor in (*self.engines, *self.ranks)]
        return ResourceUse(0.0, sum(one.cpu_seconds for one in each), sum(one.peak_memory_mb for one in each))

    def _start(self) -> None:
        engines, ranks = [engine.start.remote() for engine in self.engines], list[Any]()
        if self.ranks:
            host, port = await_call(self.ranks[0].address.remote())
            ranks = [rank.start.remote(host, port) for rank in self.ranks]
        for found in map(await_call, engines):
            self._check(found)
        if ranks:
            self._meet(ranks)

    def _meet(self, calls: Sequence[Any]) -> None:
        """Wait for the ranks to join. A rank that fails is named in the error immediately."""
        from harness.engines.deepspeed import RankGroup  # noqa: PLC0415 - imports Ray

        RankGroup(self.ranks).wait(calls)

    def _check(self, engine: Fingerprint) -> None:
        """Refuse an engine that read other model files, as can happen on another node."""
        refuse_mismatch(engine, compute_fingerprint(self._wanted.path))

    def _engine(self, index: int) -> Any:
        from harness.engines.vllm import VllmEngine  # noqa: PLC0415 - only where there are engines

        wanted = self._wanted
        actor = self._at(wanted.layout.engines[index], VllmEngine)
        return actor.remote(wanted.path, wanted.vllm, wanted.max_length, on_gpu=wanted.on_gpu, sleeps=wanted.sleeps)

    def _rank(self, number: int) -> Any:
        from harness.engines.deepspeed import DeepspeedRank  # noqa: PLC0415 - only where there are ranks

        ranks = self._wanted.layout.ranks
        return self._at(ranks[number], DeepspeedRank).remote(number, len(ranks), on_gpu=self._wanted.on_gpu)

    def _at(self, place: ProcessPlace, kind: type) -> Any:
        import ray  # noqa: PLC0415 - a run on PyTorch's engines has none
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy  # noqa: PLC0415

        there = PlacementGroupSchedulingStrategy(self._held.group, place.bundle)
        return ray.remote(kind).options(num_cpus=place.cpus, num_gpus=place.gpus, scheduling_strategy=there)


_pools: list[ActorPool] = []  # this process's pool, at most one


def acquire_actors(config: ExperimentConfig, *, learns: bool = True) -> ActorPool:
    """Return the pool of the last run if it fits and lives, else a new one.

    Raises the same errors as starting the actors.
    """
    if not (_pools and _pools[0].serves(config, learns=learns) and _pools[0].begin_run()):
        shutdown_actors()
        _pools.append(ActorPool(config, learns=learns))
    return _pools[0]


def measure_actor_use() -> ResourceUse:
    """Return the resources that this process's actors used for the present run."""
    return _pools[0].spent() if _pools else NO_USE


@contextmanager
def shutdown_on_error() -> Iterator[None]:
    """Shut the actors down where the code within the context fails.

    After a failed run, actors may be dead or wait for each other, so the next run starts new ones.
    """
    try:
        yield
    except Exception:
        shutdown_actors()
        raise


def shutdown_actors() -> None:
    """Stop all actors of this process."""
    while _pools:
        _pools.pop().close()
