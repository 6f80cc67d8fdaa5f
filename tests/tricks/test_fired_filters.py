"""A filter also acts on samples that would have no gradient: the others weigh more without them."""

from __future__ import annotations

from torch import Tensor

from tests.tricks.batches import moved, rollouts, rule
from tricks.aggregation import SequenceSum
from tricks.fired import ablate_each_trick, mask_changes_by_trick
from tricks.rule import UpdateRule

REWARDS, GROUPS, LENGTHS = [1.0, 0.0, 0.0, 0.0], [0, 0, 1, 1], [1, 2, 1, 2]  # the second group is wrong throughout


def fired(chosen: UpdateRule, name: str) -> Tensor:
    batch = rollouts(REWARDS, GROUPS, lengths=LENGTHS, truncated=[False, False, True, True])
    others = {other.name: other for other in ablate_each_trick(chosen, batch)}
    return mask_changes_by_trick(chosen, [others[name]], moved(batch), chosen.signal(batch))[name]


def test_a_filter_fires_on_samples_without_advantage_when_the_others_weigh_more_for_it() -> None:
    chosen = rule("group_norm", "token_mean", "zero_variance_filter")  # 1 / 6 a token without it, 1 / 3 with it
    assert fired(chosen, "zero_variance_filter").sum(dim=1).tolist() == [0, 0, 1, 2]


def test_it_does_not_where_nothing_weighs_more() -> None:
    chosen = rule("group_norm", "zero_variance_filter", sequence_sum=SequenceSum(count="all"))
    assert not fired(chosen, "zero_variance_filter").any()


def test_the_second_of_two_filters_that_drop_the_same_does_not_fire() -> None:
    chosen = rule("group_norm", "token_mean", "zero_variance_filter", "overlong_filter")
    assert not fired(chosen, "zero_variance_filter").any()
    assert not fired(chosen, "overlong_filter").any()


def test_a_filter_that_leaves_nothing_fires_on_everything() -> None:
    batch = rollouts([0.0, 0.0], [0, 0], truncated=[True, True])
    chosen = rule("group_norm", "token_mean", "overlong_filter")
    (_, _, other) = ablate_each_trick(chosen, batch)
    assert other.name == "overlong_filter"
    assert mask_changes_by_trick(chosen, [other], moved(batch), chosen.signal(batch))[other.name].all()
