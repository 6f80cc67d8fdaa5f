"""Start Ray actors for engines and ranks once and reuse them from run to run."""

from __future__ import annotations

import logging
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from harness.common.resources import NOTHING, Spent
from harness.common.schema import SchemaError
from harness.config.engines import VllmConfig
from harness.config.layout import Layout, layout
from harness.config.window import longest_text
from harness.engines.base.errors import EngineError, EngineLost
from harness.engines.base.fingerprint import fingerprint, refuse_mismatch
from harness.engines.vllm.pool import ask
from harness.engines.vllm.validate import refuse_unfit
from harness.models.locate import model_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.config.experiment import ExperimentConfig
    from harness.config.layout import ProcessPlace
    from harness.engines.base.fingerprint import Fingerprint


_QUIET: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen on 127.0.0.1 alone, on any system
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_PATIENCE: Final = 30.0  # seconds until bundles that are not granted count as lacking


@dataclass(frozen=True, slots=True)
class HeldPlacement:
    """Bundles of a cluster, and whether they end with whoever asked."""

    group: Any  # of Ray
    own: bool

    def free(self) -> None:
        """Give the bundles back, unless others asked for them."""
        if self.own:
            from ray.util.placement_group import remove_placement_group  # noqa: PLC0415 - only where Ray is

            remove_placement_group(self.group)


def placed(layout: Layout) -> HeldPlacement:
    """The placement group that this process is in, or a new one of the layout. Raises SchemaError for lack of room."""
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
        f"backend: no room for {len(layout.bundles)} x {layout.bundles[0]} within {_PATIENCE:g} s; Ray has {there_is}, "
        "busy ones included; set backend.num_cpus and backend.num_gpus lower, or RAY_ADDRESS to a larger cluster"
    )


def _connect(ray: Any, layout: Layout) -> None:
    address = os.environ.get("RAY_ADDRESS") or "local"
    cores = {"num_cpus": max(os.cpu_count() or 1, math.ceil(layout.total("CPU")))} if address == "local" else {}
    ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **cores)


