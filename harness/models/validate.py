"""Check that a model is complete and causal and that it fits its tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from harness.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_NOISE: Final = 0.02  # allowed effect of rounding, as a share of the logits' standard deviation
NO_END: Final = "neither tokenizer nor model names a token that ends a response; set eos_token in tokenizer_config.json"
_SAME: Final = "give a folder that holds both of one model"


def refuse_misfit(
    path: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, missing: Collection[str]
) -> None:
    """Raise ModelError for missing weights, another model's tokenizer, or a non-causal model.

    Args:
        path: The name of the model, for the message.
        model: The model.
        tokenizer: Its tokenizer.
        missing: Names of weights that the files lack.

    Raises:
        ModelError: Names the first problem that is found.

    """
    problem = _missing(missing) or _sizes(model, tokenizer) or _ends(model, tokenizer) or _looks_ahead(model)
    if problem:
        raise ModelError(f"model.path {path!r}: {problem}")


def _missing(names: Collection[str]) -> str | None:
    if not names:
        return None
    some = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
    return f"the weights lack {some}; give a causal language model saved whole by save_pretrained"


def _sizes(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str | None:
    rows, ids = model.get_input_embeddings().num_embeddings, tokenizer.get_vocab().values()
    if max(ids) >= rows:
        return f"the tokenizer has ids up to {max(ids)}, but the model has embeddings for {rows} tokens; {_SAME}"
    if 2 * len(ids) < rows:  # embeddings are often padded, by a few percent at most
        return f"the tokenizer knows {len(ids)} tokens, but the model has embeddings for {rows}; {_SAME}"
    return None


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str | None:
    ends, known = collect_end_ids(model, tokenizer), set(tokenizer.get_vocab().values())
    if not ends:
        return NO_END
    foreign = [token for token in ends if token not in known]
    if foreign:
        return f"the model ends responses with token {foreign[0]}, which its tokenizer does not know; {_SAME}"
    return None


def collect_end_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Return the end-of-sequence tokens of tokenizer, model and generation settings, once each.

    Post-trained models have several, such as the end of a turn and the end of a text.
    """
    settings = (tokenizer, model.generation_config, model.config.get_text_config(decoder=True))
    named = [_listed(getattr(part, "eos_token_id", None)) for part in settings]
    return tuple(dict.fromkeys(token for tokens in named for token in tokens))


def _listed(ids: int | list[int] | None) -> list[int]:
    if ids is None:
        return []
    return [ids] if isinstance(ids, int) else list(ids)


@torch.no_grad()
def _looks_ahead(model: PreTrainedModel) -> str | None:
    """Return the fault of a model with non-finite logits or without a causal mask; else None.

    The logits of a non-causal model, such as BERT, change when the next token changes.
    """
    rows = model.get_input_embeddings().num_embeddings
    pairs = torch.tensor([[rows // 2, rows // 3], [rows // 2, rows // 4]])
    first = model.eval()(input_ids=pairs).logits[:, 0].float()
    if not first.isfinite().all():
        return (
            "its logits are not finite: the weights are not finite or overflow in this precision; check the files, "
            "or set model.dtype=float32"
        )
    if (first[0] - first[1]).abs().max() <= _NOISE * first.std():
        return None
    return f"{type(model).__name__} attends to later tokens, so it cannot be sampled; give a causal language model"
