from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.engines.base.divergence import Diverged
from harness.engines.base.protocols import Decoding
from harness.engines.qwen3.forward import score_samples_compact
from harness.engines.qwen3.sampler import CompactSampler
from harness.engines.torch.hf_scores import score_samples_hf
from tests.harness.engines.learners import learner, plain_signal, rule, signal_of, stale, step
from tests.harness.engines.policies import EOS, PAD, decode, gradients, llama, qwen3, random_samples, reference
from tricks.presets import PRESETS

SCORERS = {"compact": score_samples_compact, "hf": score_samples_hf}
LOCAL_TOKEN_MEAN = ("+tricks.sequence_mean=null", "+tricks.token_mean.scope=micro_batch")


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
@pytest.mark.parametrize("preset", PRESETS)
def test_gradients_are_those_of_plain_autograd(preset: str, scorer: Any) -> None:
    model, samples, chosen = qwen3(), random_samples(prompts=6, group_size=4), rule(preset)
    log_probs, _ = reference(model, samples, 0.9)
    old_log_probs = stale(log_probs)
    signal = signal_of(samples, chosen, old_log_probs)
    loss = chosen.loss(log_probs, signal, chosen.loss_weights(signal))
    loss.backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    found = gradients(model)
    metrics = learner(model, scorer, 0.9).update(samples, signal, chosen)
    assert metrics["update/loss"] == pytest.approx(loss.item(), abs=1e-5)
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= 1e-4 * gradient.norm(), name


@pytest.mark.parametrize("preset", PRESETS)
def test_micro_batches_add_up(preset: str) -> None:
    samples = random_samples(prompts=6, group_size=4)
    found = []
    for tokens in (10_000, 40):
        model = qwen3()
        old_log_probs = stale(score_samples_compact(model, samples, 1.0).log_probs)
        found.append(gradients(model))
        whole = learner(model, micro_batch_tokens=tokens)
        whole.update(samples, signal_of(samples, rule(preset), old_log_probs), rule(preset))
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("tokens", [10_000, 40])
@pytest.mark.parametrize("model", [qwen3(), llama()], ids=["compact", "hf"])
def test_the_first_ratio_of_a_step_is_exactly_one(model: Any, tokens: int) -> None:
    scorer = score_samples_compact if "Qwen3" in type(model).__name__ else score_samples_hf
    metrics = step(learner(model, scorer, micro_batch_tokens=tokens), random_samples())
    assert metrics["update/ratio_max"] == 1.0


def test_scoring_ahead_changes_no_update() -> None:
    samples, weights = random_samples(), []
    for fresh in (samples, replace(samples)):  # a copy is not recognised, so its forward runs again
        model = qwen3()
        one = learner(model)
        old_log_probs = one.log_probs(samples)
        one.update(fresh, signal_of(samples, rule(), old_log_probs), rule())
        weights.append([weight.detach().clone() for weight in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


def test_an_update_lowers_the_loss_it_descends() -> None:
    model, samples = qwen3(), random_samples(prompts=6, group_size=4)
    one = learner(model, lr=1e-2, max_grad_norm=100.0)
    old_log_probs = one.log_probs(samples)
    signal = signal_of(samples, rule(), old_log_probs)
    before = one.update(samples, signal, rule())["update/loss"]
    weights = rule().loss_weights(signal)
    assert rule().loss(one.log_probs(samples), signal, weights).item() < before - 0.01


def test_an_update_in_which_no_token_is_kept_changes_nothing_and_is_counted() -> None:
    samples = random_samples(prompts=4, group_size=3)
    samples = replace(samples, truncated=torch.arange(12) < 6)  # all of the first of two minibatches
    model = qwen3()
    one = learner(model, updates_per_rollout=2, weight_decay=0.1)
    old_log_probs = one.log_probs(samples)
    nothing = torch.zeros_like(samples.response_mask)
    before = [weight.detach().clone() for weight in model.parameters()]
    all_filtered = one.update(samples, plain_signal(samples, torch.ones(12), old_log_probs, nothing), rule())
    assert all_filtered["update/skipped"] == 2
    assert all_filtered["update/loss"] == all_filtered["update/grad_norm"] == 0
    assert all(torch.equal(was, now) for was, now in zip(before, model.parameters(), strict=True))
    chosen = rule("dapo_static")
    half = one.update(samples, signal_of(samples, chosen, old_log_probs), chosen)
    assert half["update/skipped"] == 1
    assert half["update/grad_norm"] > 0


def test_clip_fractions_are_shares_of_kept_tokens_on_the_side_of_the_advantage() -> None:
    samples = random_samples(prompts=2, group_size=2)
    one = learner(qwen3(), lr=0.0)
    now = one.log_probs(samples)
    mask, advantages = samples.response_mask.clone(), torch.tensor([1.0, -1.0, 1.0, -1.0])
    mask[3] = False  # filtered
    old_log_probs = now - 0.5  # every ratio is 1.65
    metrics = one.update(samples, plain_signal(samples, advantages, old_log_probs, mask), rule())
    positive = mask[advantages > 0].sum() / mask.sum()
    assert metrics["update/clip_fraction_high"] == pytest.approx(positive.item())
    assert metrics["update/clip_fraction_low"] == 0
    assert metrics["update/ratio_max"] == pytest.approx(torch.tensor(0.5).exp().item(), rel=1e-4)


def test_entropy_is_the_mean_over_all_response_tokens() -> None:
    model, samples = qwen3(), random_samples()
    _, entropies = reference(model, samples)
    metrics = step(learner(model, lr=0.0), samples, "dapo_static")
    assert metrics["policy/entropy"] == pytest.approx((entropies.sum() / samples.response_mask.sum()).item(), abs=1e-5)


def test_epochs_repeat_the_minibatches() -> None:
    samples = random_samples(prompts=4, group_size=3)
    once, twice = (qwen3() for _ in range(2))
    one = learner(once, updates_per_rollout=2)
    old_log_probs = one.log_probs(samples)
    signal = signal_of(samples, rule(), old_log_probs)
    for _ in range(2):
        one.update(samples, signal, rule())
    learner(twice, updates_per_rollout=4, epochs=2).update(samples, signal, rule())
    assert all(torch.equal(a, b) for a, b in zip(once.parameters(), twice.parameters(), strict=True))


def test_an_update_follows_its_own_gradient_alone() -> None:
    samples, one = random_samples(), learner(qwen3(), lr=0.0)
    signal = signal_of(samples, rule(), stale(one.log_probs(samples)))
    first, second = (one.update(samples, signal, rule())["update/grad_norm"] for _ in range(2))
    assert second == pytest.approx(first)


def test_the_learning_rate_warms_up_by_update_and_then_stays() -> None:
    one, samples = learner(qwen3(), lr=1e-3, warmup_steps=3), random_samples()
    rates = [step(one, samples)["update/lr"] for _ in range(5)]
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3])


