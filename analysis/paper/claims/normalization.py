"""Takeaways 1 to 3: advantage normalization (arXiv:2508.08221).

They are from section 4.1 and Figs. 4, 5, 6 and 18.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from analysis.claims import Claim, compare_labels

if TYPE_CHECKING:
    from analysis.claims import ClaimPart, Expect

BASES: Final = ("small_base", "large_base")
ALIGNED: Final = ("small_aligned", "large_aligned")
FALL: Final = "fall(rollout/accuracy)"  # from the best five steps to the last five
_FIG_4: Final = (
    *({"model": model, "difficulty": difficulty} for model, difficulty in product(BASES, ("easy", "hard"))),
    *({"model": model, "difficulty": "medium"} for model in ALIGNED),
)
_FIG_6: Final = tuple({"model": model, "difficulty": tier} for model, tier in product(BASES, ("easy", "hard")))
_FIG_18: Final = tuple({"model": model, "difficulty": tier} for model, tier in product(BASES, ("easy", "medium")))
_ONE: Final = "Group norm holds at either reward scale; batch norm only at the larger"
_TWO: Final = "With concentrated rewards, leave out the standard deviation"
_THREE: Final = "Group mean, batch standard deviation"
_SCALE: Final = ("reward_scale", "plus_minus_one", "zero_one")


def _without_deviation(tier: str, expect: Expect) -> tuple[ClaimPart, ...]:
    """Return the parts that compare advantages without and with the standard deviation.

    The caption names the batch mean, and the values fit the small model. All other settings are our extension.
    """
    return tuple(
        compare_labels(
            "norm",
            f"{level}_mean",
            level,
            {"model": model, "difficulty": tier},
            expect,
            beyond=(level, model) != ("batch", "small_base"),
        )
        for model, level in product(BASES, ("batch", "group"))
    )


CLAIMS: Final = (
    Claim(
        id="T1.group",
        title=_ONE,
        sentence="With rewards of 0 and 1, group norm ends above batch norm.",
        source="paper",
        stands="v1 Takeaway 1; v3 contribution 1 and Fig. 4",
        studies=("p1_norm_level",),
        parts=tuple(compare_labels("norm", "group", "batch", where) for where in _FIG_4),
    ),
    Claim(
        id="T1.none",
        title=_ONE,
        sentence="With rewards of 0 and 1, group norm ends above raw rewards.",
        source="paper",
        stands="v3 Fig. 4",
        studies=("p1_norm_level",),
        parts=tuple(compare_labels("norm", "group", "none", where) for where in _FIG_4),
    ),
    Claim(
        id="T1.stable",
        title=_ONE,
        sentence="With rewards of 0 and 1, batch norm loses more of what it had reached than group norm does.",
        source="paper",
        stands="v3 section 4.1 and Fig. 4: unstable under skewed rewards",
        studies=("p1_norm_level",),
        parts=tuple(compare_labels("norm", "batch", "group", where, metric=FALL) for where in _FIG_4),
    ),
    Claim(
        id="T1.batch_scale",
        title=_ONE,
        sentence="Batch norm gains from rewards of -1 and 1.",
        source="paper",
        stands="v1 Takeaway 1; v3 Fig. 18",
        studies=("p1b_reward_scale",),
        parts=tuple(
            compare_labels(*_SCALE, {**where, "norm": "batch"}, beyond=where["model"] == "small_base")
            for where in _FIG_18
        ),
    ),
    Claim(
        id="T1.group_scale",
        title=_ONE,
        sentence="Group norm is as good at either scale.",
        source="paper",
        stands="v1 Takeaway 1",
        studies=("p1b_reward_scale",),
        parts=tuple(compare_labels(*_SCALE, {**where, "norm": "group"}, "same", beyond=True) for where in _FIG_18),
    ),
    Claim(
        id="T2.easy",
        title=_TWO,
        sentence="On easy data, an advantage without the deviation ends higher.",
        source="paper",
        stands="Takeaway 2; v3 Fig. 5 right, top; the model is not named",
        studies=("p2_std_removal",),
        parts=_without_deviation("easy", "more"),
    ),
    Claim(
        id="T2.hard",
        title=_TWO,
        sentence="On hard data, leaving out the deviation changes nothing.",
        source="paper",
        stands="v3 Fig. 5 right, bottom; the model is not named",
        studies=("p2_std_removal",),
        parts=_without_deviation("hard", "same"),
    ),
    Claim(
        id="T2.why",
        title=_TWO,
        sentence="Rewards concentrate on easy data: at the end they deviate less there than on hard data.",
        source="paper",
        stands="v3 Fig. 5 left",
        studies=("p2_std_removal",),
        parts=(
            compare_labels(
                "difficulty",
                "easy",
                "hard",
                {"model": "small_base", "norm": "batch"},
                "less",
                metric="train/reward/std",
            ),
        ),
    ),
    Claim(
        id="T3.std",
        title=_THREE,
        sentence="After the group mean, the deviation of the batch ends higher than that of the group.",
        source="paper",
        stands="Takeaway 3; v3 Fig. 6",
        studies=("p3_std_scope",),
        parts=tuple(compare_labels("std", "batch", "group", where) for where in _FIG_6),
    ),
    Claim(
        id="T3.why",
        title=_THREE,
        sentence="The deviation of the batch gives smaller gradients.",
        source="paper",
        stands="v3 section 4.1, as the reason",
        studies=("p3_std_scope",),
        parts=tuple(
            compare_labels("std", "batch", "group", where, "less", metric="train/update/grad_norm") for where in _FIG_6
        ),
    ),
)
