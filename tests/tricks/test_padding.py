"""What stands in the padding, and how wide it is, never reaches advantages, loss or gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.nn.functional import pad
from torch.testing import assert_close

from tests.tricks.batches import example, mask_of, moved, rule
from tests.tricks.rules import RULES
from tricks.api import HOOKS
from tricks.batch import Rollouts
from tricks.rule import UpdateRule
from tricks.statistics import renumber_groups

PER_TOKEN = ("old_log_probs", "sampler_log_probs", "ref_log_probs")
WITH_TOKEN_ADVANTAGES = {
    name: rule("kl_to_go", *names)
    for name, names in {
        "gspo-token": ("group_norm", "gspo"),
        "whitened": ("group_norm", "token_whitening", "truncated_is", "token_mean"),
        "clipped": ("advantage_clip", "kl_loss", "entropy_bonus", "constant_length"),
    }.items()
}
ALL = RULES | WITH_TOKEN_ADVANTAGES
FEW = settings(max_examples=settings().max_examples // 3)  # of each rule


def update(update_rule: UpdateRule, batch: Rollouts, log_probs: Tensor, entropies: Tensor) -> tuple[Tensor, ...]:
    """Advantages in the response, loss, and both gradients."""
    leaves = [part.detach().clone().requires_grad_() for part in (log_probs, entropies)]
    signal = update_rule.signal(batch)
    loss = update_rule.loss(leaves[0], signal, update_rule.loss_weights(signal), leaves[1])
    gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
    return signal.advantages.expand_as(log_probs)[batch.response_mask], loss.detach(), *gradients


def filled(batch: Rollouts, value: float) -> Rollouts:
    """The batch with another number in the padding."""
    given_parts = {name: getattr(batch, name).masked_fill(~batch.response_mask, value) for name in PER_TOKEN}
    return replace(batch, **given_parts)


def widened(batch: Rollouts, columns: int) -> Rollouts:
    wide = {name: pad(getattr(batch, name), (0, columns), value=torch.nan) for name in PER_TOKEN}
    return replace(batch, response_mask=pad(batch.response_mask, (0, columns)), **wide)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -1e30])
def test_any_number_may_stand_in_the_padding(name: str, value: float) -> None:
    batch, outside = example(), ~example().response_mask
    log_probs, entropies = moved(batch), 1.0 + moved(batch).sin()
    clean = update(ALL[name], batch, log_probs, entropies)
    dirty = update(
        ALL[name], filled(batch, value), log_probs.masked_fill(outside, value), entropies.masked_fill(outside, value)
    )
    for one, other in zip(clean, dirty, strict=True):
        assert torch.equal(one, other)
    assert all(part.isfinite().all() for part in dirty)


@pytest.mark.parametrize("name", ALL)
def test_the_width_of_the_padding_never_matters(name: str) -> None:
    batch, columns = example(), 3
    log_probs, entropies = moved(batch), 1.0 + moved(batch).sin()
    narrow = update(ALL[name], batch, log_probs, entropies)
    wide = update(
        ALL[name],
        widened(batch, columns),
        *(pad(part, (0, columns), value=torch.nan) for part in (log_probs, entropies)),
    )
    for one, other in zip(narrow[:2], wide[:2], strict=True):
        assert_close(other, one, rtol=1e-6, atol=1e-6)
    for one, other in zip(narrow[2:], wide[2:], strict=True):
        assert_close(other[:, :-columns], one, rtol=1e-6, atol=1e-6 * one.abs().max().item())
        assert other[:, -columns:].abs().max() == 0


@st.composite
def batches(draw: st.DrawFn) -> Rollouts:
    """Responses of any lengths, none among them, in groups of any names; at least one token."""
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=9).filter(any))
    names = draw(st.lists(st.integers(-(2**40), 2**40), min_size=len(lengths), max_size=len(lengths)))
    group = draw(st.permutations([names[i // 3] for i in range(len(lengths))]))
    mask = mask_of(lengths)
    wave = torch.arange(mask.numel(), dtype=torch.float64).reshape(mask.shape)
    parts: dict[str, Any] = {name: -1.5 + torch.sin(k * wave) for k, name in enumerate(PER_TOKEN, start=2)}
    truncated = torch.tensor(draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths))))
    rewards = torch.tensor(
        draw(st.lists(st.sampled_from([0.0, 1.0, 0.1]), min_size=len(lengths), max_size=len(lengths)))
    )
    return Rollouts(
        **parts,
        response_mask=mask,
        rewards=rewards.double(),
        group=torch.tensor(group),
        truncated=truncated,
        formatted=truncated,
    )


@pytest.mark.parametrize("name", ALL)
@FEW
@given(batch=batches())
def test_any_batch_gives_a_finite_update_that_its_padding_cannot_change(name: str, batch: Rollouts) -> None:
    log_probs, entropies, outside = moved(batch), 1.0 + moved(batch).sin(), ~batch.response_mask
    clean = update(ALL[name], batch, log_probs, entropies)
    dirty = update(ALL[name], filled(batch, torch.nan), log_probs.masked_fill(outside, torch.nan), entropies)
    for one, other in zip(clean, dirty, strict=True):
        assert torch.equal(one, other)
    assert all(part.isfinite().all() for part in clean)


@pytest.mark.parametrize("name", ALL)
@FEW
@given(batch=batches(), names=st.permutations(range(-4, 6)))
def test_names_of_groups_never_matter(name: str, batch: Rollouts, names: list[int]) -> None:
    log_probs, entropies = moved(batch), 1.0 + moved(batch).sin()
    renamed = replace(batch, group=torch.tensor(names)[renumber_groups(batch.group)])
    for one, other in zip(
        update(ALL[name], batch, log_probs, entropies), update(ALL[name], renamed, log_probs, entropies), strict=True
    ):
        assert_close(other, one, rtol=1e-9, atol=1e-9)


def test_every_hook_is_among_these_rules() -> None:
    found = {hook for update_rule in ALL.values() for hook in update_rule.settings()}
    assert found == set(HOOKS)
