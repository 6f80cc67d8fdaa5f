from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, strategies as st
from torch.testing import assert_close

from tests.tricks.batches import rollouts
from tricks.batch import Rollouts, select_samples
from tricks.normalization import Normalize

SCOPES = ["none", "group", "batch", "leave_one_out"]
CENTRED = [("group", "group"), ("batch", "batch"), ("group", "batch"), ("leave_one_out", "leave_one_out")]
EVERY = [(mean, std) for mean in SCOPES for std in SCOPES]


@st.composite
def batches(draw: st.DrawFn) -> Rollouts:
    """Rewards of any kind in groups of any size, order and name, some samples truncated."""
    names = draw(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=4, unique=True))
    group = draw(st.lists(st.sampled_from(names), min_size=2, max_size=16))
    sixteenths = st.integers(-64, 64).map(lambda number: number / 16)
    rewards, lengths = (
        draw(st.lists(kind, min_size=len(group), max_size=len(group))) for kind in (sixteenths, LENGTHS)
    )
    truncated = draw(st.lists(st.booleans(), min_size=len(group), max_size=len(group)))
    return rollouts(rewards, group, lengths=lengths, truncated=truncated, dtype=torch.float64)


LENGTHS = st.integers(1, 5)
SETTINGS = st.fixed_dictionaries(
    {
        "ddof": st.sampled_from([0, 1]),
        "weights": st.sampled_from(["sequence", "token"]),
        "include": st.sampled_from(["all", "kept"]),
        "about": st.just("own"),
    }
)


def advantages(trick: Normalize, batch: Rollouts) -> torch.Tensor:
    return trick.advantages(batch.rewards, ~batch.truncated, batch)


@pytest.mark.parametrize(("mean", "std"), CENTRED)
@given(batch=batches(), settings=SETTINGS, slope=st.sampled_from([0.5, 2.0, 10.0]), shift=st.integers(-9, 9))
def test_any_deviation_cancels_scale_and_shift_of_the_rewards(
    mean: str, std: str, batch: Rollouts, settings: dict[str, object], slope: float, shift: int
) -> None:
    trick = Normalize(mean=mean, std=std, eps=0.0, **settings)
    other = replace(batch, rewards=slope * batch.rewards + shift)
    assert_close(advantages(trick, other), advantages(trick, batch), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mean", ["group", "batch", "leave_one_out"])
@given(batch=batches(), settings=SETTINGS, slope=st.sampled_from([0.5, 2.0, 10.0]), shift=st.integers(-9, 9))
def test_a_mean_alone_cancels_the_shift_and_keeps_the_scale(
    mean: str, batch: Rollouts, settings: dict[str, object], slope: float, shift: int
) -> None:
    trick = Normalize(mean=mean, **settings)
    other = replace(batch, rewards=slope * batch.rewards + shift)
    assert_close(advantages(trick, other), slope * advantages(trick, batch), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mean", ["group", "batch", "leave_one_out"])
@given(batch=batches(), settings=SETTINGS)
def test_a_mean_alone_leaves_advantages_that_add_up_to_nothing(
    mean: str, batch: Rollouts, settings: dict[str, object]
) -> None:
    trick = Normalize(mean=mean, **{**settings, "weights": "sequence", "include": "all"})
    assert abs(advantages(trick, batch).sum().item()) < 1e-9


@pytest.mark.parametrize(("mean", "std"), EVERY)
@given(batch=batches(), settings=SETTINGS, data=st.data())
def test_the_order_of_samples_never_matters(
    mean: str, std: str, batch: Rollouts, settings: dict[str, object], data: st.DataObject
) -> None:
    order = torch.tensor(data.draw(st.permutations(range(len(batch.group)))))
    trick = Normalize(mean=mean, std=std, **settings)
    assert_close(advantages(trick, select_samples(batch, order)), advantages(trick, batch)[order], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("mean", "std"), EVERY)
@given(batch=batches(), settings=SETTINGS, names=st.permutations(range(-5, 5)))
def test_group_names_never_matter(
    mean: str, std: str, batch: Rollouts, settings: dict[str, object], names: list[int]
) -> None:
    index = torch.unique(batch.group, return_inverse=True)[1]
    trick, other = Normalize(mean=mean, std=std, **settings), replace(batch, group=torch.tensor(names)[index])
    assert_close(advantages(trick, other), advantages(trick, batch), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("mean", "std"), EVERY)
@given(batch=batches(), settings=SETTINGS)
def test_advantages_are_always_finite(mean: str, std: str, batch: Rollouts, settings: dict[str, object]) -> None:
    assert advantages(Normalize(mean=mean, std=std, **settings), batch).isfinite().all()
