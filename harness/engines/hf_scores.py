"""Scores of sampled tokens by any causal model of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from harness.engines.log_probs import Scores, score

if TYPE_CHECKING:
    from harness.engines.protocols import Samples


def hf_scores(model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False) -> Scores:
    """Log-probabilities and entropies (B, T) of the sampled tokens, 0 on padding."""
    width = samples.response_ids.shape[1]
    ids = torch.cat((samples.prompt_ids[samples.group], samples.response_ids), dim=1)
    mask = torch.cat((samples.prompt_mask[samples.group], samples.response_mask), dim=1)
    logits = model(
        input_ids=ids.to(model.device),
        attention_mask=mask.long().to(model.device),
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0).to(model.device),
        use_cache=False,
        logits_to_keep=width + 1,
    ).logits[:, :-1]
    scores = score(logits, samples.response_ids.to(model.device), temperature, entropy_grad=entropy_grad)
    padding = ~samples.response_mask
    return Scores(scores.log_probs.cpu().masked_fill(padding, 0), scores.entropy.cpu().masked_fill(padding, 0))
