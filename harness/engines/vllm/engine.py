"""One vLLM engine in a separate process.

The module also builds the requests to vLLM and reads its results.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.common import derive_seed, measure_lifetime_use
from harness.engines.base import EngineError, compute_fingerprint, summarize_error
from harness.engines.vllm.validate import refuse_missing_vllm, refuse_request, refuse_unfit_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.common import ResourceUse
    from harness.config import VllmConfig
    from harness.engines.base import Decoding, Fingerprint, WeightBucket


@dataclass(frozen=True, slots=True)
class PackedResponses:
    """B responses with M tokens in all, stored one after the other."""

    ids: NDArray[np.int64]  # (M,)
    log_probs: NDArray[np.float32]  # (M,), under the distribution that was sampled
    lengths: NDArray[np.int64]  # (B,)
    stopped: NDArray[np.bool_]  # (B,), ended by an end token; otherwise by the limit
    log_kept: NDArray[np.float32] | None = None  # (M,), log of the mass that a cut left; None where nothing was cut


def build_requests(
    prompts: Sequence[Sequence[int]],
    decoding: Decoding,
    seeds: Sequence[int],
    ends: Sequence[int],
    *,
    kept_mass: bool = False,
) -> tuple[list[Any], list[Any]]:
    """Build prompts and sampling parameters for ``LLM.generate``, one for each sample.

    The samples of a prompt are adjacent. The seed of a sample depends only on its prompt's seed and its index in the
    group.

    Args:
        prompts: Token ids of N prompts.
        decoding: Group size, length limit, temperature, top-p and top-k.
        seeds: One seed for each prompt.
        ends: Token ids that end a response.
        kept_mass: Whether the workers return the log of the kept mass as a second log-probability
            (``harness.engines.vllm.worker.report_kept_mass``).

    Returns:
        Prompts and sampling parameters.

    """
    tokens = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(decoding.group_size)]
    sample_seeds = [derive_seed(seed, place) for seed in seeds for place in range(decoding.group_size)]
    return tokens, [_settings(decoding, seed, ends, kept_mass=kept_mass) for seed in sample_seeds]


def convert_outputs(
    outputs: Sequence[Any], decoding: Decoding, vocabulary: int, *, kept_mass: bool = False
) -> PackedResponses:
    """Convert the results of ``LLM.generate`` for requests of one sample each.

    Args:
        outputs: One result for each of B requests.
        decoding: The decoding of the requests.
        vocabulary: Number of tokens of the model.
        kept_mass: The value that was given to ``build_requests``.

    Returns:
        The responses.

    """
    drawn = [output.outputs[0] for output in outputs]
    values = np.array([value for one in drawn for value in one.logprobs.logprobs], dtype=np.float32)
    log_kept = None
    if kept_mass:
        values, log_kept = values[0::2], values[1::2]
    elif decoding.cuts(vocabulary):
        log_kept = np.full(len(values), np.nan, dtype=np.float32)  # unknown for this engine
    return PackedResponses(
        np.array([token for one in drawn for token in one.token_ids], dtype=np.int64),
        values,
        np.array([len(one.token_ids) for one in drawn], dtype=np.int64),
        np.array([one.finish_reason == "stop" for one in drawn], dtype=np.bool_),
        log_kept,
    )


def _settings(decoding: Decoding, seed: int, ends: Sequence[int], *, kept_mass: bool) -> Any:
    from vllm import SamplingParams  # noqa: PLC0415 - takes seconds, and only an engine's process needs it

    return SamplingParams(
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        max_tokens=decoding.max_response_length,
        seed=seed,
        stop_token_ids=list(ends),
        ignore_eos=True,  # other than those
        logprobs=int(kept_mass),  # of the sampled token; a second one for the kept mass
        flat_logprobs=True,
        detokenize=False,
    )


_RECEIVER: Final = "harness.engines.vllm.worker.WeightReceiver"
_STEP_TOKENS: Final = 4096  # tokens of a forward pass on a CPU; vLLM's default there


def prepare_environment(path: str, config: VllmConfig, *, on_gpu: bool) -> None:
    """Set the environment variables that vLLM reads. Call it before vLLM is imported.

    Args:
        path: Folder of the model, or its name on the hub.
        config: The engine's settings.
        on_gpu: Whether the engine runs on a GPU.

    """
    os.environ.update({"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1"})
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)  # it counts whole gigabytes and overrides the setting
    if Path(path).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"
    if config.eager and not on_gpu:
        os.environ["TORCHDYNAMO_DISABLE"] = "1"  # otherwise token ranks, which are unused, are compiled for 25 seconds
    if config.tensor_parallel > 1 and not on_gpu:
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", _cores(config.tensor_parallel))


def build_arguments(path: str, config: VllmConfig, max_length: int, *, on_gpu: bool, sleeps: bool) -> dict[str, Any]:
    """Return the arguments of ``vllm.LLM``.

    Args:
        path: Folder of the model, or its name on the hub.
        config: The engine's settings.
        max_length: Largest number of tokens of prompt and response together.
        on_gpu: Whether the engine runs on a GPU.
        sleeps: Whether the engine can free its GPU while the learner trains.

    Returns:
        Argument name -> value.

    """
    return {
        "model": path,
        "dtype": config.dtype,
        "max_model_len": max_length,
        "tensor_parallel_size": config.tensor_parallel,
        "distributed_executor_backend": "mp" if config.tensor_parallel > 1 else "uni",
        "enforce_eager": config.eager,
        "enable_prefix_caching": config.prefix_caching,
        "logprobs_mode": "processed_logprobs",  # under the sampled distribution
        "skip_tokenizer_init": True,
        "generation_config": "vllm",  # not the model's own generation settings
        "worker_extension_cls": _RECEIVER,
        "use_tqdm_on_load": False,
        **(_of_gpu(config, sleeps=sleeps) if on_gpu else _of_cpu(config, max_length)),
    }


def _cores(workers: int) -> str:
    """Return the CPU core of each worker.

    By default vLLM needs as many memory nodes as there are workers.
    """
    cores = sorted(os.sched_getaffinity(0))
    return "|".join(str(cores[worker % len(cores)]) for worker in range(workers))


def _of_gpu(config: VllmConfig, *, sleeps: bool) -> dict[str, Any]:
    transfer = {"weight_transfer_config": {"backend": "nccl"}} if config.sync == "nccl" else {}
    return {"gpu_memory_utilization": config.gpu_memory, "enable_sleep_mode": sleeps, **transfer}


def _of_cpu(config: VllmConfig, max_length: int) -> dict[str, Any]:
    return {
        "kv_cache_memory_bytes": int(config.cache_gb * 2**30),
        # vLLM 0.32 samples after every chunk of a prompt and then rewinds the generator, which a seeded CPU generator
        # does not support: RuntimeError: CPU Generator does not use offset.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(_STEP_TOKENS, max_length),
    }


class VllmEngine:
    """vLLM engine in this process.

    Nothing is imported or read before ``start``, so that errors reach the caller. ``path`` is a folder or a name on the
    hub. ``max_length`` is the largest number of tokens of prompt and response together. With ``sleeps``, the engine
    frees its GPU between ``sleep`` and ``wake_up``.
    """

    def __init__(
        self, path: str, config: VllmConfig, max_length: int, *, on_gpu: bool = False, sleeps: bool = False
    ) -> None:
        self._path, self._config, self._max_length = path, config, max_length
        self._on_gpu, self._sleeps = on_gpu, sleeps
        self._llm: Any = None
        self._kept_mass: bool | None = None  # None: not asked yet
        self._asleep = False

    def start(self) -> Fingerprint:
        """Load the model, once, and return its fingerprint.

        Raises SchemaError or ModelError for a model or setting that cannot run, and EngineError where vLLM does not
        start.
        """
        refuse_missing_vllm()
        prepare_environment(self._path, self._config, on_gpu=self._on_gpu)
        refuse_unfit_model(self._path, self._max_length, on_gpu=self._on_gpu)
        if self._llm is None:
            self._llm = self._started()
        return compute_fingerprint(self._path)

    def stop(self) -> None:
        """Stop the workers of a tensor-parallel engine.

        Workers that are killed would leave shared memory allocated.
        """
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown()
            self._llm = self._kept_mass = None

    def process(self) -> int:
        """Return the id of the engine's process."""
        return os.getpid()

    def spent(self) -> ResourceUse:
        """Return the resources that this process has used since it started."""
        return measure_lifetime_use()

    def sample(
        self, prompts: Sequence[Sequence[int]], decoding: Decoding, seeds: Sequence[int], ends: Sequence[int]
    ) -> PackedResponses:
        """Sample ``decoding.group_size`` responses to each prompt.

        Args:
            prompts: Token ids of N prompts.
            decoding: Group size, length limit, temperature, top-p and top-k.
            seeds: One seed for each prompt.
            ends: Token ids that end a response.

        Returns:
            The responses; those of a prompt are adjacent.

        Raises:
            ValueError: A prompt is too long for the engine.
            SchemaError: vLLM would alter the temperature.
            EngineError: vLLM failed.

        """
        refuse_request(prompts, decoding, self._max_length)
        with _explained():
            vocabulary = self._llm.model_config.get_vocab_size()
            kept_mass = decoding.cuts(vocabulary) and self._reports_kept_mass()
            asked = build_requests(prompts, decoding, seeds, ends, kept_mass=kept_mass)
            return convert_outputs(
                self._llm.generate(*asked, use_tqdm=False), decoding, vocabulary, kept_mass=kept_mass
            )

    def update_weights(self, *buckets: WeightBucket) -> None:
        """Replace the weights, and drop the prefix cache that the old ones filled."""
        with _explained():
            self._take(buckets)
            self._forget()

    def sleep(self) -> None:
        """Free the GPU; the weights move to main memory."""
        if self._sleeps and not self._asleep:
            with _explained():
                self._llm.sleep(level=1)
            self._asleep = True

    def wake_up(self) -> None:
        """Move the weights back to the GPU."""
        if self._asleep:
            with _explained():
                self._llm.wake_up()
            self._asleep = False

    def meet(self, init_info: Mapping[str, Any]) -> None:
        """Join the learner's NCCL group.

        This method and the next three are the engine's side of ``harness.engines.deepspeed.broadcast``.
        """
        self._llm.init_weight_transfer_engine({"init_info": dict(init_info)})

    def begin_update(self) -> None:
        """Prepare all layers for new weights."""
        self._llm.start_weight_update()

    def receive(self, update_info: Mapping[str, Any]) -> None:
        """Take part in the broadcast of the weights."""
        self._llm.update_weights({"update_info": dict(update_info)})

    def end_update(self) -> None:
        """Finish the update of all layers, and drop the prefix cache."""
        self._llm.finish_weight_update()
        self._forget()

    def _started(self) -> Any:
        from vllm import LLM  # noqa: PLC0415 - takes seconds, and reads what ``prepare_environment`` sets

        told = build_arguments(self._path, self._config, self._max_length, on_gpu=self._on_gpu, sleeps=self._sleeps)
        try:
            return LLM(**told)
        except Exception as error:
            raise EngineError(
                f"vLLM does not start on {self._path!r} with backend.vllm as it is: {summarize_error(error)}"
            ) from error

    def _reports_kept_mass(self) -> bool:
        """Make all workers return the kept mass, once. Return whether they do."""
        if self._kept_mass is None:
            self._kept_mass = all(self._llm.collective_rpc("report_kept_mass"))
        return self._kept_mass

    def _take(self, buckets: Sequence[WeightBucket]) -> None:
        self._llm.collective_rpc("start_reload")
        for bucket in buckets:
            self._llm.collective_rpc("load_bucket", args=(bucket,))
        self._llm.collective_rpc("finish_reload")

    def _forget(self) -> None:
        """Drop the prefix cache.

        Otherwise prompts that share a block with earlier ones would use keys and values of old weights.
        """
        self._llm.reset_prefix_cache()


@contextmanager
def _explained() -> Iterator[None]:
    """Convert errors of vLLM to EngineError within the context.

    After an error in vLLM the engine is unusable, and vLLM's error classes cannot be unpickled in other processes.
    """
    try:
        yield
    except Exception as error:
        raise EngineError(f"{type(error).__name__}: {summarize_error(error)}") from error
