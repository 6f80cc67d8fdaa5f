"""Which tokens end a response."""

from __future__ import annotations

from typing import Any


def end_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """The end-of-sequence tokens of the tokenizer, of the model and of its generation settings, each once.

    Post-trained models name several: the end of a turn and the end of a text.
    """
    settings = (tokenizer, model.generation_config, model.config.get_text_config(decoder=True))
    named = [_listed(getattr(part, "eos_token_id", None)) for part in settings]
    return tuple(dict.fromkeys(token for tokens in named for token in tokens))


def _listed(ids: int | list[int] | None) -> list[int]:
    if ids is None:
        return []
    return [ids] if isinstance(ids, int) else list(ids)
