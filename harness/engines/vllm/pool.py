"""Several vLLM engines that are called as one.

An engine that dies on a live node is restarted, once per call.
"""

from collections.abc import Callable, Sequence
from typing import Any

from harness.engines.base import EngineError, EngineLost, is_node_lost, summarize_error


class EnginePool:
    """Started Ray actors that hold a ``VllmEngine`` each.

    ``restart`` takes the index of an engine and returns a handle to a new started engine in its place.
    """

    def __init__(self, engines: Sequence[Any], restart: Callable[[int], Any]) -> None:
        self._engines, self._restart = list(engines), restart
        self._weights: list[Any] | None = []  # references to buckets; empty: the weights of the model's files

    @property
    def engines(self) -> tuple[Any, ...]:
        """The present handles of the engines."""
        return tuple(self._engines)

    def update_weights(self, buckets: Sequence[Any]) -> None:
        """Send the buckets behind these references to all engines, and keep the references."""
        self._weights = list(buckets)
        self.call_all("update_weights", *buckets)

    def broadcast(self, weights: Any) -> None:
        """Let the learner broadcast its weights to the engines.

        No copy of the weights is kept, so an engine cannot be restarted afterwards.
        """
        self._weights = None
        weights.broadcast(self.engines)

    def call_all(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every engine with the same arguments and return the results."""
        return self.call(method, [arguments] * len(self._engines))

    def call(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Call a method of the first engines at the same time, each with its own arguments.

        Args:
            method: Name of the method.
            arguments: Arguments of each engine; there may be fewer entries than engines.

        Returns:
            The results, by engine.

        Raises:
            EngineError: An engine died twice.
            EngineLost: An engine's node is gone; an engine is never moved to another node.

        """
        pending = [
            getattr(engine, method).remote(*some) for engine, some in zip(self._engines, arguments, strict=False)
        ]
        return [self._result(index, pending[index], method, arguments[index]) for index in range(len(pending))]

    def _result(self, index: int, pending: Any, method: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return await_call(pending)
        except EngineLost:
            raise
        except EngineError as death:
            return self._again(index, method, arguments, death)

    def _again(self, index: int, method: str, arguments: tuple[Any, ...], death: EngineError) -> Any:
        if self._weights is None:
            raise EngineError(
                f"engine {index} of vLLM died: {death}; weights sent by NCCL cannot be sent to a new engine; start "
                "the run again, or set vllm.sync=object_store"
            )
        try:
            engine = self._engines[index] = self._renewed(index)
            if self._weights:
                await_call(engine.update_weights.remote(*self._weights))
            return await_call(getattr(engine, method).remote(*arguments))
        except EngineLost:
            raise
        except EngineError as second:
            raise EngineError(
                f"engine {index} of vLLM died, was restarted and died again in the same call: {second} (at first: "
                f"{death}); give it more memory by vllm.gpu_memory or vllm.cache_gb, or set a lower "
                "rollout.max_response_length"
            ) from None

    def _renewed(self, index: int) -> Any:
        import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

        ray.kill(self._engines[index])  # it may be alive but unusable, and hold the GPU
        return self._restart(index)


def await_call(pending: Any, patience: float | None = None) -> Any:
    """Return the result of a call to an actor.

    Args:
        pending: Ray's reference to the result.
        patience: Seconds to wait; None waits without limit.

    Returns:
        The result.

    Raises:
        EngineError: The actor died, or did not answer within ``patience`` seconds.
        EngineLost: The actor's node died.
        Exception: The error that the method raised, without Ray's traceback.

    """
    import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

    try:
        return ray.get(pending, timeout=patience)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayActorError as error:
        if is_node_lost(error):
            reason = _cause(error).rstrip(".")
            raise EngineLost(f"the node is gone: {reason}; the run resumes from its newest checkpoint") from None
        raise EngineError(_cause(error)) from None
    except ray.exceptions.GetTimeoutError:
        raise EngineError(f"no answer within {patience:g} s") from None


def _cause(error: Exception) -> str:
    """Return the cause of an actor's death, without Ray's five lines about the actor."""
    whole = str(error)
    return summarize_error(RuntimeError(whole.partition("The actor is dead because ")[2] or whole))
