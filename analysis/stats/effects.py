"""Secondary effects of a contrast: length, truncation, entropy, clipping, pass@k and cost.

Every effect is paired by training seed, like the verdict. Its 95 % interval is Student's t.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.stats.contrasts import Contrast, list_contrasts
from analysis.stats.estimates import Estimate, estimate_difference, estimate_mean
from analysis.study import Scores, read_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from harness.records import Study


@dataclass(frozen=True, slots=True)
class EffectSide:
    """A secondary score with its column title and number of digits."""

    score: str
    title: str
    digits: int


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a contrast on one score."""

    contrast: Contrast
    side: EffectSide
    arm: Estimate  # over the paired seeds
    baseline: Estimate  # over the same seeds
    difference: Estimate  # arm minus baseline, seed by seed


_BEFORE: Final = (
    EffectSide("final/length", "length, tokens", 1),
    EffectSide("final/truncated", "truncated", 3),
    EffectSide("train/policy/entropy", "entropy, nats", 3),
    EffectSide("train/update/clip_fraction_high", "clipped high", 4),
    EffectSide("train/update/clip_fraction_low", "clipped low", 4),
)
_TOKENS: Final = EffectSide("cost/tokens", "training tokens", 0)
_CPU: Final = EffectSide("cpu_seconds", "CPU s a run", 1)
_WALL: Final = EffectSide("wall_seconds", "wall s a run", 1)


def list_effect_sides(study: Study, taken: pd.DataFrame) -> tuple[EffectSide, ...]:
    """Return the secondary scores that at least one run has.

    They include pass@k with the logged k. Time is CPU seconds on a laptop and wall-clock seconds elsewhere.
    """
    passes = sorted(str(name) for name in taken if re.fullmatch(r"final/pass@\d+", str(name)))
    seconds = _CPU if study.profile == "laptop" else _WALL
    wanted = (*_BEFORE, *(EffectSide(name, name.removeprefix("final/"), 3) for name in passes), _TOKENS, seconds)
    return tuple(side for side in wanted if side.score in taken and taken[side.score].notna().any())


def measure_all_effects(study: Study, taken: pd.DataFrame) -> dict[Contrast, tuple[Effect, ...]]:
    """Return the secondary effects of every contrast of the study, reading each score once."""
    known = list_effect_sides(study, taken)
    by_score = {side.score: read_scores(taken, side.score) for side in known}
    asked = list_contrasts(study, read_scores(taken, study.metric).keys())
    return {contrast: tuple(_effects(contrast, known, by_score)) for contrast in asked}


def _effects(contrast: Contrast, known: Sequence[EffectSide], by_score: Mapping[str, Scores]) -> Iterator[Effect]:
    for side in known:
        if side.score == contrast.metric:
            continue
        arm, baseline = (by_score[side.score].get(cell, {}) for cell in (contrast.arm, contrast.baseline))
        common = sorted(arm.keys() & baseline.keys())
        levels = estimate_mean(arm[seed] for seed in common), estimate_mean(baseline[seed] for seed in common)
        difference = estimate_difference(arm, baseline)
        if levels[0] and levels[1] and difference:
            yield Effect(contrast, side, levels[0], levels[1], difference)
