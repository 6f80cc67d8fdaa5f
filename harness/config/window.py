"""The context window of a model: its number of positions for prompt and response.

This module imports neither torch nor transformers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from harness.common import SchemaError
from harness.models import BUILTIN_PREFIX, EMBEDDED_MODELS, read_local_settings

# Names of the number of positions in model configurations; vLLM reads the same names.
_NAMES: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
_OVER_ALL: Final = "model_max_length"  # in Cohere's models, which are trained beyond max_position_embeddings
_TEXT: Final = ("text_config", "llm_config", "language_config")
_ALREADY_SCALED: Final = frozenset({"default", "su", "longrope", "llama3", "yarn", "deepseek_yarn"})
_ENDLESS: Final = 10**9  # tokenizers and configurations write numbers such as 1e30 for "no limit"


def read_positions(settings: Mapping[str, Any]) -> int | None:
    """Return the number of positions of a model configuration; None without a limit.

    The smallest of several names counts. Linear and dynamic RoPE scaling multiply it. YaRN, LongRoPE and Llama 3 give
    the scaled number already, as transformers and vLLM assume. A sliding window limits attention, not the length of a
    text.
    """
    text = next((settings[name] for name in _TEXT if isinstance(settings.get(name), Mapping)), settings)
    named = [int(text[name]) for name in _NAMES if _is_bound(text.get(name))]
    if _is_bound(text.get(_OVER_ALL)):
        return int(text[_OVER_ALL])
    return int(min(named) * _stretch(text)) if named else None


def read_loaded_positions(config: Any) -> int | None:
    """Return the number of positions of a configuration that transformers has loaded."""
    text = config.get_text_config(decoder=True)
    # transformers maps an architecture's own name, such as n_positions, to this attribute.
    return read_positions({**text.to_dict(), "max_position_embeddings": getattr(text, "max_position_embeddings", None)})


def read_local_positions(path: str) -> int | None:
    """Return the number of positions of a model on this machine; None for any other model.

    It is read from the model's ``config.json``.
    """
    found = read_local_settings(path)
    return read_positions(found) if found else None


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The longest texts of a run, in tokens, and its model."""

    path: str  # of the model
    prompt: int
    response: int  # in training
    evaluated: int  # a response in an evaluation; 0: as in training

    @property
    def longest_response(self) -> tuple[int, str]:
        """The longest allowed response, and the setting that allows it."""
        if self.evaluated > self.response:
            return self.evaluated, "eval.max_response_length"
        return self.response, "rollout.max_response_length"


def refuse_short_window(limits: TextLimits, has: int | None, holder: str) -> None:
    """Refuse prompts and responses that together exceed the model's window.

    This holds for every engine. Embedded models are an exception. The laptop profile allows longer prompts than its
    problems have, and ``max_prompt_tokens`` drops prompts that leave no space for a response. An embedded model is
    refused only where a response alone fills the window.

    Args:
        limits: The texts of the run.
        has: Number of positions of the model; None means no limit.
        holder: What has this window, for the message.

    Raises:
        SchemaError: Names both settings, the window, and values that fit.

    """
    longest, (response, name) = limits.prompt, limits.longest_response
    if has is None or longest + response <= has or (has == _embedded(limits.path) and response < has):
        return
    wanted = f"prompts and responses of {longest + response} tokens in total, but {holder} has {has} positions"
    options = [f"rollout.max_prompt_length={has - response} with responses of {response}"] if response < has else []
    options += [f"{name}={has - longest} with prompts of {longest}"] if longest < has else []
    fits = " or ".join(options) or f"prompt and response fit with {has} together"
    raise SchemaError(f"rollout.max_prompt_length and {name} allow {wanted}; set one lower: {fits}")


def refuse_short_local_window(limits: TextLimits) -> None:
    """Apply ``refuse_short_window`` before anything starts, if the model is on this machine."""
    if _embedded(limits.path) is None:
        refuse_short_window(limits, read_local_positions(limits.path), f"model.path {limits.path!r}")


def max_prompt_tokens(limits: TextLimits, response: int) -> int:
    """Return the longest allowed prompt in tokens, given the tokens of its response."""
    has = _embedded(limits.path)
    return limits.prompt if has is None else min(limits.prompt, max(has - response, 0))


def max_text_tokens(limits: TextLimits) -> int:
    """Return the maximum tokens of a prompt and its response, in training and evaluation."""
    response, _ = limits.longest_response
    return max_prompt_tokens(limits, response) + response


def _embedded(path: str) -> int | None:
    """Return the positions of an embedded model or of one exported from it; otherwise None."""
    if path.startswith(BUILTIN_PREFIX) or _shape(read_local_settings(path)) in _embedded_shapes():
        return read_local_positions(path)
    return None


@cache
def _embedded_shapes() -> frozenset[tuple[Any, ...]]:
    return frozenset(_shape(read_local_settings(BUILTIN_PREFIX + name)) for name in EMBEDDED_MODELS)


def _shape(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the settings that identify an embedded model.

    The vocabulary of these models covers only arithmetic.
    """
    names = ("model_type", "vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings")
    return tuple(settings.get(name) for name in names)


def _is_bound(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _ENDLESS


def _stretch(text: Mapping[str, Any]) -> float:
    """Return the factor by which RoPE scaling extends the given number of positions."""
    if "gemma3" in str(text.get("model_type", "")):  # Gemma 3 gives the scaled number for every kind of scaling
        return 1.0
    rotations = text.get("rope_parameters") or text.get("rope_scaling")
    if not isinstance(rotations, Mapping):
        return 1.0
    layers = [part for part in rotations.values() if isinstance(part, Mapping)] or [rotations]
    kinds = [(part.get("rope_type") or part.get("type") or "default", part.get("factor")) for part in layers]
    factors = [float(factor or 1) for kind, factor in kinds if kind not in _ALREADY_SCALED]
    return factors[-1] if factors else 1.0
