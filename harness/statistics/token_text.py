"""How a token reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BROKEN: Final = "\N{REPLACEMENT CHARACTER}"


def token_text(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """The token as it reads in a text; a part of a character, which has no text, as the vocabulary writes it."""
    text = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    return str(tokenizer.convert_ids_to_tokens(token)) if _BROKEN in text else text
