"""Refuse what vLLM cannot run, before it starts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from harness.common.clone import setup_extra, typed
from harness.common.schema import SchemaError
from harness.config.window import positions_of
from harness.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.engines.base.protocols import Decoding

_LEAST_TEMPERATURE: Final = 0.01  # of vLLM, which raises lower ones to it


def refuse_missing() -> None:
    """Raise SchemaError where vLLM is not installed. Does not import it."""
    if find_spec("vllm") is None:
        cpu = typed("EXTRA=cpu_engines", "its cpu_engines.lock")
        raise SchemaError(
            f"backend.vllm: vLLM is not installed; {setup_extra('gpu')}, or {cpu} without a GPU, or set backend=laptop"
        )


def refuse_unfit(path: str, max_length: int, *, on_gpu: bool) -> None:
    """Raise ModelError or SchemaError for a model that vLLM cannot sample from. Imports vLLM where it is on a CPU."""
    from transformers import AutoConfig  # noqa: PLC0415 - takes seconds, and only an engine's process needs it

    settings = AutoConfig.from_pretrained(path)
    text, places = settings.get_text_config(decoder=True), positions_of(settings)
    if places is not None and max_length > places:
        raise SchemaError(
            f"rollout.max_prompt_length and rollout.max_response_length allow {max_length} tokens together, and vLLM "
            f"has {places} positions for {path!r}; set one lower"
        )
    sizes = None if on_gpu else _kernel_sizes()
    if sizes is not None and _head_size(text) not in sizes:
        raise ModelError(
            f"model.path {path!r}: its attention heads have size {_head_size(text)}, and vLLM on a CPU has kernels for "
            f"{', '.join(map(str, sizes))}; give another, such as builtin:large_base, or set backend=hf"
        )


def refuse_request(prompts: Sequence[Sequence[int]], decoding: Decoding, max_length: int) -> None:
    """Raise ValueError for tokens beyond what the engine was started for, SchemaError for what vLLM would alter."""
    longest = max(map(len, prompts)) + decoding.max_response_length
    if longest > max_length:
        raise ValueError(f"prompt and response of {longest} tokens for an engine of {max_length}")
    if 0 < decoding.temperature < _LEAST_TEMPERATURE:
        raise SchemaError(
            f"temperature {decoding.temperature:g}: vLLM samples at {_LEAST_TEMPERATURE:g} at least, or greedily at 0; "
            "set rollout.temperature or eval.temperature to one of them"
        )


def _head_size(text: Any) -> int:
    return int(getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)


def _kernel_sizes() -> list[int]:
    from vllm.v1.attention.backends.cpu_attn import (  # noqa: PLC0415 - takes seconds, and only an engine needs it
        CPUAttentionBackend,
    )

    sizes: list[int] = CPUAttentionBackend.get_supported_head_sizes()
    return sizes
