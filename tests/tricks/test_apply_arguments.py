"""The words after ``apply``."""

from __future__ import annotations

import pytest
import torch

from tricks.api import TrickError
from tricks.apply_arguments import Arguments, parse


def test_without_words_vanilla_ppo_is_applied_in_float32() -> None:
    assert parse([]) == Arguments("vanilla_ppo", "none", torch.float32, 4, {})


def test_settings_are_collected_by_trick() -> None:
    words = [
        "tricks.clip.clip_ratio_low=0.1",
        "tricks.clip.dual_clip=null",
        "+tricks.token_mean={}",
        "tricks.rloo=null",
    ]
    assert parse(words).tricks == {"clip": {"clip_ratio_low": 0.1, "dual_clip": None}, "token_mean": {}, "rloo": None}


def test_a_word_that_is_not_json_is_itself() -> None:
    assert parse(["tricks.constant_length.length=limit"]).tricks == {"constant_length": {"length": "limit"}}


def test_nothing_is_run_as_code() -> None:
    assert parse(["tricks.clip.dual_clip=__import__('os')"]).tricks == {"clip": {"dual_clip": "__import__('os')"}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grpo"], "grpo: expected key=value, as in preset=grpo or tricks.clip_higher.clip_ratio_high=0.3"),
        (["presets=grpo"], "presets: no such argument; did you mean 'preset'?"),
        (["trick.rloo={}"], "trick.rloo: no such argument; did you mean 'tricks'?"),
        (["tricks={}"], "tricks: no such argument"),
        (["preset=grpo", "preset=rloo"], "preset: given twice; keep one"),
        (["dtype=float16"], "dtype=float16: ratios of half-precision log-probs are noise; choose float32 or float64"),
        (["dtype=int8"], "dtype=int8: no such precision; choose float32 or float64"),
        (["updates_per_rollout=0"], "updates_per_rollout=0: expected a whole number, 1 or more"),
        (["updates_per_rollout=4.0"], "updates_per_rollout=4.0: expected a whole number, 1 or more"),
        (["tricks.clip.low.high=1"], "tricks.clip.low.high: expected tricks.NAME={} or tricks.NAME.SETTING=value"),
        (["tricks.rloo=1"], "tricks.rloo=1: expected {}, null, or one setting as tricks.rloo.SETTING=value"),
        (
            ["tricks.rloo=null", "tricks.rloo.eps=1"],
            "tricks.rloo.eps: tricks.rloo=null leaves rloo out; keep one of the",
        ),
        (["tricks.rloo.eps=1", "tricks.rloo={}"], "tricks.rloo: given after a setting of rloo; write all of them as"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], message: str) -> None:
    with pytest.raises(TrickError) as refusal:
        parse(words)
    assert str(refusal.value).startswith(message)
