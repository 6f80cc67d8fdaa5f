"""Load a model and its tokenizer: embedded, from a folder, or from the Hugging Face hub."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.models.embedded import EmbeddedModel, EmbeddedTokenizer
from harness.models.errors import ModelError
from harness.models.locate import BUILTIN_PREFIX, check_model, locate_model, read_local_settings, refuse_encoder
from harness.models.validate import refuse_misfit

# The import of transformers takes seconds, most of a short run's start. An embedded model does not need it.

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Outline:
    """The settings of a model, without its weights."""

    config: Any
    generation_config: Any


def load_model(path: str, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a model in evaluation mode and its tokenizer.

    Only safetensors are read, and no code of the model's repository runs. Raises ModelError, which says in one line
    what is missing.
    """
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - as above
    from transformers.utils import logging  # noqa: PLC0415 - as above

    tokenizer = _whole_tokenizer(path)
    logging.disable_progress_bar()  # it would disturb the progress display of a sweep
    with _explained(path, "weights"), _quiet():
        model, report = AutoModelForCausalLM.from_pretrained(
            locate_model(path), dtype=dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    refuse_encoder(path, read_local_settings(path))  # checked again, because a hub model's settings are local only now
    refuse_misfit(path, model, tokenizer, report["missing_keys"])
    return model.eval(), tokenizer


def load_embedded(path: str) -> EmbeddedModel:
    """Return an embedded model in float32 for the compact engines.

    Raises ModelError like ``load_model``.
    """
    check_model(path)
    with _explained(path, "weights"):
        return EmbeddedModel(path).eval()


def load_tokenizer(path: str) -> PreTrainedTokenizerBase | EmbeddedTokenizer:
    """Return only the tokenizer, with a padding token.

    Raises ModelError like ``load_model``.
    """
    if not path.startswith(BUILTIN_PREFIX):
        return _whole_tokenizer(path)
    check_model(path)
    with _explained(path, "tokenizer"):
        return EmbeddedTokenizer(path)


def _whole_tokenizer(path: str) -> PreTrainedTokenizerBase:
    """Return the transformers tokenizer, which can be saved with a model."""
    from transformers import AutoTokenizer  # noqa: PLC0415 - as above

    check_model(path)
    with _explained(path, "tokenizer"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(locate_model(path), trust_remote_code=False)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_outline(path: str) -> Outline:
    """Return only the settings of a model.

    Raises ModelError like ``load_model``.
    """
    from transformers import AutoConfig, GenerationConfig  # noqa: PLC0415 - as above

    check_model(path)
    with _explained(path, "settings"):
        config = AutoConfig.from_pretrained(locate_model(path), trust_remote_code=False)
        try:
            found = Outline(config, GenerationConfig.from_pretrained(locate_model(path)))
        except OSError:  # the model has no generation settings
            found = Outline(config, GenerationConfig.from_model_config(config))
    refuse_encoder(path, {"is_encoder_decoder": config.is_encoder_decoder, "model_type": config.model_type})
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings of transformers that become errors here."""
    from transformers.utils import logging  # noqa: PLC0415 - as above

    usual = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(usual)


@contextmanager
def _explained(path: str, part: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # transformers, safetensors and the hub client raise many unrelated errors
        raise ModelError(_explanation(path, part, error)) from error


def _explanation(path: str, part: str, error: Exception) -> str:
    if _is_offline(error):
        return (
            f"model.path {path!r}: the Hugging Face hub cannot be reached and the model is not in the local cache; "
            f"connect once, or set model.path to a folder, or to an embedded model such as builtin:small_base"
        )
    if "trust_remote_code" in str(error):
        return f"model.path {path!r}: the {part} need custom code, which is never run; give another model"
    first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return f"model.path {path!r}: the {part} cannot be read: {first_line}"


def _is_offline(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionError) or type(seen).__name__ in _OFFLINE:
            return True
        seen = seen.__cause__ or seen.__context__
    return "couldn't connect to" in str(error).lower()


# Errors of requests, httpx and huggingface_hub, by name because none of them must be installed.
_OFFLINE = frozenset(
    {"ConnectError", "ConnectTimeout", "LocalEntryNotFoundError", "OfflineModeIsEnabled", "ProxyError"}
)
