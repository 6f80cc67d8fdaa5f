"""verl: float32 statistics, dual clip since 0.4.0, denominators that changed in 0.6.1, 0.7.1 and 0.8.0."""

from dataclasses import replace
from typing import Any, Final

from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    MIXED,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.parts_verl import GappedWhiten
from tricks.dialects.verl_losses import LOSS_REFUSALS, LOSS_REWRITES, LOSSES
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.normalization import Normalize, Whiten
from tricks.regularization import KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip

RELEASES: Final = (
    "0.1",
    "0.2",
    "0.2.0.post1",
    "0.2.0.post2",
    "0.3.0.post0",
    "0.3.0.post1",
    "0.4.0",
    "0.4.1",
    "0.5.0",
    "0.6.0",
    "0.6.1",
    "0.7.0",
    "0.7.1",
    "0.8.0",
    "0.9.0",
    "0.9.1",
)

_CORE: Final = "verl/trainer/ppo/core_algos.py"
_TRAINER: Final = "verl/trainer/ppo/ray_trainer.py"
_REWARDS: Final = "verl/trainer/config/reward/reward.yaml:8"
_GROUPS: Final = "verl/trainer/ppo/v1/replay_buffer.py:295"
_SOFT_OVERLONG: Final = "verl/experimental/reward_loop/reward_manager/dapo.py:113"
_WHITENED: Final = (Pattern(Whiten),)
_RETURNS: Final = (Pattern(Normalize, RAW),)  # REINFORCE++ whitens the reward-to-go
_BY_LENGTH: Final = {**CENTERED, "weights": "token"}
_FREE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": None}
_VALUE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": 10.0}
_BOUND: Final[dict[str, Any]] = {"log_ratio_bound": 20.0, "value_bound": 10.0}

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_CORE}:267", GROUP, {**RESIDUE, "eps": 1e-6, "single": "raw"}, apart=_WHITENED, since="0.2"),
    Variant(
        Normalize,
        f"{_CORE}:362",
        GROUP,
        {**RESIDUE, "eps": 1e-6, "single": "raw"},
        beside=_WHITENED,
        note="gdpo with one reward",
        since="0.7.1",
    ),
    Variant(
        Normalize,
        f"{_CORE}:640",
        _BY_LENGTH,
        {**SINGLE, "single": "raw"},
        apart=_WHITENED,
        note="opo, the mean of the group weighed by length",
        since="0.4.0",
    ),
    Variant(Normalize, f"{_CORE}:328", CENTERED, {**SINGLE, "single": "raw"}, since="0.4.0"),
    Variant(
        Normalize,
        f"{_CORE}:832",
        {**RLOO, "single": "zero"},
        asked=("single",),
        apart=_WHITENED,
        note="rloo_vectorized, which gives 0 alone",
        since="0.6.0",
    ),
    Variant(Normalize, f"{_CORE}:588", RLOO, {"single": "raw"}, apart=_WHITENED, since="0.3.0.post0"),
    Variant(Normalize, f"{_CORE}:694", RAW, beside=_WHITENED, note="REINFORCE++", since="0.2"),
    Variant(
        Whiten,
        f"{_CORE}:694",
        BATCH,
        beside=_RETURNS,
        note="over response tokens, rsqrt(var + 1e-8); returns before a gap in the mask are lost",
        becomes=GappedWhiten,
        since="0.2",
        until="0.8.0",
    ),
    Variant(Whiten, f"{_CORE}:536", BATCH, note="over response tokens, rsqrt(var + 1e-8)"),
)

_REWARD_TERMS: Final = tuple(
    Variant(cls, f"{_TRAINER}:78", {"estimator": estimator}, bounds, ("coef",), since=since, until=until)
    for cls in (KlReward, KlToGo)
    for estimator, bounds, since, until in (
        ("k1", _FREE, "", ""),
        ("k2", _FREE, "", ""),
        ("k3", _VALUE, "0.2", "0.4.0"),
        ("k3", _BOUND, "0.4.1", ""),
    )
)


def _refuse_norms(since: str, until: str, centered: str, raw: str) -> tuple[Refusal, ...]:
    """Return the refusals of normalizations that no release has.

    Args:
        since: The first release for which the ways out exist.
        until: The last one.
        centered: What to choose in place of a raw reward.
        raw: What to choose in place of the standard deviation of a batch.

    Returns:
        Refusals of Lite PPO's and of batch statistics, and of raw rewards that are not whitened.

    """
    return (
        Refusal(
            Pattern(Normalize, MIXED),
            "has no standard deviation of the rewards of a batch",
            raw,
            f"{_CORE}:268",
            since=since,
            until=until,
        ),
        Refusal(
            Pattern(Normalize, RAW),
            "leaves rewards as they are only to whiten them, or with a critic",
            centered,
            f"{_CORE}:694",
            apart=_WHITENED,
            since=since,
            until=until,
        ),
    )


