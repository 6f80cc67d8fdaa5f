from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.batches import SETUP, rollouts
from tricks.aggregation import SequenceMean, TokenMean
from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.catalog import BUILT_IN, VANILLA
from tricks.filtering import OverlongFilter
from tricks.normalization import Normalize
from tricks.rule import UpdateRule
from tricks.testing import probe_batches

PRESETS = {
    "vanilla": (),
    "grpo": ("group_norm", "sequence_mean"),
    "liteppo": ("group_mean_batch_std", "token_mean"),
    "dapo_static": ("group_norm", "clip_higher", "token_mean", "overlong_filter"),
}


def rule(*names: str, **others: Any) -> UpdateRule:
    specs = {spec.name: spec for spec in BUILT_IN}
    chosen = {name: specs[name].cls(**specs[name].settings) for name in names}
    return UpdateRule({**chosen, **others}, VANILLA, SETUP)


def test_two_tricks_on_one_closed_hook_are_refused_by_name() -> None:
    with pytest.raises(TrickError, match="^batch_norm and group_norm both set advantages; keep one$"):
        rule("group_norm", "batch_norm")


def test_unfilled_hooks_are_vanilla_ppo() -> None:
    assert rule().describe() == {
        "shape_rewards": [],
        "keep_samples": [],
        "advantages": ["Normalize(mean='none', std='none', eps=1e-06)"],
        "surrogate": ["Clip(clip_ratio_low=0.2, clip_ratio_high=0.2)"],
        "loss_weights": ["SequenceMean()"],
    }


def test_any_set_of_open_and_distinct_closed_hooks_assembles() -> None:
    described = rule("group_norm", "clip_higher", "token_mean", "overlong_filter").describe()
    assert described["keep_samples"] == ["OverlongFilter()"]
    assert described["loss_weights"] == ["TokenMean()"]


def test_filtered_samples_still_count_in_the_group_mean() -> None:
    batch = rollouts([1.0, 0.0, 0.0, 0.0], [0] * 4, truncated=[True, False, False, False])
    signal = rule("group_mean", "overlong_filter").signal(batch)
    assert_close(signal.advantages, torch.tensor([0.75, -0.25, -0.25, -0.25]))
    assert signal.response_mask.tolist() == [[False], [True], [True], [True]]


def test_filtered_samples_leave_the_denominator() -> None:
    batch = rollouts([1.0, 0.0], [0, 0], lengths=[3, 1], truncated=[True, False])
    filtered = rule("overlong_filter", "token_mean")
    signal = filtered.signal(batch)
    assert_close(filtered.loss_weights(signal.response_mask), torch.tensor([[0.0], [1.0]]))


@dataclass(frozen=True, slots=True)
class Bonus:
    amount: float

    def shape_rewards(self, rollouts: Rollouts) -> torch.Tensor:
        return torch.full_like(rollouts.rewards, self.amount)


@dataclass(frozen=True, slots=True)
class KeepEven:
    def keep_samples(self, rollouts: Rollouts) -> torch.Tensor:
        return rollouts.rewards > 0


def test_open_hooks_add_up_and_intersect() -> None:
    batch = rollouts([1.0, 0.0, 1.0, 0.0], [0] * 4, truncated=[True, False, False, False])
    signal = rule(a=Bonus(0.5), b=Bonus(0.25), c=KeepEven(), d=OverlongFilter()).signal(batch)
    assert_close(signal.advantages, torch.tensor([1.75, 0.75, 1.75, 0.75]))
    assert signal.response_mask.flatten().tolist() == [False, False, True, False]


@pytest.mark.parametrize("names", PRESETS.values(), ids=PRESETS)
def test_the_order_of_the_list_never_matters(names: tuple[str, ...]) -> None:
    assert rule(*names).describe() == rule(*reversed(names)).describe()


@pytest.mark.parametrize("names", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("micro", [1, 5, 12])
def test_micro_batches_add_up_to_the_update(names: tuple[str, ...], micro: int) -> None:
    for _, batch in probe_batches():
        assert_close(gradient(rule(*names), batch, micro), gradient(rule(*names), batch, 12))


@pytest.mark.parametrize("names", PRESETS.values(), ids=PRESETS)
def test_padding_never_matters(names: tuple[str, ...]) -> None:
    for _, batch in probe_batches():
        wide = replace(
            batch,
            old_log_probs=torch.nn.functional.pad(batch.old_log_probs, (0, 3), value=9.0),
            response_mask=torch.nn.functional.pad(batch.response_mask, (0, 3)),
        )
        assert_close(gradient(rule(*names), wide, 12)[:, :-3], gradient(rule(*names), batch, 12))


def gradient(update_rule: UpdateRule, batch: Rollouts, micro: int) -> torch.Tensor:
    """Of the loss with respect to the log-probs, at a policy that has moved."""
    log_probs = (batch.old_log_probs + 0.3 * torch.sin(7 * batch.old_log_probs)).requires_grad_()
    signal = update_rule.signal(batch)
    weights = update_rule.loss_weights(signal.response_mask)
    for first in range(0, len(weights), micro):
        rows = slice(first, first + micro)
        loss = update_rule.loss(log_probs[rows], batch.old_log_probs[rows], signal[rows], weights[rows])
        loss.backward()
    assert log_probs.grad is not None
    return log_probs.grad


def test_a_result_of_the_wrong_shape_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class PerGroup:
        def advantages(self, rewards: torch.Tensor, rollouts: Rollouts) -> torch.Tensor:
            return rewards[:1]

    with pytest.raises(TrickError, match=r"returned \(1,\), expected \(4,\)"):
        rule(bad=PerGroup()).signal(rollouts([1.0, 0.0, 1.0, 0.0], [0] * 4))


def test_complaints_of_all_tricks_are_raised_together() -> None:
    alone = SETUP.__class__(1, 8, 1, 8)
    tricks = {"group_norm": Normalize("group", "group"), "clip_higher": VANILLA["surrogate"]}
    with pytest.raises(TrickError) as caught:
        UpdateRule(tricks, VANILLA, alone)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["clip_higher", "group_norm"]


def test_diagnostics_count_kept_tokens_only() -> None:
    batch = rollouts([1.0, 1.0], [0, 0], truncated=[True, False])
    vanilla = rule("overlong_filter", "token_mean")
    masks = vanilla.diagnostics(torch.full((2, 1), 0.5), batch.old_log_probs, vanilla.signal(batch))
    assert masks["clip_fraction_high"].tolist() == [[False], [True]]  # ratio e^0.5 = 1.65 in both


def test_the_fillers_are_the_classes_of_the_catalog() -> None:
    assert isinstance(VANILLA["loss_weights"], SequenceMean)
    assert not isinstance(VANILLA["loss_weights"], TokenMean)
