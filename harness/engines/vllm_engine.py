"""One engine of vLLM, held by a process of its own: a plain class that becomes a Ray actor elsewhere."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.engines.engine_errors import EngineError, said
from harness.engines.fingerprint import fingerprint
from harness.engines.vllm_answers import answers, requests
from harness.engines.vllm_fit import refuse_missing, refuse_request, refuse_unfit
from harness.engines.vllm_settings import arguments, prepare
from harness.usage import lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.engine_config import VllmConfig
    from harness.engines.fingerprint import Fingerprint
    from harness.engines.parcels import Parcel
    from harness.engines.protocols import Decoding
    from harness.engines.vllm_answers import Answers
    from harness.usage import Spent


class VllmEngine:
    """Samples from a model of its own. Nothing is imported or read before ``start``, so that its errors can be told.

    ``path`` is a folder or a hub's name, ``max_length`` the longest prompt and response together in tokens. ``sleeps``:
    the engine gives its GPU back between ``rest`` and ``wake``.
    """

    def __init__(
        self, path: str, config: VllmConfig, max_length: int, *, on_gpu: bool = False, sleeps: bool = False
    ) -> None:
        self._path, self._config, self._max_length = path, config, max_length
        self._on_gpu, self._sleeps = on_gpu, sleeps
        self._llm: Any = None
        self._told: bool | None = None  # not asked yet
        self._rests = False

    def start(self) -> Fingerprint:
        """Read the model, once. Raises SchemaError or ModelError for what cannot run, EngineError for what fails."""
        refuse_missing()
        prepare(self._path, self._config, on_gpu=self._on_gpu)
        refuse_unfit(self._path, self._max_length, on_gpu=self._on_gpu)
        if self._llm is None:
            self._llm = self._started()
        return fingerprint(self._path)

    def stop(self) -> None:
        """End the workers of a tensor-parallel engine and free the shared memory that killed ones leave behind."""
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown()
            self._llm = self._told = None

    def process(self) -> int:
        """The number of the process that holds the engine."""
        return os.getpid()

    def spent(self) -> Spent:
        """What this process has used up in its life."""
        return lifetime()

    def sample(
        self, prompts: Sequence[Sequence[int]], decoding: Decoding, seeds: Sequence[int], ends: Sequence[int]
    ) -> Answers:
        """Answer each prompt ``decoding.group_size`` times; a response ends at any of ``ends``, or at the limit."""
        refuse_request(prompts, decoding, self._max_length)
        with _explained():
            vocabulary = self._llm.model_config.get_vocab_size()
            tells = decoding.cuts(vocabulary) and self._tells()
            asked = requests(prompts, decoding, seeds, ends, tells=tells)
            return answers(self._llm.generate(*asked, use_tqdm=False), decoding, vocabulary, tells=tells)

    def load(self, *parcels: Parcel) -> None:
        """Take over weights, and forget what was computed from those before."""
        with _explained():
            self._take(parcels)
            self._forget()

    def rest(self) -> None:
        """Give the GPU back; the weights wait in main memory."""
        if self._sleeps and not self._rests:
            with _explained():
                self._llm.sleep(level=1)
            self._rests = True

    def wake(self) -> None:
        """Take the GPU again."""
        if self._rests:
            with _explained():
                self._llm.wake_up()
            self._rests = False

    def meet(self, init_info: Mapping[str, Any]) -> None:
        """Join the learner's group of NCCL. This and what follows are the engine's half of ``vllm_nccl``."""
        self._llm.init_weight_transfer_engine({"init_info": dict(init_info)})

    def begin_update(self) -> None:
        """Open all layers for new weights."""
        self._llm.start_weight_update()

    def receive(self, update_info: Mapping[str, Any]) -> None:
        """Take part in the broadcast of the weights."""
        self._llm.update_weights({"update_info": dict(update_info)})

    def end_update(self) -> None:
        """Close the layers, and forget what was computed from the weights before."""
        self._llm.finish_weight_update()
        self._forget()

    def _started(self) -> Any:
        from vllm import LLM  # noqa: PLC0415 - takes seconds, and reads what ``prepare`` sets

        told = arguments(self._path, self._config, self._max_length, on_gpu=self._on_gpu, sleeps=self._sleeps)
        try:
            return LLM(**told)
        except Exception as error:
            raise EngineError(
                f"vLLM does not start on {self._path!r} with backend.vllm as it is: {said(error)}"
            ) from error

    def _tells(self) -> bool:
        """Make all workers tell what a cut leaves, once; whether they do."""
        if self._told is None:
            self._told = all(self._llm.collective_rpc("tell_kept"))
        return self._told

    def _take(self, parcels: Sequence[Parcel]) -> None:
        self._llm.collective_rpc("begin_parcels")
        for parcel in parcels:
            self._llm.collective_rpc("take_parcel", args=(parcel,))
        self._llm.collective_rpc("end_parcels")

    def _forget(self) -> None:
        """Without this, prompts that share a block with earlier ones go on from keys and values of old weights."""
        self._llm.reset_prefix_cache()


@contextmanager
def _explained() -> Iterator[None]:
    """Whatever vLLM fails with in the midst of work leaves it unusable; its own errors cannot be read elsewhere."""
    try:
        yield
    except Exception as error:
        raise EngineError(f"{type(error).__name__}: {said(error)}") from error
