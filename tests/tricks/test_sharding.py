"""The certificate: however an update is split, its parts add up to one gradient."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from tests.tiers import counts
from tests.tricks.batches import DTYPES, SETUP, rule
from tests.tricks.partitions import gradient, partitions, sample
from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.build import build_rule
from tricks.presets import PRESETS
from tricks.rule import UpdateRule

PARTITIONS = 50
NUMBERS = pytest.mark.parametrize("number", counts(8, PARTITIONS))
LARGEST = {torch.float32: 1e-6, torch.float64: 1e-12}  # difference over the gradient's norm
MICRO_BATCH = torch.tensor([2, 0, 1, 1, 0, 2, 3, 3, 0, 1, 2, 0])  # fixed, whatever the split
SCOPES, COUNTS = ["update", "prompt", "micro_batch"], ["kept", "all"]

AGGREGATIONS = [
    *(TokenMean(*choice) for choice in product(SCOPES, [*COUNTS, "at_least_one"])),
    *(SequenceMean(*choice) for choice in product(SCOPES, COUNTS)),
    *(SequenceSum(*choice) for choice in product(SCOPES, COUNTS)),
    *(ConstantLength("padded", *choice) for choice in product(SCOPES, COUNTS, [True, False])),
    ConstantLength("limit"),
    ConstantLength(17),
]
RULES = {preset: build_rule(preset, {}, "none", SETUP) for preset in PRESETS} | {
    name: rule(*names)
    for name, names in {
        "gspo with advantages of tokens": ("group_norm", "kl_to_go", "gspo", "sequence_mean"),
        "weights and terms of tokens": ("group_norm", "truncated_is", "kl_loss", "entropy_bonus", "prompt_mean"),
        "filters and bounds": ("rloo", "overlong_filter", "reward_clip", "advantage_clip", "dual_clip", "token_mean"),
        "whitened": ("batch_mean", "kl_to_go", "token_whitening", "cispo", "constant_length"),
        "shaped": ("leave_one_out_norm", "soft_overlong", "length_reward", "kl_reward", "sequence_sum"),
    }.items()
}


def largest_difference(name: str, update_rule: UpdateRule, dtype: torch.dtype, number: int) -> float:
    """Over so many partitions, relative to the norm of the whole update's gradient."""
    batch, policy = sample(dtype)
    signal = update_rule.signal(batch)
    weights = update_rule.loss_weights(signal, MICRO_BATCH)
    everyone = list(range(len(batch.rewards)))
    whole = gradient(update_rule, policy, signal, weights, [[everyone]], packed=False)
    assert whole.norm() > 0
    differences = [
        gradient(update_rule, policy, signal, weights, ranks, packed=place % 3 > 0) - whole
        for place, ranks in enumerate(partitions(name, len(everyone), number))
    ]
    return (torch.stack(differences).flatten(1).norm(dim=1).max() / whole.norm()).item()


@NUMBERS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("aggregation", AGGREGATIONS, ids=repr)
def test_every_aggregation_adds_up_over_ranks_steps_micro_batches_packing_and_order(
    aggregation: TokenMean | SequenceMean | SequenceSum | ConstantLength, dtype: torch.dtype, number: int
) -> None:
    update_rule = rule("group_norm", "overlong_filter", mean=aggregation)
    assert largest_difference(repr(aggregation), update_rule, dtype, number) < LARGEST[dtype]


@NUMBERS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_every_preset_and_kind_of_trick_adds_up_too(name: str, dtype: torch.dtype, number: int) -> None:
    assert largest_difference(name, RULES[name], dtype, number) < LARGEST[dtype]


@pytest.mark.parametrize("trick", [TokenMean(), SequenceMean(), TokenMean("prompt"), ConstantLength("limit")], ids=repr)
def test_weights_taken_after_the_split_would_not_add_up(
    trick: TokenMean | SequenceMean | ConstantLength,
) -> None:
    # What the certificate is for: the token mean of each micro-batch, averaged, is another gradient.
    update_rule = rule("group_norm", mean=trick)
    batch, policy = sample(torch.float64)
    signal = update_rule.signal(batch)
    weights = update_rule.loss_weights(signal)
    halves = [list(range(5)), list(range(5, 12))]
    whole = gradient(update_rule, policy, signal, weights, [[list(range(12))]], packed=False)
    local = torch.cat([update_rule.loss_weights(signal[torch.tensor(half)]) / 2 for half in halves])
    late = gradient(update_rule, policy, signal, local, [halves], packed=False)
    assert (late - whole).norm() > 0.01 * whole.norm()


def test_partitions_differ_and_cover_every_sample_once() -> None:
    found = list(partitions("any", 12, PARTITIONS))
    assert all(sorted(row for rank in ranks for part in rank for row in part) == list(range(12)) for ranks in found)
    assert {len(ranks) for ranks in found} == {1, 2, 3}
    assert max(len(rank) for ranks in found for rank in ranks) > 3
    assert len({repr(ranks) for ranks in found}) == PARTITIONS
