"""Overrides as a rule with its loop: what is read without Hydra is what Hydra reads."""

from __future__ import annotations

import pytest

from harness.common.schema import SchemaError
from harness.config import recipe
from harness.config.compose import compose_fast
from harness.config.recipe import compose_recipe, recipe_of

PLAIN = [
    [],
    ["preset=dapo"],
    ["preset=liteppo", "+tricks.clip_higher={}", "rollout.group_size=16", "optim.lr=1e-4"],
    ["preset=grpo", "tricks.group_norm.eps=1e-5", "tricks.sequence_mean=null", "+tricks.token_mean={}"],
    ["rollout=laptop", "optim=laptop", "rollout.temperature=0.7", "optim.updates_per_rollout=2"],
]


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_plain_overrides_are_read_as_hydra_reads_them(words: list[str]) -> None:
    chosen = {word.lstrip("+").partition("=")[0] for word in words}
    paper = [word for group, word in (("rollout", "rollout=8k"), ("optim", "optim=paper")) if group not in chosen]
    assert recipe._plain(words) is not None
    assert compose_recipe(words) == recipe_of(compose_fast([*paper, *words]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rollout.group_siz=3"], "group_siz"),
        (["rollout.lr=3"], "lr"),
        (["rollout.group_size=abc"], "rollout.group_size=abc: expected a number"),
        (["optim=none"], "optim=none: no such option"),
        (["presett=grpo"], "presett"),
        (["rollout.temperature"], "write a setting as NAME=VALUE"),
    ],
)
def test_wrong_overrides_are_refused_by_name(words: list[str], said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        compose_recipe(words)


def test_other_overrides_are_hydras() -> None:
    words = ["preset=grpo", "+tricks.clip={clip_ratio_low:0.1,clip_ratio_high:0.3}"]
    assert recipe._plain(words) is None
    assert compose_recipe(words)[1] == {"clip": {"clip_ratio_low": 0.1, "clip_ratio_high": 0.3}}
