"""An engine of vLLM that does what tests tell it to. Its process imports this module, so it imports little."""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import TYPE_CHECKING, Any

from harness.config.engines import VllmConfig
from harness.engines.vllm.engine import VllmEngine
from harness.models.locate import WEIGHTS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.engines.base.buckets import WeightBucket

MODEL = WEIGHTS_FOLDER / "large_base"
MAX_LENGTH = 256  # tokens of prompt and response
SETTINGS = VllmConfig(
    engines=1,
    tensor_parallel=1,
    dtype="float32",
    gpu_memory=0.5,
    cache_gb=0.125,
    eager=True,
    prefix_caching=True,
    sync="object_store",
    parity_gap=1e-3,
)


class MortalEngine(VllmEngine):
    """Does wrong, or dies, when it is told to."""

    def die_in_step(self, step: int) -> None:
        """Be killed in that forward pass from now on."""
        self._interrupt(step, lambda: os.kill(os.getpid(), signal.SIGKILL))

    def fail_in_step(self, step: int) -> None:
        """Raise what a device without memory raises, in that forward pass from now on."""
        self._interrupt(
            step, lambda: (_ for _ in ()).throw(RuntimeError("out of memory, said twice\nand in two lines"))
        )

    def start_beside(self, path: str, max_length: int, settings: VllmConfig = SETTINGS) -> None:
        """Start another engine in this process, where vLLM is imported already; for one that is refused."""
        VllmEngine(path, settings, max_length).start()

    def swap(self, settings: VllmConfig) -> None:
        """Be an engine with other settings and the weights of the model's folder, until ``swap_back``."""
        self._usual = self._llm, self._config
        self._llm, self._config = None, settings
        self.start()

    def swap_back(self) -> None:
        """Be the engine again that was there before."""
        self._llm, self._config = self._usual

    def load_stale_head(self, *parcels: WeightBucket) -> None:
        """As vLLM 0.32 reloads by itself."""
        from harness.engines.base.buckets import unpack_bucket

        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": list(unpack_bucket(parcels))})
        self._llm.reset_prefix_cache()

    def load_keeping_prefixes(self, *parcels: WeightBucket) -> None:
        """Without forgetting keys and values of the weights before."""
        self._take(parcels)

    def _interrupt(self, step: int, what: Callable[[], object]) -> None:
        engine = self._llm.llm_engine
        usual, steps = engine.step, count(1)

        def interrupted() -> Any:
            if next(steps) == step:
                what()
            return usual()

        engine.step = interrupted
