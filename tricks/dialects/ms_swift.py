"""ms-swift: TRL's losses with its own estimators, and a CISPO whose default bound shrinks every weight to 0.2."""

from typing import Any, Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
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
from tricks.dialects.own_tricks import ResponseClip
from tricks.dialects.parts_ms_swift import (
    GeometricImportance,
    ScaledLeaveOneOut,
    WeighedKl,
    WindowMean,
)
from tricks.dialects.parts_rounding import NormalizeAboutRoundedMean
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

RELEASES: Final = (
    *("3.10.0", "3.10.1", "3.10.2", "3.10.3", "3.11.0", "3.11.1", "3.11.2", "3.11.3"),
    *("3.12.0", "3.12.1", "3.12.2", "3.12.3", "3.12.4", "3.12.5", "3.12.6"),
    *("4.0.0", "4.0.1", "4.0.2", "4.0.3", "4.0.4", "4.1.0", "4.1.1", "4.1.2", "4.1.3"),
    *("4.2.0", "4.2.1", "4.2.2", "4.2.3", "4.3.0", "4.3.1", "4.3.2", "4.4.0", "4.4.1", "4.4.2"),
    *("4.5.0", "4.5.1", "4.5.2", "4.5.3", "4.6.0"),
)

_TRAINER: Final = "swift/rlhf_trainers/grpo_trainer.py"
_OLD: Final = "swift/trainers/rlhf_trainer/grpo_trainer.py"  # up to 3.12.6
_ADVANTAGE: Final = "swift/rl_core/advantage.py"
_ARGUMENTS: Final = "swift/arguments/rlhf_args.py"
_REWARDS: Final = "swift/rewards/orm.py"
_WHITENED: Final = (Pattern(Whiten),)
_NORMED: Final = (Pattern(Normalize, GROUP),)
_ALL_TOKENS: Final = (Pattern(TokenMean, {"scope": "update"}),)
_WEIGHED: Final = (Pattern(TruncatedImportance),)
_ABOUT_GROUP: Final[dict[str, Any]] = {**MIXED, "about": "group"}
_FREE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": None}
_BOUND: Final[dict[str, Any]] = {"log_ratio_bound": 20.0, "value_bound": 10.0}
_NO_WINDOW: Final = "has no loss over the tokens of the update (dapo and cispo came with 3.11.0)"

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_ADVANTAGE}:82", GROUP, {**RESIDUE, "eps": 1e-4}, apart=_WHITENED, since="4.0.0"),
    Variant(Normalize, f"{_OLD}:538", GROUP, {**RESIDUE, "eps": 1e-4}, until="3.12.6"),
    Variant(
        Normalize,
        f"{_ADVANTAGE}:89",
        GROUP,
        {**RESIDUE, "eps": 1e-8},
        beside=_WHITENED,
        note="scale_rewards=gdpo with one reward, about the rounded mean",
        becomes=NormalizeAboutRoundedMean,
        since="4.0.0",
    ),
    Variant(
        Normalize,
        f"{_ADVANTAGE}:75",
        _ABOUT_GROUP,
        {**RESIDUE, "eps": 1e-4},
        note="advantage_estimator=reinforce_plus_plus with scale_rewards=batch",
    ),
    Variant(Normalize, f"{_ADVANTAGE}:80", MIXED, {**RESIDUE, "eps": 1e-4}, note="scale_rewards=batch"),
    Variant(Normalize, f"{_ADVANTAGE}:70", CENTERED, SINGLE, note="scale_rewards=none"),
    Variant(
        Normalize,
        f"{_ADVANTAGE}:68",
        RLOO,
        SINGLE,
        note="advantage_estimator=rloo",
        becomes=ScaledLeaveOneOut,
    ),
    *(
        Variant(
            Normalize,
            f"{_ADVANTAGE}:{line}",
            {"mean": "leave_one_out", "std": std},
            {**RESIDUE, "eps": 1e-4},
            note=f"advantage_estimator=rloo with scale_rewards={std}",
            becomes=ScaledLeaveOneOut,
        )
        for std, line in (("group", 82), ("batch", 80))
    ),
    Variant(
        Whiten,
        f"{_ADVANTAGE}:93",
        {"weights": "sequence", **BATCH},
        {"eps": 1e-8, "eps_rule": "added", "include": "all"},
        beside=_NORMED,
        note="scale_rewards=gdpo with one reward",
        since="4.0.0",
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_TRAINER}:1052",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="delta above 1 + epsilon_high is a dual clip",
    ),
    Variant(
        SequenceClip,
        f"{_TRAINER}:1015",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="importance_sampling_level=sequence or sequence_token, with any of the clipped losses",
        becomes=ResponseClip,
    ),
    Variant(
        ClippedWeight,
        f"{_TRAINER}:1037",
        {"low": 0.0},
        {"high": 0.2, "log_ratio_bound": None},
        ("high",),
        beside=_ALL_TOKENS,
        note="high is epsilon_high itself, or epsilon where it is not set",
        since="3.11.0",
    ),
    *(
        Variant(
            TruncatedImportance,
            f"{_TRAINER}:{line}",
            {"level": level, "outside": outside, "floor": 0.0},
            free=("cap",),
            note=f"rollout_importance_sampling_mode={level}_{mode}" + (", by the geometric mean" if own else ""),
            becomes=own,
            since="3.11.0",
        )
        for level, outside, mode, line, own in (
            ("token", "truncate", "truncate", 2370, None),
            ("token", "drop", "mask", 2374, None),
            ("sequence", "truncate", "truncate", 2379, GeometricImportance),
            ("sequence", "drop", "mask", 2386, GeometricImportance),
        )
    ),
    Variant(
        OverlongFilter,
        f"{_TRAINER}:970",
        {"truncation": "finish_reason"},
        note="stays in the baseline",
    ),
)

