"""Hints: values that are allowed but probably not intended. They stop nothing.

A trick's own remarks on a run (``hints(setup)``, `tricks.api`) are reported with them. ``PLAUSIBLE_RANGES`` is the one
table of ranges. Keys of tricks are the recorded class name and the field; keys of a run are the dotted name of the
setting. Every default, preset, dialect and grid of the project lies within these ranges; tests check that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tricks.recorded import recorded_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.rule import UpdateRule

ROUNDING: Final = 1e-3  # nats; rounding may put the log-prob of a token this far above 0


@dataclass(frozen=True, slots=True)
class PlausibleRange:
    """The usual range of a value, both ends included, and the effect of a value outside it."""

    low: float
    high: float
    outside: str


_CLIP_HIGH: Final = PlausibleRange(
    0.0, 1.0, "the clip range lets ratios above 2 pass; 0.2 to 0.4 is usual, and 28 % is 0.28"
)
_CLIP_LOW: Final = PlausibleRange(
    0.0, 0.99, "the lower end of the clip range is almost 0 and never clips; 0.2 is usual"
)
_KL: Final = PlausibleRange(-1.0, 1.0, "the KL term outweighs a reward of 1 at a KL of 1 nat; 0.001 to 0.1 is usual")
_EPS: Final = PlausibleRange(
    0.0, 0.1, "epsilon is not small compared with a standard deviation, at most 0.5 for rewards of 0 and 1"
)
_REWARD: Final = PlausibleRange(
    -100.0, 100.0, "advantages that no standard deviation divides grow with the reward; 0, 1 and -1 are usual"
)
_DECAY: Final = PlausibleRange(
    0.0, 1.0, "AdamW shrinks each weight by optim.lr times this at every update; 0 to 0.1 is usual"
)

PLAUSIBLE_RANGES: Final = {
    "Clip.clip_ratio_high": _CLIP_HIGH,
    "Clip.clip_ratio_low": _CLIP_LOW,
    "SequenceClip.clip_ratio_high": _CLIP_HIGH,
    "SequenceClip.clip_ratio_low": _CLIP_LOW,
    "Clip.dual_clip": PlausibleRange(1.0, 20.0, "the dual clip hardly ever acts; 3 is usual"),
    "ClippedWeight.high": PlausibleRange(
        1.0, 100.0, "below 1 ratios of 1 are clipped, and ratios above 100 hardly occur; 5 is usual"
    ),
    "TruncatedImportance.cap": PlausibleRange(
        1.0, 100.0, "below 1 weights of 1 are truncated, and weights above 100 hardly occur"
    ),
    "KlLoss.coef": _KL,
    "KlReward.coef": _KL,
    "KlToGo.coef": _KL,
    "EntropyBonus.coef": PlausibleRange(
        -1.0, 1.0, "a nat of entropy is worth more than a reward of 1; 0.001 to 0.01 is usual"
    ),
    "Normalize.eps": _EPS,
    "Whiten.eps": _EPS,
    "FormatReward.bonus": PlausibleRange(-1.0, 1.0, "the format is worth more than a correct answer; 0.1 is usual"),
    "optim.lr": PlausibleRange(
        0.0, 0.01, "AdamW moves every weight by about this much at each update; 1e-6 to 1e-3 is usual"
    ),
    "optim.weight_decay": _DECAY,
    "rollout.temperature": PlausibleRange(
        0.2, 2.0, "samples of a group are almost alike below 0.2 and almost noise above 2"
    ),
    "eval.temperature": PlausibleRange(0.0, 2.0, "responses are almost noise above 2; 0 to 1 is usual"),
    "rollout.top_p": PlausibleRange(0.5, 1.0, "half or more of the distribution is never sampled"),
    "reward.correct": _REWARD,
    "reward.wrong": _REWARD,
}


def hint_implausible(name: str, value: object, written: str | None = None) -> Iterator[str]:
    """Yield a hint if the value is a finite number outside its range in ``PLAUSIBLE_RANGES``.

    Args:
        name: the key in ``PLAUSIBLE_RANGES``; other names have no range
        value: the value of the setting
        written: the name of the setting in the hint; by default ``name``

    Yields:
        One sentence, or nothing.

    """
    known = PLAUSIBLE_RANGES.get(name)
    if known is None or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return
    if not known.low <= value <= known.high:
        yield f"{written or name}={value:g} is outside {known.low:g} to {known.high:g}: {known.outside}"


def list_rule_hints(rule: UpdateRule) -> Iterator[str]:
    """Yield the hints on the settings of a rule, then the hints of its tricks."""
    for name, trick in (*sorted(rule.tricks.items()), *sorted(rule.fillers.items())):
        for field in getattr(type(trick), "__dataclass_fields__", ()):
            yield from hint_implausible(f"{recorded_name(trick)}.{field}", getattr(trick, field), f"{name}.{field}")
    for name, sentences in rule.hints().items():
        yield f"{name}: {'; '.join(sentences)}"


def hint_positive_log_probs(name: str, values: Tensor, mask: Tensor) -> Iterator[str]:
    """Yield a hint if log-probs of sampled tokens are above 0.

    No probability exceeds 1.

    Args:
        name: the name of the log-probs in the hint
        values: log-probs (B, T)
        mask: sampled tokens (B, T), bool

    Yields:
        One sentence, or nothing.

    """
    wrong = ((values > ROUNDING) & mask.to(values.device)).nonzero().tolist()
    if wrong:
        row, column = wrong[0]
        yield (
            f"{name}[{row}][{column}] is {values[row, column].item():g}, one of {len(wrong)} above 0, and no "
            "probability exceeds 1; give natural logarithms of probabilities"
        )
