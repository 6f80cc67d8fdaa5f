"""Several engines as one: each is called, and one that dies on a node that lives is started anew, once a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.engines.base.errors import EngineError, EngineLost, node_lost, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class EnginePool:
    """Ray actors that hold a ``VllmEngine`` each, started.

    ``restart`` takes the place of an engine and gives a handle to a new one there, started too.
    """

    def __init__(self, engines: Sequence[Any], restart: Callable[[int], Any]) -> None:
        self._engines, self._restart = list(engines), restart
        self._weights: list[Any] | None = []  # references to parcels; empty: those of the model's folder

    @property
    def engines(self) -> tuple[Any, ...]:
        """The handles as they are now."""
        return tuple(self._engines)

    def load(self, parcels: Sequence[Any]) -> None:
        """Hand all engines the parcels behind these references, and remember them."""
        self._weights = list(parcels)
        self.call_all("load", *parcels)

    def broadcast(self, weights: Any) -> None:
        """Let the learner broadcast its weights to the engines. Nothing is left to start an engine anew with."""
        self._weights = None
        weights.broadcast(self.engines)

    def call_all(self, method: str, *arguments: Any) -> list[Any]:
        """The same call to every engine."""
        return self.call(method, [arguments] * len(self._engines))

    def call(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What a method gives on the first engines, each with its own arguments, all at the same time.

        Raises EngineError where an engine dies twice, and EngineLost where its node is gone: its place is there, and no
        other. Any other error of an engine comes out as it was raised there.
        """
        pending = [
            getattr(engine, method).remote(*some) for engine, some in zip(self._engines, arguments, strict=False)
        ]
        return [self._result(index, pending[index], method, arguments[index]) for index in range(len(pending))]

    def _result(self, index: int, pending: Any, method: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return ask(pending)
        except EngineLost:
            raise
        except EngineError as death:
            return self._again(index, method, arguments, death)

    def _again(self, index: int, method: str, arguments: tuple[Any, ...], death: EngineError) -> Any:
        if self._weights is None:
            raise EngineError(
                f"engine {index} of vLLM died: {death}; its weights came by NCCL and cannot be given to another; "
                "start the run again, or set vllm.sync=object_store"
            )
        try:
            engine = self._engines[index] = self._renewed(index)
            if self._weights:
                ask(engine.load.remote(*self._weights))
            return ask(getattr(engine, method).remote(*arguments))
        except EngineLost:
            raise
        except EngineError as second:
            raise EngineError(
                f"engine {index} of vLLM died, was started anew and died again in the same call: {second} (at first: "
                f"{death}); give it more memory by vllm.gpu_memory or vllm.cache_gb, or set a lower "
                "rollout.max_response_length"
            ) from None

    def _renewed(self, index: int) -> Any:
        import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

        ray.kill(self._engines[index])  # it may be alive in a state that is of no use, with the GPU in its hands
        return self._restart(index)


def ask(pending: Any, patience: float | None = None) -> Any:
    """The result of a call to an actor. Its own errors lose Ray's paragraphs.

    Raises EngineError for a dead actor, or one that is silent for ``patience`` seconds, EngineLost for a dead node.
    """
    import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

    try:
        return ray.get(pending, timeout=patience)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayActorError as error:
        if node_lost(error):
            reason = _cause(error).rstrip(".")
            raise EngineLost(f"the node is gone: {reason}; the run goes on from its newest checkpoint") from None
        raise EngineError(_cause(error)) from None
    except ray.exceptions.GetTimeoutError:
        raise EngineError(f"no answer within {patience:g} s") from None


def _cause(error: Exception) -> str:
    """Ray names the actor in five lines before it says what happened."""
    whole = str(error)
    return said(RuntimeError(whole.partition("The actor is dead because ")[2] or whole))