def test_the_norm_of_the_gradient_is_bounded_before_the_step() -> None:
    samples, moved = random_samples(prompts=6, group_size=4), []
    for bound in (1e-9, 1e9):
        model = qwen3()
        before = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        metrics = step(learner(model, lr=1e-3, max_grad_norm=bound), samples)
        after = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        moved.append((after - before).norm())
        assert metrics["update/grad_norm"] > 1e-3
    assert moved[0] < 0.1 * moved[1]  # Adam divides the scale out, but for its epsilon of 1e-8


def test_a_gradient_that_is_not_finite_stops_the_run() -> None:
    samples, one = random_samples(), learner(qwen3())
    with pytest.raises(Diverged, match="the loss is -?(inf|nan)"):
        one.update(samples, plain_signal(samples, torch.full((12,), torch.inf), one.log_probs(samples)), rule())


def test_weights_name_every_parameter_of_the_module() -> None:
    model = qwen3()
    assert [name for name, _ in learner(model).weights()] == [name for name, _ in model.named_parameters()]
    assert not any(weight.requires_grad for _, weight in learner(model).weights())


def test_half_precision_models_train_through_transformers() -> None:
    model = qwen3().bfloat16()
    metrics = step(learner(model, score_samples_hf, updates_per_rollout=2), random_samples())
    assert metrics["update/grad_norm"] > 0
    assert model.lm_head.weight.dtype == torch.bfloat16


def test_the_same_seed_gives_bit_identical_steps() -> None:
    histories = []
    for _ in range(2):
        model = qwen3()
        sampler, one = CompactSampler(model, (EOS,), PAD, decode), learner(model, updates_per_rollout=2, lr=1e-2)
        history = []
        for seed in range(3):
            samples = sampler.sample([[2, 3], [4, 5, 6]], Decoding(6, 10), seed)
            history.append((samples.response_ids.tolist(), samples.log_probs.tolist(), step(one, samples)))
        histories.append(history)
    assert histories[0] == histories[1]


def test_weights_of_a_micro_batch_scope_follow_the_split() -> None:
    samples, chosen, weights = random_samples(prompts=4, group_size=3), rule("grpo", *LOCAL_TOKEN_MEAN), []
    for tokens in (10_000, 40):
        model = qwen3()
        found = gradients(model)
        one = learner(model, micro_batch_tokens=tokens)
        one.update(samples, signal_of(samples, chosen, one.log_probs(samples)), chosen)
        weights.append(found)
    assert any(
        not torch.allclose(a, b, atol=1e-5) for a, b in zip(weights[0].values(), weights[1].values(), strict=True)
    )


def test_a_short_batch_has_fewer_updates() -> None:
    samples = random_samples(prompts=2)
    metrics = step(learner(qwen3(), updates_per_rollout=4, warmup_steps=3), samples)
    assert metrics["update/lr"] == pytest.approx(0.5e-3)  # the second of two updates
