"""The paper's advice by question, with the claims that test it (arXiv:2508.08221)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, get_args

from analysis.guide.scenario import Length, Rewards

if TYPE_CHECKING:
    from analysis.guide.scenario import Scenario

_BASES: Final = ("small_base", "large_base")
_ALIGNED: Final = ("small_aligned", "large_aligned")
ROLES: Final = (*_BASES, *_ALIGNED)


@dataclass(frozen=True, slots=True)
class Rule:
    """A piece of advice for the cases that it fits."""

    question: str
    do: str
    instead: str  # used if the user's own runs contradict the advice
    paper: str  # the paper's evidence
    ran: tuple[str, ...]  # roles of the models that the paper ran for it
    claims: tuple[str, ...]  # the advice is right if these hold
    grid: str  # the grid that tests it
    roles: tuple[str, ...] = ROLES
    lengths: tuple[Length, ...] = get_args(Length)
    rewards: tuple[Rewards, ...] = get_args(Rewards)
    tiers: tuple[str, ...] = ()  # difficulties whose parts of the claims count; empty: all
    absent: tuple[str, ...] = ()  # profile and role of models that the grid lacks, even in full

    def fits(self, case: Scenario) -> bool:
        """Return True if the rule applies to this case."""
        return case.role in self.roles and case.length in self.lengths and case.rewards in self.rewards


def _gpu(*roles: str) -> tuple[str, ...]:
    return tuple(f"gpu {role}" for role in roles)


_ADVANTAGE: Final = (
    Rule(
        question="advantage",
        do="group_mean: subtract the mean, divide by nothing",
        instead="keep the standard deviation: group_norm or group_mean_batch_std",
        paper="Takeaway 2, Fig. 5: on easy data steadier and higher without it; model not named, perhaps small base",
        ran=("small_base",),
        claims=("T2.easy",),
        grid="p2_std_removal",
        absent=("laptop small_aligned", "laptop large_aligned", *_gpu("large_base", *_ALIGNED)),
        rewards=("concentrated",),
    ),
    Rule(
        question="advantage",
        do="group_mean_batch_std: group mean, batch standard deviation",
        instead="group_norm",
        paper="Takeaway 3, Fig. 6: ends higher than the group standard deviation on both base models",
        ran=_BASES,
        claims=("T3.std",),
        grid="p3_std_scope",
        roles=_BASES,
        rewards=("spread",),
        tiers=("hard",),
    ),
    Rule(
        question="advantage",
        do="group_norm",
        instead="batch_norm",
        paper="Fig. 4: steadier and higher than batch norm on both aligned models; none with group mean and batch std",
        ran=_ALIGNED,
        claims=("T1.group",),
        grid="p1_norm_level",
        roles=_ALIGNED,
        rewards=("spread",),
    ),
)
_LOSS: Final = (
    Rule(
        question="loss",
        do="token_mean: all tokens have the same weight",
        instead="sequence_mean",
        paper="Takeaway 7, Figs. 12 and 17: faster, higher and steadier on the large base model",
        ran=("large_base",),
        claims=("T7.base",),
        grid="p7_loss_agg",
        absent=_gpu("small_base"),
        roles=_BASES,
    ),
    Rule(
        question="loss",
        do="sequence_mean: all responses have the same weight",
        instead="token_mean",
        paper="Takeaway 7, Fig. 12: higher in most panels on the large aligned model",
        ran=("large_aligned",),
        claims=("T7.aligned",),
        grid="p7_loss_agg",
        absent=_gpu("small_aligned"),
        roles=_ALIGNED,
    ),
)
_BOUND: Final = (
    Rule(
        question="upper clip bound",
        do="0.20: leave clip_higher out",
        instead="clip_higher: 0.28",
        paper="Takeaway 4, Fig. 8: no gain or a loss on both base models",
        ran=_BASES,
        claims=("T4.base",),
        grid="p4_clip_higher",
        roles=_BASES,
    ),
    Rule(
        question="upper clip bound",
        do="clip_higher={clip_ratio_high: 0.32}",
        instead="0.20: leave clip_higher out",
        paper="Takeaways 4 and 6, Figs. 8 and 11: higher with each larger upper end of the clip range",
        ran=("small_aligned",),
        claims=("T6.small",),
        grid="p6_clip_sweep",
        roles=("small_aligned",),
    ),
    Rule(
        question="upper clip bound",
        do="clip_higher: 0.28",
        instead="0.20: leave clip_higher out",
        paper="Takeaways 4 and 6, Figs. 8 and 11: best at 0.28, no trend beyond",
        ran=("large_aligned",),
        claims=("T4.aligned",),
        grid="p4_clip_higher",
        roles=("large_aligned",),
    ),
)
_TRUNCATED_ABSENT: Final = ("laptop large_base", "laptop large_aligned", *_gpu("small_base", "small_aligned"))
_TRUNCATED: Final = (
    Rule(
        question="truncated responses",
        do="overlong_filter: drop them from the loss",
        instead="keep them in the loss",
        paper="Takeaway 8, Fig. 13: a clear gain at 8k tokens on both large models",
        ran=("large_base", "large_aligned"),
        claims=("T8.short",),
        grid="p8_overlong",
        absent=_TRUNCATED_ABSENT,
        lengths=("short",),
    ),
    Rule(
        question="truncated responses",
        do="overlong_filter: drop them from the loss",
        instead="keep them in the loss",
        paper="Takeaway 8, Fig. 13: a smaller gain at 16k tokens on the large base model",
        ran=("large_base",),
        claims=("T8.middle",),
        grid="p8_overlong",
        absent=(*_TRUNCATED_ABSENT, "laptop small_aligned", *_gpu("large_aligned")),
        lengths=("medium",),
    ),
    Rule(
        question="truncated responses",
        do="keep them in the loss",
        instead="overlong_filter: drop them from the loss",
        paper="Takeaway 8, Fig. 13: little gain at 20k tokens on the large base model, and longer responses",
        ran=("large_base",),
        claims=("T8.long",),
        grid="p8_overlong",
        absent=(*_TRUNCATED_ABSENT, "laptop small_aligned", *_gpu("large_aligned")),
        lengths=("long",),
    ),
)
_LITEPPO: Final = Rule(
    question="recipe",
    do="preset=liteppo: group_mean_batch_std and token_mean, nothing else",
    instead="preset=grpo, and single tricks on top of it",
    paper="Fig. 15, hard data: far ahead of GRPO and DAPO on the small model, eight to ten points on the large one",
    ran=_BASES,
    claims=("R.grpo", "R.dapo"),
    grid="p9_liteppo_main",
    roles=_BASES,
    rewards=("spread",),
    tiers=("hard",),
)
_RECIPES: Final = (
    _LITEPPO,
    replace(
        _LITEPPO,
        paper="Fig. 15, easy data: far ahead of GRPO and DAPO on the small model, two points on the large one",
        rewards=("concentrated",),
        tiers=("easy",),
    ),
)
_ALIGNED_RECIPE: Final = Rule(
    question="recipe",
    do="the rows above instead of a recipe; among recipes, preset=liteppo",
    instead="preset=dapo",
    paper="not in the paper; second-hand of its conference version: mean above DAPO's on the large aligned model",
    ran=("large_aligned",),
    claims=("R.aligned",),
    grid="p11_iclr_ext",
    roles=_ALIGNED,
    absent=_gpu("small_aligned"),
)
RULES: Final = (*_ADVANTAGE, *_LOSS, *_BOUND, *_TRUNCATED, *_RECIPES, _ALIGNED_RECIPE)
