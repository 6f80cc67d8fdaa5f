"""ROLL, the framework of the paper.

It has every mean and standard deviation, counts kept responses, and detects truncation by length.
"""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    MIXED,
    RAW,
    RESIDUE,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_norm,
    reward_functions,
)
from tricks.dialects.own_tricks import ResponseClip
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_FUNCTIONALS: Final = "roll/utils/functionals.py"
_WORKER: Final = "roll/pipeline/rlvr/actor_worker.py"
_VARIANTS_FILE: Final = "roll/pipeline/rlvr/actor_pg_worker.py"
_CORRECTION: Final = "roll/utils/train_infer_corrections.py"
_UNBOUND: Final = {"log_ratio_bound": None}

_ADVANTAGES: Final = (
    *(
        Variant(Normalize, f"{_FUNCTIONALS}:593", when, {**RESIDUE, "eps": 1e-6, "about": "own"})
        for when in (GROUP, BATCH, MIXED, {"mean": "none", "std": "batch"})
    ),
    *(
        Variant(Normalize, f"{_FUNCTIONALS}:595", when, SINGLE)
        for when in (CENTERED, {"mean": "batch", "std": "none"}, RAW)
    ),
    Variant(Whiten, f"{_FUNCTIONALS}:1181", BATCH, note="whiten_advantages, over kept tokens"),
    Variant(AdvantageClip, f"{_FUNCTIONALS}:1189", free=("low", "high"), note="one bound for both sides"),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_WORKER}:81",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="dual clip at 1 + 2 pg_clip, 1.4 unless pg_clip is moved too",
    ),
    Variant(
        SequenceClip,
        f"{_WORKER}:73",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high"),
        note="any aggregation",
        becomes=ResponseClip,
    ),
    Variant(ClippedWeight, f"{_VARIANTS_FILE}:222", {"low": 0.0, "high": 1.0}, _UNBOUND, note="pg_variant=tis"),
    Variant(
        ClippedWeight,
        f"{_VARIANTS_FILE}:333",
        then={**_UNBOUND, "low": 0.9, "high": 1.1},
        note="its configuration has no field for cispo_epsilon_low and cispo_epsilon_high, and drops them",
    ),
    Variant(PolicyGradient, f"{_VARIANTS_FILE}:208", note="pg_variant=vanilla"),
    Variant(
        TruncatedImportance,
        f"{_CORRECTION}:124",
        {"outside": "truncate", "floor": 0.0},
        free=("cap", "level"),
        note="is_weight, 1.2 unless set; weight_type has geometric and segment too",
    ),
    Variant(
        OverlongFilter,
        f"{_FUNCTIONALS}:696",
        then={"truncation": "length"},
        note="drops an answer that ends exactly at the limit; stays in the baseline",
    ),
    Variant(
        ZeroVarianceFilter,
        f"{_FUNCTIONALS}:603",
        note="difficulty_mask with thresholds 0 and 1, the same for rewards of 0 and 1",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_FUNCTIONALS}:253", {"scope": "update"}, note="since v0.2.0; a micro-batch before"),
    Variant(SequenceMean, f"{_FUNCTIONALS}:263", {"scope": "update"}),
    Variant(SequenceSum, f"{_FUNCTIONALS}:257", {"scope": "update"}),
    Variant(
        ConstantLength,
        f"{_FUNCTIONALS}:269",
        {"scope": "update"},
        {"length": "padded", "per_response": False},
        note="without the batch size; the width is that of prompt and response in its pipeline",
    ),
    Variant(
        KlLoss,
        f"{_WORKER}:55",
        {"estimator": "k3", "gradient": "own"},
        {"log_ratio_bound": None, "value_bound": 10.0},
        ("coef",),
    ),
    *(
        Variant(KlToGo, f"{_FUNCTIONALS}:627", {"estimator": estimator}, {**_UNBOUND, "value_bound": None}, ("coef",))
        for estimator in ("k1", "k2")
    ),
    Variant(EntropyBonus, f"{_WORKER}:113", free=("coef",)),
)

_FILTERED: Final = (Pattern(OverlongFilter), Pattern(ZeroVarianceFilter))
_REFUSALS: Final = (
    Refusal(
        Pattern(KlToGo, {"estimator": "k3"}),
        "accepts kl, abs, mse and full as kl_penalty, and no k3 although its function has it",
        "set estimator=k1",
        "roll/configs/base_config.py:527",
    ),
    Refusal(
        Pattern(EntropyBonus),
        "averages entropy over all responses, also those that a filter drops from the loss",
        "leave entropy_bonus out",
        f"{_WORKER}:116",
        beside=_FILTERED,
    ),
    *(
        refuse_norm(
            {"mean": mean, "std": "group"},
            "stops with a wrong shape where a group deviation does not go with a group mean",
            f"{_FUNCTIONALS}:593",
            "choose group_norm",
        )
        for mean in ("batch", "none")
    ),
    *(
        refuse_norm(
            when,
            "has no statistics of the others of a group; its means and standard deviations are of a group, a batch or "
            "a running estimate, which is not modeled",
            f"{_FUNCTIONALS}:564",
            "choose group_norm",
        )
        for when in ({"mean": "leave_one_out"}, {"std": "leave_one_out"})
    ),
    Refusal(
        Pattern(AdvantageClip, test=lambda trick: trick.low != -trick.high),
        "has one bound for both sides",
        "set low=-5.0 and high=5.0",
        f"{_FUNCTIONALS}:1189",
    ),
    Refusal(
        Pattern(TruncatedImportance, test=lambda trick: trick.outside == "drop" or trick.floor != 0.0),
        "bounds the weight above alone; its filters take tokens from the mask that the loss divides by, which is not "
        "modeled",
        "set outside=truncate and floor=0.0",
        f"{_CORRECTION}:141",
    ),
    Refusal(
        Pattern(KlLoss, test=lambda trick: trick.estimator != "k3" or trick.gradient != "own"),
        "has k3 alone as a loss",
        "set estimator=k3 and gradient=own",
        f"{_WORKER}:55",
    ),
    refuse_class(
        RewardClip, "bounds rewards after their normalization", f"{_FUNCTIONALS}:667", "choose advantage_clip"
    ),
    refuse_class(KlReward, "takes each token's KL after the baseline", f"{_FUNCTIONALS}:627", "choose kl_to_go"),
)

ROLL: Final = Dialect(
    "roll",
    "alibaba/ROLL",
    "8eb27cc",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling("roll/pipeline/rlvr/rlvr_config.py:70"),
        *reward_functions("roll/pipeline/rlvr/rewards/math_rule_reward_worker.py:242"),
    ),
    _REFUSALS,
)
