"""Scores of sampled tokens under any causal model of transformers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import torch

from harness.engines.base import Scores, Sequences, count_tokens, lay_out
from harness.engines.torch.low_memory import Head, checkpoint_layers, score_states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from harness.engines.base import Samples

SIMILAR_LENGTH: Final = 0.8  # samples of at least this share of the longest one are padded to it


def score_samples_hf(
    model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False, recompute: bool = False
) -> Scores:
    """Compute log-probabilities and entropies of the sampled tokens.

    Samples of similar length share a forward pass, so padding adds at most a quarter to their tokens. The padding is on
    the right, where a causal model does not read it.

    Args:
        model: A causal model of transformers.
        samples: B samples.
        temperature: Divisor of the logits, above 0.
        entropy_grad: Whether gradients flow through the entropies.
        recompute: Whether layers keep only their inputs for the backward pass.

    Returns:
        Log-probabilities and entropies (B, T), 0 on padding, on the CPU.

    """
    log_probs, entropy = (torch.zeros(samples.response_ids.numel(), device=model.device) for _ in range(2))
    places = torch.arange(len(log_probs)).view(samples.response_ids.shape)
    for rows in _alike(samples):
        here = places[rows][samples.response_mask[rows]].to(model.device)
        sequences = lay_out(samples, rows).to(model.device)
        scores = score_sequences(model, sequences, temperature, entropy_grad=entropy_grad, recompute=recompute)
        log_probs = log_probs.index_copy(0, here, scores.log_probs)
        entropy = entropy.index_copy(0, here, scores.entropy)
    shape = samples.response_ids.shape
    return Scores(log_probs.view(shape).cpu(), entropy.view(shape).cpu())


def score_sequences(
    model: Any, sequences: Sequences, temperature: float, *, entropy_grad: bool = False, recompute: bool = False
) -> Scores:
    """Compute log-probabilities and entropies of response tokens in one forward pass.

    Args:
        model: A causal model of transformers.
        sequences: Sequences with M response tokens, on the model's device.
        temperature: Divisor of the logits, above 0.
        entropy_grad: Whether gradients flow through the entropies.
        recompute: Whether layers keep only their inputs for the backward pass.

    Returns:
        Log-probabilities and entropies (M,), float32, sample by sample.

    """
    with checkpoint_layers(model, recompute):
        states = find_decoder(model)(input_ids=sequences.ids, use_cache=False)[0]
    with scoring_head(model, temperature, entropy_grad=entropy_grad) as head:
        log_probs, entropy = head(states[sequences.predicting], sequences.targets())
    return Scores(log_probs.float(), entropy.float())


@contextmanager
def scoring_head(model: Any, temperature: float, *, entropy_grad: bool) -> Iterator[Any]:
    """Make the output head score tokens within the context.

    Called with states (M, hidden) and targets (M,), the head returns log-probabilities and entropies (M,). It remains a
    module that is called, because DeepSpeed gathers partitioned weights when it sees a call.

    Args:
        model: A causal model of transformers.
        temperature: Divisor of the logits, above 0.
        entropy_grad: Whether gradients flow through the entropies.

    Yields:
        The output head.

    """

    def score(states: Tensor, targets: Tensor | None = None) -> Any:
        if targets is None:
            return usual(states)
        scores = score_states(states, find_head(model), targets, temperature, entropy_grad=entropy_grad)
        return scores.log_probs, scores.entropy

    head = model.get_output_embeddings()
    usual, head.forward = head.forward, score
    try:
        yield head
    finally:
        del head.forward


def find_head(model: Any) -> Head:
    """Return the model's output head, with the scales and caps that its configuration names."""
    head, text = model.get_output_embeddings(), model.config.get_text_config(decoder=True)
    scale = float(getattr(text, "logit_scale", None) or getattr(text, "lm_head_multiplier", None) or 1)
    scale /= float(getattr(text, "logits_scaling", None) or 1)
    return Head(head.weight, getattr(head, "bias", None), scale, getattr(text, "final_logit_softcapping", None))


def find_decoder(model: Any) -> Any:
    """Return the model without its output head."""
    decoder = model.get_decoder()
    return model.base_model if decoder is model else decoder


def _alike(samples: Samples) -> Iterator[Tensor]:
    """Yield rows of samples of similar length, longest first."""
    lengths, order = count_tokens(samples).sort(descending=True, stable=True)
    start, sizes = 0, lengths.tolist()
    for place, size in enumerate(sizes):
        if size < SIMILAR_LENGTH * sizes[start]:
            yield order[start:place]
            start = place
    yield order[start:]