_CREW_PATIENCE: Final = 10.0  # seconds that engines have to end by themselves
_LONGEST_START: Final = 3600.0  # seconds until an engine that is started anew counts as dead


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the actors of a run have to be."""

    path: str
    max_length: int  # tokens of prompt and response
    vllm: VllmConfig
    layout: Layout
    on_gpu: bool
    sleeps: bool

    @classmethod
    def of(cls, config: ExperimentConfig) -> _Wanted:
        backend = config.backend
        assert backend.vllm is not None
        on_gpu = backend.num_gpus > 0
        return cls(
            str(model_source(config.model.path)),
            longest_text(config),
            backend.vllm,
            layout(backend),
            on_gpu,
            on_gpu and backend.colocated,
        )


class ActorPool:
    """Started engines and ranks, and how an engine is started anew."""

    def __init__(self, config: ExperimentConfig, *, learns: bool = True) -> None:
        self._wanted, self._learns = _Wanted.of(config), learns
        refuse_unfit(self._wanted.path, self._wanted.max_length, on_gpu=True)  # what can be told without vLLM
        self._held = placed(self._wanted.layout)
        self.ranks = [self._rank(number) for number in range(len(self._wanted.layout.ranks) if learns else 0)]
        self.engines = [self._engine(index) for index in range(len(self._wanted.layout.engines))]
        self._used = 0.0  # processor seconds of the runs before
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def take_up(self) -> bool:
        """Count what is used from now on as the next run's. False where one of them has died meanwhile.

        Raises EngineLost where a node is gone: nothing can be started in its place.
        """
        try:
            self._used = self._lifetime().cpu_seconds
        except EngineLost:
            raise
        except EngineError:
            return False
        return True

    def spent(self) -> Spent:
        """What the actors have used up for the run; the first one pays for their start."""
        whole = self._lifetime()
        return replace(whole, cpu_seconds=max(whole.cpu_seconds - self._used, 0.0))

    def serves(self, config: ExperimentConfig, *, learns: bool) -> bool:
        """Whether these actors can take up that run."""
        return self._wanted == _Wanted.of(config) and self._learns == learns

    def restart(self, index: int) -> Any:
        """A new engine in the place of one that is gone, started."""
        self.engines[index] = self._engine(index)
        self._check(ask(self.engines[index].start.remote(), _LONGEST_START))
        return self.engines[index]

    def close(self) -> None:
        """End all of them."""
        import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

        stopping = [engine.stop.remote() for engine in self.engines]  # their own processes would leave memory behind
        ray.wait(stopping, num_returns=len(stopping), timeout=_CREW_PATIENCE)
        for actor in (*self.engines, *self.ranks):
            ray.kill(actor)
        self._held.free()

    def _lifetime(self) -> Spent:
        each = [ask(actor.spent.remote()) for actor in (*self.engines, *self.ranks)]
        return Spent(0.0, sum(one.cpu_seconds for one in each), sum(one.peak_memory_mb for one in each))

    def _start(self) -> None:
        engines, ranks = [engine.start.remote() for engine in self.engines], list[Any]()
        if self.ranks:
            host, port = ask(self.ranks[0].address.remote())
            ranks = [rank.start.remote(host, port) for rank in self.ranks]
        for found in map(ask, engines):
            self._check(found)
        if ranks:
            self._meet(ranks)

    def _meet(self, calls: Sequence[Any]) -> None:
        """Wait for the ranks; one that does not come is named at once, not by those that wait for it."""
        from harness.engines.deepspeed.rank_calls import RankGroup  # noqa: PLC0415 - imports Ray

        RankGroup(self.ranks).wait(calls)

    def _check(self, engine: Fingerprint) -> None:
        """An engine on another node may have read other files."""
        refuse_mismatch(engine, fingerprint(self._wanted.path))

    def _engine(self, index: int) -> Any:
        from harness.engines.vllm.engine import VllmEngine  # noqa: PLC0415 - only where there are engines

        wanted = self._wanted
        actor = self._at(wanted.layout.engines[index], VllmEngine)
        return actor.remote(wanted.path, wanted.vllm, wanted.max_length, on_gpu=wanted.on_gpu, sleeps=wanted.sleeps)

    def _rank(self, number: int) -> Any:
        from harness.engines.deepspeed.rank import DeepspeedRank  # noqa: PLC0415 - only where there are ranks

        ranks = self._wanted.layout.ranks
        return self._at(ranks[number], DeepspeedRank).remote(number, len(ranks), on_gpu=self._wanted.on_gpu)

    def _at(self, place: ProcessPlace, kind: type) -> Any:
        import ray  # noqa: PLC0415 - a run on PyTorch's engines has none
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy  # noqa: PLC0415

        there = PlacementGroupSchedulingStrategy(self._held.group, place.bundle)
        return ray.remote(kind).options(num_cpus=place.cpus, num_gpus=place.gpus, scheduling_strategy=there)


_pools: list[ActorPool] = []  # of this process: at most one


def acquire(config: ExperimentConfig, *, learns: bool = True) -> ActorPool:
    """Those that the last run left, where they serve and live; else new ones. Raises as they do."""
    if not (_pools and _pools[0].serves(config, learns=learns) and _pools[0].take_up()):
        shutdown()
        _pools.append(ActorPool(config, learns=learns))
    return _pools[0]


def spent() -> Spent:
    """What the actors of this process have used up for the run under way; nothing where there are none."""
    return _pools[0].spent() if _pools else NOTHING


@contextmanager
def is_healthy() -> Iterator[None]:
    """A run that fails leaves actors behind that may be dead, or wait for each other: the next one gets new ones."""
    try:
        yield
    except Exception:
        shutdown()
        raise


def shutdown() -> None:
    """End all actors and forget them."""
    while _pools:
        _pools.pop().close()
