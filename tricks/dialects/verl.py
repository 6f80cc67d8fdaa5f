"""verl: float32 statistics, dual clip always on, denominators that count masked responses."""

from typing import Any, Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Rewrite,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_mixed_norm,
    refuse_norm,
    reward_functions,
    soft_overlong,
)
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_CORE: Final = "verl/trainer/ppo/core_algos.py"
_LOSSES_FILE: Final = "verl/workers/utils/losses.py"
_WEIGHTS: Final = "verl/trainer/ppo/rollout_corr_helper.py"
_REWARDS: Final = "verl/trainer/config/reward/reward.yaml:8"
_WHITENED: Final = (Pattern(Whiten),)
_RETURNS: Final = (Pattern(Normalize, RAW),)  # REINFORCE++ whitens the reward-to-go
_GSPO: Final = (Pattern(SequenceClip),)
_TERMS: Final = (Pattern(KlLoss), Pattern(EntropyBonus))  # averaged by the chosen aggregation, also with GSPO
_BY_LENGTH: Final = {**CENTERED, "weights": "token"}
_FREE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": None}
_BOUND: Final[dict[str, Any]] = {"log_ratio_bound": 20.0, "value_bound": 10.0}

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_CORE}:267", GROUP, {**RESIDUE, "eps": 1e-6, "single": "raw"}, apart=_WHITENED),
    Variant(
        Normalize,
        f"{_CORE}:362",
        GROUP,
        {**RESIDUE, "eps": 1e-6, "single": "raw"},
        beside=_WHITENED,
        note="gdpo with one reward",
    ),
    Variant(
        Normalize,
        f"{_CORE}:640",
        _BY_LENGTH,
        {**SINGLE, "single": "raw"},
        apart=_WHITENED,
        note="opo, the mean of the group weighed by length",
    ),
    Variant(Normalize, f"{_CORE}:328", CENTERED, {**SINGLE, "single": "raw"}),
    Variant(
        Normalize,
        f"{_CORE}:588",
        RLOO,
        {"single": "raw"},
        apart=_WHITENED,
        note="rloo_vectorized gives 0 alone",
    ),
    Variant(Normalize, f"{_CORE}:694", RAW, beside=_WHITENED, note="REINFORCE++"),
    Variant(Whiten, f"{_CORE}:536", BATCH, note="over response tokens, rsqrt(var + 1e-8)"),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_CORE}:1323",
        then={"dual_clip": 3.0, "log_ratio_bound": 20.0},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        required=("dual_clip",),
        note="dual clip cannot be turned off, only moved (clip_ratio_c)",
    ),
    Variant(
        SequenceClip,
        f"{_CORE}:1546",
        then={"log_ratio_bound": 10.0},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="the bound of 10 holds above alone; with advantages per token, GSPO-token",
    ),
    Variant(
        ClippedWeight, f"{_CORE}:2047", free=("low", "high"), note="bounds are 1 - clip_ratio_low, 1 + clip_ratio_high"
    ),
    Variant(PolicyGradient, f"{_CORE}:1707", note="policy loss gpg"),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:596",
        {"outside": "truncate", "floor": 0.0},
        free=("cap", "level"),
        note="rollout_is_threshold as a number",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:602",
        {"outside": "drop"},
        free=("cap", "floor", "level"),
        note='rollout_is_threshold as "floor_cap"',
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_CORE}:1170", {"scope": "update"}),
    Variant(SequenceMean, f"{_CORE}:1194", {"scope": "update"}, {"count": "all"}),
    Variant(SequenceSum, f"{_CORE}:1181", {"scope": "update"}, {"count": "all"}),
    Variant(
        ConstantLength,
        f"{_CORE}:1176",
        {"scope": "update", "per_response": False, "length": 1},
        {"count": "all"},
        note="token-sum, which divides by nothing",
    ),
    Variant(
        ConstantLength,
        f"{_CORE}:1189",
        {"scope": "update"},
        {"length": "padded", "count": "all"},
        ("length",),
        note="the padded width unless loss_scale_factor is set",
    ),
    *(
        Variant(
            KlLoss,
            f"{_CORE}:2187",
            {"estimator": "k3", "gradient": gradient},
            _BOUND,
            ("coef",),
            note="k3+, whose gradient no bound holds" if gradient == "k2" else "",
        )
        for gradient in ("own", "k2")
    ),
    *(
        Variant(KlLoss, f"{_CORE}:2187", {"estimator": estimator, "gradient": gradient}, _FREE, ("coef",))
        for estimator in ("k1", "k2")
        for gradient in ("own", "k2")
    ),
    *(
        Variant(cls, "verl/trainer/ppo/ray_trainer.py:78", {"estimator": estimator}, bounds, ("coef",))
        for cls in (KlReward, KlToGo)
        for estimator, bounds in (("k1", _FREE), ("k2", _FREE), ("k3", _BOUND))
    ),
    Variant(EntropyBonus, f"{_LOSSES_FILE}:124", free=("coef",)),
)

_REFUSALS: Final = (
    refuse_mixed_norm(f"{_CORE}:268", whitens=True),
    refuse_norm(
        BATCH,
        "has no statistics of the rewards of a batch, but a whitening over tokens",
        f"{_CORE}:694",
        "choose token_whitening",
    ),
    Refusal(
        Pattern(Normalize, RAW),
        "leaves rewards as they are only to whiten them, or with a critic",
        "choose group_mean",
        f"{_CORE}:694",
        apart=_WHITENED,
    ),
    Refusal(
        Pattern(Normalize, _BY_LENGTH),
        "does not whiten after opo",
        "set weights=sequence",
        f"{_CORE}:640",
        beside=_WHITENED,
    ),
    Refusal(
        Pattern(Normalize, RLOO),
        "does not whiten after rloo",
        "choose group_mean",
        f"{_CORE}:588",
        beside=_WHITENED,
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
    Refusal(
        Pattern(SequenceClip),
        "averages GSPO over responses, and KL and entropy by the chosen aggregation",
        "choose sequence_mean",
        f"{_CORE}:1603",
        beside=_TERMS,
        apart=(Pattern(SequenceMean, {"scope": "update"}),),
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "drop", "floor": 0.0}),
        "drops outside of two bounds, both above 0",
        "set floor=0.5",
        f"{_WEIGHTS}:125",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "truncate"}, test=lambda trick: trick.floor != 0.0),
        "bounds the weight above alone unless it drops",
        "set outside=drop",
        f"{_WEIGHTS}:596",
    ),
    Refusal(
        Pattern(ConstantLength, {"per_response": False}, test=lambda trick: trick.length != 1),
        "has token-sum, which divides by nothing",
        "set length=1",
        f"{_CORE}:1176",
    ),
    refuse_class(
        OverlongFilter, "has no loss mask for truncated responses", f"{_LOSSES_FILE}:89", "choose soft_overlong"
    ),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        "verl/trainer/ppo/v1/replay_buffer.py:295",
        "choose dynamic_sampling",
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
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling(
            "verl/trainer/ppo/v1/replay_buffer.py:295",
            "filter_groups, whose metric has to be named; its cap on batches is ignored with a warning",
        ),
        soft_overlong("verl/experimental/reward_loop/reward_manager/dapo.py:113", "not bounded beyond the limit"),
        *reward_functions(_REWARDS),
    ),
    _REFUSALS,
    (
        Rewrite(
            "loss_weights",
            SequenceMean(),
            f"{_CORE}:1603",
            _GSPO,
            note="GSPO ignores the aggregation chosen",
            apart=_TERMS,
        ),
    ),
)
