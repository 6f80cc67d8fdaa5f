from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from tricks.api import COMBINABLE_HOOKS, HOOKS, OPTIONAL_HOOKS, REQUIRED_HOOKS, TrickError, TrickSpec
from tricks.catalog import BUILT_IN_TRICKS, DEFAULT_TRICKS, PAPER_TRICKS, find_trick, foreign, load_catalog
from tricks.filtering import DynamicSampling
from tricks.normalization import Normalize
from tricks.regularization import KlToGo


def test_the_eight_tricks_of_the_paper_come_first() -> None:
    assert [spec.name for spec in BUILT_IN_TRICKS[:8]] == [
        "group_norm",
        "batch_norm",
        "group_mean",
        "group_mean_batch_std",
        "clip_higher",
        "token_mean",
        "sequence_mean",
        "overlong_filter",
    ]
    assert BUILT_IN_TRICKS[:8] == PAPER_TRICKS


def test_every_name_stands_once() -> None:
    names = [spec.name for spec in BUILT_IN_TRICKS]
    assert sorted(set(names)) == sorted(names)


def test_every_closed_hook_has_a_filler_that_fills_it() -> None:
    assert set(DEFAULT_TRICKS) == set(REQUIRED_HOOKS)
    assert all(hasattr(filler, hook) for hook, filler in DEFAULT_TRICKS.items())


def test_every_hook_is_of_one_kind_and_filled_by_some_trick() -> None:
    assert sorted([*COMBINABLE_HOOKS, *OPTIONAL_HOOKS, *REQUIRED_HOOKS]) == sorted(HOOKS)
    assert {hook for spec in BUILT_IN_TRICKS for hook in spec.hooks} == set(HOOKS)


def test_every_trick_names_its_source() -> None:
    without_paper = {"leave_one_out_norm"}  # NeMo-RL's default, which no paper describes
    cited = {spec.name for spec in BUILT_IN_TRICKS if spec.source.startswith("arXiv:")}
    assert {spec.name for spec in BUILT_IN_TRICKS} - cited == without_paper


def test_hooks_of_a_trick_are_in_the_order_of_the_pipeline() -> None:
    assert TrickSpec("both", FillsTwoHooks, "nowhere", "").hooks == ("shape_rewards", "shape_advantages")
    assert find_trick("dynamic_sampling").cls is DynamicSampling
    assert find_trick("dynamic_sampling").hooks == ("accept_groups",)


class FillsTwoHooks(KlToGo):
    def shape_rewards(self, rollouts: object) -> object:
        return rollouts


SPEC = TrickSpec("foreign_norm", Normalize, "elsewhere", "for the tests")


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value}", "liteppo.tricks")


def test_an_entry_point_adds_a_trick() -> None:
    assert [spec for _, spec in foreign((point("foreign_norm", "SPEC"),))] == [SPEC]


def test_a_foreign_trick_never_replaces_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "THIEF", TrickSpec("group_norm", Normalize, "elsewhere", "not ours"))
    monkeypatch.setattr("tricks.catalog.entry_points", lambda group: (point("group_norm", "THIEF"),))
    load_catalog.cache_clear()
    with pytest.raises(TrickError, match="offers a trick named 'group_norm', which exists already; rename it$"):
        load_catalog()
    monkeypatch.undo()
    load_catalog.cache_clear()
    assert load_catalog()["group_norm"].source != "elsewhere"


def test_a_method_by_its_old_name_is_refused_with_the_new_one():
    @dataclass(frozen=True)
    class Old:
        def complaints(self, setup):
            yield "no"

        def clip_rewards(self, rewards, batch):
            return rewards

    with pytest.raises(TrickError, match=r"old: Old\.complaints is called validate in this version; rename the method"):
        TrickSpec("old", Old, "a trick of an earlier version", "nowhere")
