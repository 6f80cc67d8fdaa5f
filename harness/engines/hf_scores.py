"""Scores of sampled tokens by any causal model of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from harness.engines.head import Head, score_states
from harness.engines.log_probs import Scores
from harness.engines.recompute import recomputed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from harness.engines.protocols import Samples

LIKE: Final = 0.8  # samples at least this share of the longest are padded to it


def hf_scores(
    model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False, recompute: bool = False
) -> Scores:
    """Log-probabilities and entropies (B, T) of the sampled tokens, 0 on padding.

    Samples of like length share a forward pass, so padding adds at most a quarter to their tokens. They are padded on
    the right, where a causal model does not see it. ``recompute`` keeps only the inputs of layers for the backward.
    """
    head, device = head_of(model), model.device
    log_probs, entropy = (torch.zeros(samples.response_ids.numel(), device=device) for _ in range(2))
    places = torch.arange(len(log_probs)).view(samples.response_ids.shape)
    for rows in _alike(samples):
        ids, predicting = _laid_out(samples, rows)
        with recomputed(model, recompute):
            states = decoder_of(model)(input_ids=ids.to(device), use_cache=False)[0]
        mask = samples.response_mask[rows]
        targets, here = samples.response_ids[rows][mask].to(device), places[rows][mask].to(device)
        scores = score_states(states[predicting.to(device)], head, targets, temperature, entropy_grad=entropy_grad)
        log_probs = log_probs.index_copy(0, here, scores.log_probs.float())
        entropy = entropy.index_copy(0, here, scores.entropy.float())
    shape = samples.response_ids.shape
    return Scores(log_probs.view(shape).cpu(), entropy.view(shape).cpu())


def head_of(model: Any) -> Head:
    """How the model turns hidden states into logits, with the scales and caps that its configuration names."""
    head, text = model.get_output_embeddings(), model.config.get_text_config(decoder=True)
    scale = float(getattr(text, "logit_scale", None) or getattr(text, "lm_head_multiplier", None) or 1)
    scale /= float(getattr(text, "logits_scaling", None) or 1)
    return Head(head.weight, getattr(head, "bias", None), scale, getattr(text, "final_logit_softcapping", None))


def decoder_of(model: Any) -> Any:
    """The model without its output head."""
    decoder = model.get_decoder()
    return model.base_model if decoder is model else decoder


def _alike(samples: Samples) -> Iterator[Tensor]:
    """Rows of samples of like length, the longest first."""
    lengths = samples.prompt_mask.sum(dim=1)[samples.group] + samples.response_mask.sum(dim=1)
    lengths, order = lengths.sort(descending=True, stable=True)
    start, sizes = 0, lengths.tolist()
    for place, size in enumerate(sizes):
        if size < LIKE * sizes[start]:
            yield order[start:place]
            start = place
    yield order[start:]


def _laid_out(samples: Samples, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Prompts and responses without a gap between them (b, L), and the tokens that predict those of responses."""
    prompt_mask, mask = samples.prompt_mask[samples.group[rows]], samples.response_mask[rows]
    prompts, responses = prompt_mask.sum(dim=1)[:, None], mask.sum(dim=1)[:, None]
    place = torch.arange(int((prompts + responses).max()))
    ids = torch.zeros(len(rows), len(place), dtype=torch.int64)
    ids[place < prompts] = samples.prompt_ids[samples.group[rows]][prompt_mask]
    ids[(place >= prompts) & (place < prompts + responses)] = samples.response_ids[rows][mask]
    return ids, (place >= prompts - 1) & (place < prompts + responses - 1)
