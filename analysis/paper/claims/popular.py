"""Claims with numbers from a popular summary that the paper does not print.

The summary gives percentages of accuracy, read here as points. It gives compute as a percentage of PPO's, read here as
that of our PPO without a critic.
"""

from math import log
from typing import Final

from analysis.claims import Claim, ClaimPart, Quoted, compare_labels

_COST: Final = "What a step costs"
_GAINS: Final = "Gains in numbers"
_QWEN: Final = "a number about models of Qwen3; only their runs can tell"
_POINT: Final = 0.005  # half a point of accuracy counts as the same
_SAME_COST: Final = log(1.05)  # a difference of 5 % counts as the same cost
_STANDS: Final = "popular summary"
_PLACES: Final = tuple(
    {"model": model, "difficulty": tier}
    for model, tiers in {"small_base": ("easy", "hard"), "large_base": ("easy", "hard")}.items()
    for tier in tiers
)


def _points(low: float, high: float) -> Quoted:
    return Quoted(low / 100, high / 100, _POINT)


def _cost(recipe: str, percent: float) -> tuple[ClaimPart, ...]:
    quoted = Quoted(log(percent / 100), log(percent / 100), _SAME_COST)
    return tuple(
        compare_labels("recipe", recipe, "vanilla_ppo", where, quoted, metric="step seconds", ratio=True)
        for where in _PLACES
    )


def _bound(model: str, bound: str, low: float, high: float) -> ClaimPart:
    return compare_labels("upper_bound", bound, "0.20", {"model": model, "difficulty": "medium"}, _points(low, high))


CLAIMS: Final = (
    Claim(
        id="S.cost_liteppo",
        title=_COST,
        sentence="A step of Lite PPO costs 115 % of a step of PPO.",
        source="summary",
        stands=_STANDS,
        studies=("p9_liteppo_main",),
        parts=_cost("liteppo", 115),
    ),
    Claim(
        id="S.cost_dapo",
        title=_COST,
        sentence="A step of DAPO costs 210 % of a step of PPO.",
        source="summary",
        stands=_STANDS,
        studies=("p9_liteppo_main",),
        parts=_cost("dapo", 210),
    ),
    Claim(
        id="S.lead",
        title=_GAINS,
        sentence="Lite PPO ends 2.4 % above DAPO on the large base model and hard data.",
        source="summary",
        stands=f"{_STANDS}; the figure shows about 10 points",
        studies=("p9_liteppo_main",),
        parts=(
            compare_labels(
                "recipe", "liteppo", "dapo", {"model": "large_base", "difficulty": "hard"}, _points(2.4, 2.4)
            ),
        ),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="S.clip_small",
        title=_GAINS,
        sentence="The small aligned model gains 3 to 4 % with a bound of 0.28 and 6 % with 0.32.",
        source="summary",
        stands=f"{_STANDS}, clip table",
        studies=("p6_clip_sweep",),
        parts=(_bound("small_aligned", "0.28", 3, 4), _bound("small_aligned", "0.32", 6, 6)),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="S.clip_large",
        title=_GAINS,
        sentence="The large aligned model gains 3 % with a bound of 0.28 and nothing with 0.32.",
        source="summary",
        stands=f"{_STANDS}, clip table",
        studies=("p6_clip_sweep",),
        parts=(_bound("large_aligned", "0.28", 3, 3), _bound("large_aligned", "0.32", 0, 0)),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="S.loss",
        title=_GAINS,
        sentence="The better loss gains 2 to 6 %: by tokens on the small base model, by responses on the aligned.",
        source="summary",
        stands=f"{_STANDS}, loss table; the paper ran the large models only",
        studies=("p7_loss_agg",),
        parts=tuple(
            compare_labels("loss", better, worse, {"model": model, "difficulty": tier}, _points(2, 6), beyond=True)
            for model, better, worse in (("small_base", "token", "sequence"), ("small_aligned", "sequence", "token"))
            for tier in ("easy", "medium", "hard")
        ),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="S.overlong",
        title=_GAINS,
        sentence="On the small base model the filter gains 3 to 5 % at 8k tokens, 1 % at 16k and nothing at 20k.",
        source="summary",
        stands=f"{_STANDS}, overlong table; the paper ran the large models only",
        studies=("p8_overlong",),
        parts=tuple(
            compare_labels(
                "filter", "on", "off", {"model": "small_base", "max_length": length}, _points(low, high), beyond=True
            )
            for length, low, high in (("shortest", 3, 5), ("middle", 1, 1), ("longest", 0, 0))
        ),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="S.practice",
        title=_GAINS,
        sentence="The recommendations of its practice table gain 7.1, 2.3, 1.5, 1.8, 3.2, 4.0 and 2.5 %.",
        source="summary",
        stands=f"{_STANDS}, practice table",
        studies=(),
        parts=(),
        why_not="our notes keep the numbers without their rows, so that no run can be named for them",
    ),
)