_NORM_REFUSALS: Final = (
    Refusal(
        Pattern(Normalize),
        "has no advantages without a critic (GAE alone)",
        "",
        f"{_TRAINER}:106",
        until="0.1",
    ),
    *_refuse_norms("0.2", "0.3.0.post1", "choose group_norm", "choose group_norm"),
    *_refuse_norms("0.4.0", "", "choose group_mean", "choose group_norm, or group_mean with token_whitening"),
    refuse_norm(
        BATCH,
        "has no statistics of the rewards of a batch, but a whitening over tokens",
        f"{_CORE}:694",
        "choose token_whitening",
    ),
    Refusal(
        Pattern(Normalize, _BY_LENGTH),
        "has no opo, whose mean of a group is weighed by length",
        "choose group_norm",
        f"{_CORE}:111",
        apart=_WHITENED,
        until="0.3.0.post1",
    ),
    Refusal(
        Pattern(Normalize, CENTERED),
        "always divides by the standard deviation of the group",
        "choose group_norm",
        f"{_CORE}:151",
        apart=_WHITENED,
        until="0.3.0.post1",
    ),
    Refusal(
        Pattern(Normalize, CENTERED),
        "whitens raw rewards alone (REINFORCE++), not those less group_mean",
        "",
        f"{_CORE}:157",
        beside=_WHITENED,
        until="0.3.0.post1",
    ),
    Refusal(
        Pattern(Normalize, _BY_LENGTH),
        "does not whiten after opo",
        "set weights=sequence",
        f"{_CORE}:640",
        beside=_WHITENED,
        since="0.4.0",
    ),
    Refusal(
        Pattern(Normalize, GROUP),
        "does not whiten after group_norm",
        "",
        f"{_CORE}:111",
        beside=_WHITENED,
        until="0.3.0.post1",
    ),
    Refusal(
        Pattern(Normalize, GROUP),
        "does not whiten after group_norm (gdpo does from 0.7.1)",
        "choose group_mean",
        f"{_CORE}:268",
        beside=_WHITENED,
        since="0.4.0",
        until="0.7.0",
    ),
    Refusal(Pattern(Normalize, RLOO), "has no rloo", "", f"{_CORE}:111", beside=_WHITENED, until="0.2.0.post2"),
    Refusal(
        Pattern(Normalize, RLOO),
        "has no rloo",
        "choose group_norm",
        f"{_CORE}:111",
        apart=_WHITENED,
        until="0.2.0.post2",
    ),
    Refusal(
        Pattern(Normalize, RLOO),
        "does not whiten after rloo",
        "",
        f"{_CORE}:157",
        beside=_WHITENED,
        since="0.3.0.post0",
        until="0.3.0.post1",
    ),
    Refusal(
        Pattern(Normalize, RLOO),
        "does not whiten after rloo",
        "choose group_mean",
        f"{_CORE}:588",
        beside=_WHITENED,
        since="0.4.0",
    ),
)

_REFUSALS: Final = (
    *_NORM_REFUSALS,
    *(
        Refusal(
            Pattern(cls),
            "takes the KL in the reward or as a loss, not both",
            "",
            f"{_TRAINER}:917",
            beside=(Pattern(KlLoss),),
            until="0.3.0.post1",
        )
        for cls in (KlReward, KlToGo)
    ),
    Refusal(
        Pattern(KlReward),
        "takes the KL-to-go where it whitens returns",
        "choose kl_to_go",
        f"{_CORE}:720",
        beside=_RETURNS,
    ),
    Refusal(
        Pattern(KlReward),
        "leaves the KL out of gdpo's rewards",
        "choose kl_loss",
        f"{_CORE}:413",
        beside=_WHITENED,
        apart=(Pattern(Normalize, RAW), Pattern(Normalize, CENTERED)),
    ),
    Refusal(
        Pattern(KlToGo),
        "takes the KL-to-go only from raw rewards (REINFORCE++; ReMax and critics are not modeled)",
        "choose kl_reward",
        f"{_CORE}:720",
        apart=_RETURNS,
    ),
    *LOSS_REFUSALS,
    refuse_class(
        OverlongFilter,
        "has no loss mask for truncated responses",
        "verl/workers/utils/losses.py:89",
        "choose soft_overlong",
    ),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        _GROUPS,
        "choose dynamic_sampling",
    ),
    Refusal(
        Pattern(DynamicSampling),
        "draws no other groups",
        "",
        f"{_TRAINER}:800",
        until="0.3.0.post1",
    ),
    refuse_class(RewardClip, "has no option that bounds rewards", _REWARDS, "bound them in the task's reward"),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_CORE}:268"),
)

VERL: Final = Dialect(
    "verl",
    "verl-project/verl",
    "1dda039",
    (
        *_ADVANTAGES,
        *LOSSES,
        *_REWARD_TERMS,
        replace(
            dynamic_sampling(
                "recipe/dapo/dapo_ray_trainer.py:200",
                "filter_groups of the recipe dapo, which the package does not hold; it stops the run at its cap",
            ),
            until="0.8.0",
        ),
        replace(
            dynamic_sampling(
                "verl/trainer/ppo/v1/trainer_base.py:208",
                "filter_groups, whose metric has to be named; its cap on batches is ignored with a warning",
            ),
            since="0.9.0",
            until="0.9.0",
        ),
        replace(
            dynamic_sampling(
                _GROUPS,
                "filter_groups by the reward before the KL (metric=reward); its cap on batches is ignored with a "
                "warning, a group that is drawn anew takes two others with it",
            ),
            since="0.9.1",
        ),
        replace(soft_overlong(_SOFT_OVERLONG, "not bounded beyond the limit"), since="0.4.0"),
        *reward_functions(_REWARDS),
    ),
    _REFUSALS,
    LOSS_REWRITES,
    releases=RELEASES,
)
