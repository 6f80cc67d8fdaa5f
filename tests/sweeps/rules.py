"""Update rules by preset and tricks, and sides of a comparison."""

import json
from typing import Any

from sweeps.equivalence.gradients import GradientSide
from tricks.batch import Setup
from tricks.dialects.build import build_rule
from tricks.rule import UpdateRule

SETUP = Setup(group_size=4, prompts_per_batch=4, updates_per_rollout=4, max_response_length=20)


def rule(preset: str = "vanilla_ppo", setup: Setup = SETUP, **tricks: dict[str, Any] | None) -> UpdateRule:
    return build_rule(preset, tricks, "none", setup)


def side(
    preset: str = "vanilla_ppo", setup: Setup = SETUP, scale=(1.0, 0.0), **tricks: dict[str, Any] | None
) -> GradientSide:
    made = rule(preset, setup, **tricks)
    return GradientSide(made, *scale, json.dumps(made.settings()))
