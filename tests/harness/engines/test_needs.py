"""What the learner does beyond log-probs, where a rule asks for it."""

from __future__ import annotations

import pytest
import torch

from harness.engines.qwen3.forward import score_samples_compact
from harness.engines.torch.learner import TorchLearner
from tests.harness.engines.learners import learner, rollouts_of, rule, signal_of, stale, step
from tests.harness.engines.policies import gradients, optim, qwen3, random_samples, reference
from tricks.fired import ablate_each_trick


def test_entropies_get_their_gradient_through_the_loss_and_every_micro_batch() -> None:
    chosen, samples = rule("grpo", "+tricks.entropy_bonus.coef=0.5"), random_samples(prompts=6, group_size=4)
    model = qwen3()
    log_probs, entropies = reference(model, samples)
    old_log_probs = stale(log_probs)
    signal = signal_of(samples, chosen, old_log_probs)
    chosen.loss(log_probs, signal, chosen.loss_weights(signal), entropies).backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    found = gradients(model)
    one = TorchLearner(model, optim(micro_batch_tokens=40), 1.0, score_samples_compact, chosen.needs)
    one.update(samples, signal, chosen)
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= 1e-4 * gradient.norm(), name


def test_a_rule_that_needs_entropies_is_refused_by_a_learner_that_was_not_told() -> None:
    chosen, samples, one = rule("grpo", "+tricks.entropy_bonus={}"), random_samples(), learner(qwen3())
    with pytest.raises(ValueError, match="construct the learner with needs="):
        one.update(samples, signal_of(samples, chosen, one.log_probs(samples)), chosen)


def test_the_reference_stays_where_the_learner_started() -> None:
    samples, model = random_samples(), qwen3()
    one = TorchLearner(model, optim(lr=1e-2, micro_batch_tokens=40), 1.0, score_samples_compact, {"ref_log_probs"})
    start = one.log_probs(samples)
    assert torch.allclose(one.reference_log_probs(samples), start, atol=1e-6)
    step(one, samples)
    assert not torch.allclose(one.log_probs(samples), start, atol=1e-3)
    assert torch.allclose(one.reference_log_probs(samples), start, atol=1e-6)


def test_no_reference_is_kept_unless_the_rule_needs_it() -> None:
    with pytest.raises(ValueError, match="has no reference model"):
        learner(qwen3()).reference_log_probs(random_samples())


@pytest.mark.parametrize("tokens", [10_000, 40])
def test_each_trick_fires_on_the_share_of_tokens_whose_gradient_it_changes(tokens: int) -> None:
    samples, chosen = random_samples(prompts=4, group_size=3), rule("dapo_static")
    one = learner(qwen3(), lr=0.0, updates_per_rollout=2, micro_batch_tokens=tokens)
    rollouts = rollouts_of(samples, one.log_probs(samples))
    metrics = one.update(samples, chosen.signal(rollouts), chosen, ablate_each_trick(chosen, rollouts))
    # Every ratio is 1, so the upper bound changes nothing. Sample 0 alone is truncated; its tokens lose their gradient.
    assert metrics["fired/clip_higher"] == 0
    first = samples.response_mask[:6]  # the first of two updates
    assert metrics["fired/overlong_filter"] == pytest.approx((first[0].sum() / first.sum() / 2).item())
