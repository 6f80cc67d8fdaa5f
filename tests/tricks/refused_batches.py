"""Batches that no update can be made of."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any, Final

import torch

from tests.tricks.batches import example, rollouts, rule
from tests.tricks.refused import Refusal


def _batch(field: str, way_out: str, value: Any, place: str = "") -> Refusal:
    return Refusal("Rollouts", place or field, partial(replace, example(), **{field: value}), way_out)


def _table(value: float) -> torch.Tensor:
    table = torch.zeros(8, 6)
    table[1, 0] = value
    return table


BATCHES: Final[tuple[Refusal, ...]] = (
    _batch("rewards", "score the sample or leave it out", torch.tensor([0.0, nan, *[1.0] * 6]), "rewards[1]"),
    _batch("rewards", "expected torch.float32 or torch.float64 (8,)", torch.zeros(7)),
    _batch("rewards", "give both one type", torch.zeros(8, dtype=torch.float64)),
    _batch("response_mask", "draw at least one sample", torch.zeros(0, 6, dtype=torch.bool)),
    _batch("response_mask", "expected torch.bool (8, 6)", torch.ones(8, 6)),
    _batch("old_log_probs", "compute it again or mask the token", _table(-inf), "old_log_probs[1, 0]"),
    _batch("old_log_probs", "compute them in float32", torch.zeros(8, 6, dtype=torch.bfloat16)),
    _batch("sampler_log_probs", "compute it again or mask the token", _table(nan), "sampler_log_probs[1, 0]"),
    _batch("sampler_log_probs", "give both one type", torch.zeros(8, 6, dtype=torch.float64)),
    _batch("ref_log_probs", "compute it again or mask the token", _table(nan), "ref_log_probs[1, 0]"),
    _batch("group", "expected torch.int64 (8,)", torch.zeros(8)),
    _batch("truncated", "expected torch.bool (8,)", torch.zeros(8)),
    _batch("ended", "expected torch.bool (8,)", torch.zeros(8)),
    _batch("formatted", "expected torch.bool (8,)", torch.zeros(3, dtype=torch.bool)),
    Refusal(
        "standard deviation",
        "-",
        lambda: rule("group_norm").signal(rollouts([1e200, 0.0], [0, 0], dtype=torch.float64)),
        "divide the rewards by a constant, such as the largest",
    ),
)