_LOSSES: Final = (
    Variant(
        TokenMean,
        f"{_TRAINER}:1129",
        {"scope": "update"},
        {"count": "all"},
        note="loss_type=dapo, with steps_per_generation at its default",
        since="4.6.0",
    ),
    Variant(
        TokenMean,
        f"{_TRAINER}:1142",
        {"scope": "update"},
        {"count": "all"},
        note="loss_type=dapo, divided by gradient_accumulation_steps once too often",
        becomes=WindowMean,
        since="3.11.0",
        until="4.5.3",
    ),
    Variant(TokenMean, f"{_TRAINER}:1086", {"scope": "micro_batch"}, note="loss_type=bnpo"),
    Variant(SequenceMean, f"{_TRAINER}:1084", {"scope": "update"}, {"count": "all"}, note="loss_type=grpo"),
    Variant(
        ConstantLength,
        f"{_TRAINER}:1089",
        {"scope": "update"},
        {"length": "limit", "count": "all"},
        note="loss_type=dr_grpo",
    ),
    *(
        Variant(
            KlLoss,
            where,
            {"estimator": "k3", "gradient": "own"},
            bounds,
            ("coef",),
            beside=_WEIGHED if own else (),
            apart=() if own else _WEIGHED,
            note="the importance weights multiply it too" if own else "",
            becomes=own,
            since=since,
            until=until,
        )
        for where, bounds, since, until in (
            (f"{_TRAINER}:975", _BOUND, "4.0.4", ""),
            (f"{_TRAINER}:1135", _FREE, "", "4.0.3"),
        )
        for own in (None, WeighedKl)
    ),
    Variant(
        KlReward,
        f"{_TRAINER}:443",
        {"estimator": "k1"},
        _FREE,
        ("coef",),
        note="kl_in_reward, on by default with rloo and reinforce_plus_plus",
    ),
)

