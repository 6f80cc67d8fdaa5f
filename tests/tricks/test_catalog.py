from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from torch import Tensor

from tricks.api import CLOSED, TrickError, TrickSpec
from tricks.batch import Rollouts
from tricks.catalog import BUILT_IN, VANILLA, catalog, find, foreign
from tricks.normalization import Normalize
from tricks.testing import check


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_every_trick_keeps_the_contract(spec: TrickSpec) -> None:
    check(spec)


def test_the_eight_tricks_of_the_paper_are_built_in() -> None:
    assert [spec.name for spec in BUILT_IN] == [
        "group_norm",
        "batch_norm",
        "group_mean",
        "group_mean_batch_std",
        "clip_higher",
        "token_mean",
        "sequence_mean",
        "overlong_filter",
    ]


def test_every_closed_hook_has_a_filler() -> None:
    assert set(VANILLA) == set(CLOSED)


def test_every_trick_cites_a_paper() -> None:
    assert all(spec.source.startswith("arXiv:") for spec in BUILT_IN)


def test_an_unknown_trick_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(TrickError, match="^unknown trick 'cliphigher'; did you mean 'clip_higher'\\?$"):
        find("cliphigher")


@dataclass(frozen=True)
class AssumesContiguousGroups:
    def advantages(self, rewards: Tensor, rollouts: Rollouts) -> Tensor:
        grouped = rewards.view(-1, 4)
        return (grouped - grouped.mean(1, keepdim=True)).reshape(-1)


@dataclass(frozen=True)
class DividesByZero:
    def advantages(self, rewards: Tensor, rollouts: Rollouts) -> Tensor:
        return (rewards - rewards.mean()) / rewards.std()


@dataclass(frozen=True)
class ChangesItsInput:
    def advantages(self, rewards: Tensor, rollouts: Rollouts) -> Tensor:
        return rollouts.old_log_probs.mul_(0).sum(dim=1) + rewards


@dataclass(frozen=True)
class ReturnsNumbersForAMask:
    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return rollouts.rewards


@dataclass(frozen=True)
class ReturnsOnePerToken:
    def loss_weights(self, response_mask: Tensor) -> Tensor:
        return response_mask / response_mask.sum()


class Counter:
    calls = 0


@dataclass(frozen=True)
class Remembers:
    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        Counter.calls += 1
        return rollouts.rewards + Counter.calls


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (AssumesContiguousGroups, "depends on the order of samples"),
        (DividesByZero, "is not finite"),
        (ChangesItsInput, "changed its input"),
        (ReturnsNumbersForAMask, "returned torch.float32"),
        (ReturnsOnePerToken, r"returned \(12, 7\), expected \(12, 1\)"),
        (Remembers, "is not a pure function"),
    ],
)
def test_known_bad_tricks_fail_the_check(cls: type[Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(TrickSpec("bad", cls, "nowhere", "broken on purpose"))


@dataclass
class Thawed:
    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return ~rollouts.truncated


@dataclass(frozen=True)
class Empty:
    pass


@dataclass(frozen=True)
class Renamed:
    def surrogate(self, ratio: Tensor, signal: Any) -> Tensor:
        return ratio


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bad", Thawed, "x", ""), "bad: a trick is a frozen dataclass"),
        (("bad", print, "x", ""), "bad: a trick is a frozen dataclass"),
        (("bad", Empty, "x", ""), "bad: Empty fills none of shape_rewards, keep_samples, advantages"),
        (("bad", Renamed, "x", ""), r"bad: surrogate takes \(log_ratio, signal\), got \(ratio, signal\)"),
        (("bad", Normalize, "", ""), "bad: a trick needs a source"),
        (("no good", Normalize, "x", ""), "'no good' cannot name a trick"),
        (("bad", Normalize, "x", "", {"means": "group"}), "bad: Normalize has no setting means"),
    ],
)
def test_ill_formed_tricks_are_refused_at_registration(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TrickError, match=message):
        TrickSpec(*arguments)


SPEC = TrickSpec("keep_wrong", ReturnsNumbersForAMask, "nowhere", "for the tests")


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value}", "liteppo.tricks")


def test_an_entry_point_adds_a_trick() -> None:
    assert [spec for _, spec in foreign((point("keep_wrong", "SPEC"),))] == [SPEC]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (point("other", "SPEC"), "is named 'keep_wrong', its entry point 'other'; make them equal"),
        (point("counter", "Counter"), "is not a TrickSpec; point the entry 'counter' at one"),
    ],
)
def test_a_wrong_entry_point_is_refused(entry: EntryPoint, message: str) -> None:
    with pytest.raises(TrickError, match=message):
        list(foreign((entry,)))


def test_a_foreign_trick_never_replaces_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    thief = TrickSpec("group_norm", Normalize, "elsewhere", "not ours")
    monkeypatch.setitem(globals(), "THIEF", thief)
    monkeypatch.setattr("tricks.catalog.entry_points", lambda group: (point("group_norm", "THIEF"),))
    catalog.cache_clear()
    with pytest.raises(TrickError, match="offers a trick named 'group_norm', which exists already"):
        catalog()
    monkeypatch.undo()
    catalog.cache_clear()
