"""The options of ``tricks apply``; tests/liteppo has the words."""

from __future__ import annotations

import pytest
import torch

from tricks.api import TrickError
from tricks.io.apply import ApplyOptions, read_options


def test_without_words_vanilla_ppo_is_applied_in_float32() -> None:
    assert read_options() == ApplyOptions("vanilla_ppo", "none", torch.float32, 4, {})


def test_settings_are_collected_by_trick() -> None:
    words = [
        "tricks.clip.clip_ratio_low=0.1",
        "tricks.clip.dual_clip=null",
        "+tricks.token_mean={}",
        "tricks.rloo=null",
    ]
    assert read_options(tricks=words).tricks == {
        "clip": {"clip_ratio_low": 0.1, "dual_clip": None},
        "token_mean": {},
        "rloo": None,
    }


def test_a_word_that_is_not_json_is_itself() -> None:
    assert read_options(tricks=["tricks.constant_length.length=limit"]).tricks == {
        "constant_length": {"length": "limit"}
    }


def test_nothing_is_run_as_code() -> None:
    assert read_options(tricks=["tricks.clip.dual_clip=__import__('os')"]).tricks == {
        "clip": {"dual_clip": "__import__('os')"}
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"dtype": "float16"},
            "dtype=float16: ratios of half-precision log-probs are noise; choose float32 or float64",
        ),
        ({"dtype": "int8"}, "dtype=int8: no such precision; choose float32 or float64"),
        ({"updates_per_rollout": "0"}, "updates_per_rollout=0: expected a whole number, 1 or more"),
        ({"updates_per_rollout": "4.0"}, "updates_per_rollout=4.0: expected a whole number, 1 or more"),
    ],
)
def test_a_wrong_option_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(TrickError) as refusal:
        read_options(**given)  # type: ignore[arg-type]
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grpo"], "grpo: expected key=value, as in preset=grpo or tricks.clip_higher.clip_ratio_high=0.3"),
        (["presets=grpo"], "presets: no such argument; did you mean 'preset'?"),
        (["trick.rloo={}"], "trick.rloo: no such argument; did you mean 'tricks'?"),
        (["tricks={}"], "tricks: no such argument"),
        (["tricks.rloo={}", "+tricks.rloo={}"], "tricks.rloo: given twice; keep one"),
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
        read_options(tricks=words)
    assert str(refusal.value).startswith(message)