_REFUSALS: Final = (
    refuse_norm(RAW, "always subtracts the group mean", f"{_ADVANTAGE}:70", "choose group_mean"),
    refuse_norm(BATCH, "always subtracts the group mean", f"{_ADVANTAGE}:70", "choose group_mean_batch_std"),
    Refusal(
        Pattern(Whiten),
        "normalizes twice with gdpo alone, which came with 4.0.0",
        "leave token_whitening out",
        f"{_OLD}:536",
        until="3.12.6",
    ),
    Refusal(
        Pattern(Whiten, {"weights": "token"}),
        "does not weigh advantages by tokens",
        "set weights=sequence with group_norm",
        f"{_ADVANTAGE}:93",
        since="4.0.0",
    ),
    Refusal(
        Pattern(Whiten),
        "normalizes twice after a group norm alone",
        "choose group_norm",
        f"{_ADVANTAGE}:93",
        apart=_NORMED,
        since="4.0.0",
    ),
    Refusal(
        Pattern(TokenMean, {"scope": "update"}),
        _NO_WINDOW,
        "set scope=micro_batch",
        f"{_OLD}:1050",
        until="3.10.3",
    ),
    Refusal(Pattern(ClippedWeight), _NO_WINDOW, "choose clip", f"{_OLD}:1050", until="3.10.3"),
    Refusal(
        Pattern(ClippedWeight, test=lambda trick: trick.low != 0.0),
        "bounds the weight above alone",
        "set low=0.0 with token_mean",
        f"{_TRAINER}:1037",
        since="3.11.0",
    ),
    Refusal(
        Pattern(ClippedWeight),
        "divides this loss by the tokens of the update",
        "choose token_mean",
        f"{_TRAINER}:1129",
        apart=_ALL_TOKENS,
        since="3.11.0",
    ),
    Refusal(
        Pattern(TruncatedImportance),
        "does not correct for the sampler (rollout_importance_sampling_mode came with 3.11.0)",
        "leave truncated_is out",
        f"{_OLD}:981",
        until="3.10.3",
    ),
    Refusal(
        Pattern(TruncatedImportance, test=lambda trick: trick.floor != 0.0),
        "bounds the weight above alone",
        "set floor=0.0",
        f"{_TRAINER}:2370",
        since="3.11.0",
    ),
    Refusal(
        Pattern(KlReward),
        "turns kl_in_reward off with gdpo",
        "choose kl_loss",
        f"{_TRAINER}:2168",
        beside=_WHITENED,
    ),
    Refusal(
        Pattern(KlLoss),
        "adds the KL to the loss or takes it from the reward, one of the two",
        "leave kl_loss out",
        f"{_TRAINER}:973",
        beside=(Pattern(KlReward),),
    ),
    refuse_class(
        PolicyGradient,
        "always has a ratio; with one update a rollout the gradient is the same",
        f"{_TRAINER}:1025",
        "choose clip",
    ),
    refuse_class(SequenceSum, "divides by a length", f"{_TRAINER}:1089", "choose constant_length"),
    refuse_class(KlToGo, "takes the KL of the whole response", f"{_TRAINER}:444", "choose kl_reward"),
    refuse_class(EntropyBonus, "masks tokens by entropy and does not reward it", f"{_TRAINER}:962"),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        f"{_TRAINER}:650",
        "choose dynamic_sampling",
    ),
    refuse_class(
        RewardClip, "has no option that bounds rewards", f"{_ADVANTAGE}:57", "bound them in the task's reward"
    ),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_ADVANTAGE}:97"),
)

MS_SWIFT: Final = Dialect(
    "ms_swift",
    "modelscope/ms-swift",
    "v4.6.0",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling(f"{_TRAINER}:649", "dynamic_sample; after max_resample_times it trains the first batch whole"),
        soft_overlong(f"{_REWARDS}:216", "not bounded beyond the limit; soft_cache_length has to be set"),
        *reward_functions(f"{_REWARDS}:16"),
    ),
    _REFUSALS,
    besides=(f"kl_loss with coef=0.04 ({_ARGUMENTS}:357)",),
    releases=RELEASES,
)
