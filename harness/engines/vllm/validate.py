"""Checks of settings and requests that vLLM cannot run."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from harness.common import SchemaError, choose_command, format_setup_command
from harness.config import read_loaded_positions
from harness.models import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.engines.base import Decoding

_LEAST_TEMPERATURE: Final = 0.01  # vLLM raises lower temperatures to this one


def refuse_missing_vllm() -> None:
    """Raise SchemaError where vLLM is not installed. vLLM is not imported."""
    if find_spec("vllm") is None:
        cpu = choose_command("EXTRA=cpu_engines", "its cpu_engines.lock")
        raise SchemaError(
            f"backend.vllm: vLLM is not installed; {format_setup_command('gpu')}, or {cpu} without a GPU, or set "
            "backend=laptop"
        )


def refuse_unfit_model(path: str, max_length: int, *, on_gpu: bool) -> None:
    """Refuse a model that vLLM cannot sample from. On a CPU, vLLM is imported.

    Args:
        path: Folder of the model, or its name on the hub.
        max_length: Largest number of tokens of prompt and response together.
        on_gpu: Whether the engine runs on a GPU.

    Raises:
        SchemaError: The model has fewer positions than ``max_length``.
        ModelError: vLLM has no CPU kernel for the size of the model's attention heads.

    """
    from transformers import AutoConfig  # noqa: PLC0415 - takes seconds, and only an engine's process needs it

    settings = AutoConfig.from_pretrained(path)
    text, places = settings.get_text_config(decoder=True), read_loaded_positions(settings)
    if places is not None and max_length > places:
        raise SchemaError(
            f"rollout.max_prompt_length and rollout.max_response_length allow {max_length} tokens in total, but "
            f"vLLM has {places} positions for {path!r}; set one lower"
        )
    sizes = None if on_gpu else _kernel_sizes()
    if sizes is not None and _head_size(text) not in sizes:
        raise ModelError(
            f"model.path {path!r}: its attention heads have size {_head_size(text)}, and vLLM on a CPU has kernels "
            f"for {', '.join(map(str, sizes))}; give another model, such as builtin:large_base, or set backend=hf"
        )


def refuse_request(prompts: Sequence[Sequence[int]], decoding: Decoding, max_length: int) -> None:
    """Refuse a request that the engine cannot answer as asked.

    Args:
        prompts: Token ids of the prompts.
        decoding: Length limit and temperature.
        max_length: Largest number of tokens for which the engine was started.

    Raises:
        ValueError: Prompt and response can exceed ``max_length``.
        SchemaError: vLLM would raise the temperature.

    """
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
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend  # noqa: PLC0415 - takes seconds, and only an engine needs it

    sizes: list[int] = CPUAttentionBackend.get_supported_head_sizes()
    return sizes
