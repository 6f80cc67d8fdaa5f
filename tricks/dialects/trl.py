"""TRL: epsilon 1e-4, masked responses in the sequence mean, loss types with an aggregation.

The rows are those of GRPOTrainer in the released packages. Line numbers are those of the row's last release, and of
1.16.0 where it holds today.
"""

from dataclasses import replace
from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    MIXED,
    RESIDUE,
    SINGLE,
    Dialect,
    Pattern,
    Rewrite,
    Variant,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.own_tricks import ResponseClip
from tricks.dialects.parts_trl import MeanTokenMean, OnPolicyRatio, ResponseRatioKl, RolloutTokenMean
from tricks.dialects.trl_refusals import ALL_TOKENS, CONFIG, GSPO, NORMED, REFUSALS, TRAINER
from tricks.filtering import OverlongFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

RELEASES: Final = (
    *("0.14.0", "0.15.0", "0.15.1", "0.15.2", "0.16.0", "0.16.1", "0.17.0", "0.18.0", "0.18.1", "0.18.2", "0.19.0"),
    *("0.19.1", "0.20.0", "0.21.0", "0.22.0", "0.22.1", "0.22.2", "0.23.0", "0.23.1", "0.24.0", "0.25.0", "0.25.1"),
    *("0.26.0", "0.26.1", "0.26.2", "0.27.0", "0.27.1", "0.27.2", "0.28.0", "0.29.0", "0.29.1", "1.0.0", "1.1.0"),
    *("1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.5.1", "1.6.0", "1.7.0", "1.7.1", "1.8.0", "1.9.0", "1.9.1", "1.9.2"),
    *("1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.14.1", "1.14.2", "1.15.0", "1.16.0"),
)

_MICRO: Final = (Pattern(TokenMean, {"scope": "micro_batch"}),)
_UNBOUNDED: Final = {"log_ratio_bound": None, "value_bound": None}

_ADVANTAGES: Final = (
    Variant(
        Normalize,
        f"{TRAINER}:2787",
        GROUP,
        {**RESIDUE, "eps": 1e-4},
        note="scale_rewards=group; in 0.22.0 and 0.22.1 that divides by nothing, and none gives this",
    ),
    Variant(
        Normalize,
        f"{TRAINER}:2777",
        MIXED,
        {**RESIDUE, "eps": 1e-4, "about": "own"},
        note="scale_rewards=batch",
        since="0.22.2",
    ),
    Variant(Normalize, f"{TRAINER}:2785", CENTERED, SINGLE, since="0.16.0"),
    Variant(
        Whiten,
        f"{TRAINER}:2799",
        {"weights": "sequence", **BATCH},
        {"eps": 1e-4, "eps_rule": "added", "include": "all"},
        beside=NORMED,
        note="multi_objective_aggregation=normalize_then_sum with one reward",
        since="0.27.0",
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{TRAINER}:1212",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        since="0.16.0",
        until="0.17.0",
    ),
    Variant(
        Clip,
        f"{TRAINER}:3113",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="delta above 1 + epsilon_high is a dual clip",
        since="0.18.0",
    ),
    Variant(
        SequenceClip,
        f"{TRAINER}:3087",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="importance_sampling_level=sequence, with any loss type",
        becomes=ResponseClip,
        since="0.20.0",
    ),
    Variant(
        ClippedWeight,
        f"{TRAINER}:3110",
        {"low": 0.0},
        {"log_ratio_bound": None},
        ("high",),
        beside=ALL_TOKENS,
        note="high is epsilon_high itself, not 1 + epsilon_high",
        since="0.26.0",
    ),
    Variant(PolicyGradient, f"{TRAINER}:711", note="the only surrogate", becomes=OnPolicyRatio, until="0.15.2"),
    Variant(
        OverlongFilter,
        f"{TRAINER}:2490",
        then={"truncation": "last_token"},
        note="truncated unless the last token is EOS or padding (from 1.14.2 any EOS of the model); stays in the "
        "baseline",
        since="0.17.0",
    ),
)

_CORRECTIONS: Final = (
    Variant(
        TruncatedImportance,
        f"{TRAINER}:1542",
        {"floor": 0.0, "level": "token", "outside": "truncate"},
        free=("cap",),
        note="with vLLM alone",
        since="0.23.0",
        until="0.25.1",
    ),
    Variant(
        TruncatedImportance,
        f"{TRAINER}:2086",
        {"floor": 0.0},
        free=("cap", "level", "outside"),
        note="with vLLM alone; its level is sequence, and it drops, unless told otherwise",
        since="0.26.0",
        until="1.5.1",
    ),
    Variant(
        TruncatedImportance,
        f"{TRAINER}:2686",
        free=("cap", "floor", "level", "outside"),
        note="with vLLM alone; its level is sequence, and it drops, unless told otherwise",
        since="1.6.0",
    ),
)

_LOSSES: Final = (
    Variant(
        TokenMean,
        f"{TRAINER}:1890",
        then={"scope": "micro_batch"},
        note="the only mean in 0.16, bnpo from 0.17.0",
        since="0.16.0",
        until="0.21.0",
    ),
    Variant(
        TokenMean,
        f"{TRAINER}:3006",
        {"scope": "update"},
        {"count": "all"},
        note="dapo; divides every update by the tokens of the whole rollout, truncated responses included",
        becomes=RolloutTokenMean,
        since="0.22.0",
        until="1.8.0",
    ),
    Variant(
        TokenMean,
        f"{TRAINER}:3140",
        {"scope": "update"},
        note="dapo; divides every update by the tokens of the whole rollout",
        becomes=RolloutTokenMean,
        since="1.9.0",
        until="1.9.0",
    ),
    Variant(
        TokenMean,
        f"{TRAINER}:3172",
        {"scope": "update"},
        note="dapo; divides every update by the mean number of tokens of the rollout's updates",
        becomes=MeanTokenMean,
        since="1.9.1",
    ),
    Variant(TokenMean, f"{TRAINER}:3158", {"scope": "micro_batch"}, note="bnpo", since="0.22.0"),
    Variant(
        SequenceMean,
        f"{TRAINER}:713",
        {"scope": "update"},
        {"count": "all"},
        note="the only mean",
        until="0.15.2",
    ),
    Variant(SequenceMean, f"{TRAINER}:3154", {"scope": "update"}, {"count": "all"}, note="grpo", since="0.17.0"),
    Variant(
        SequenceSum,
        f"{TRAINER}:3146",
        {"scope": "update"},
        {"count": "all"},
        beside=GSPO,
        note="luspo with importance_sampling_level=sequence",
        since="0.28.0",
        until="1.9.2",
    ),
    Variant(SequenceSum, f"{TRAINER}:3179", {"scope": "update"}, {"count": "all"}, note="luspo", since="1.10.0"),
    Variant(
        ConstantLength,
        f"{TRAINER}:3163",
        {"scope": "update"},
        {"length": "limit", "count": "all"},
        note="dr_grpo; the limit is max_completion_length, 256 by default and 512 from 1.10.0",
        since="0.17.0",
    ),
)

_REGULARIZATION: Final = (
    Variant(
        KlLoss,
        f"{TRAINER}:1794",
        {"estimator": "k3", "gradient": "own"},
        _UNBOUNDED,
        ("coef",),
        until="0.25.1",
    ),
    Variant(
        KlLoss,
        f"{TRAINER}:3075",
        {"estimator": "k3"},
        {"gradient": "own", **_UNBOUNDED},
        ("coef", "gradient"),
        beside=GSPO,
        note="use_bias_correction_kl multiplies by the response's ratio",
        becomes=ResponseRatioKl,
        since="0.26.0",
        until="1.9.2",
    ),
    Variant(
        KlLoss,
        f"{TRAINER}:3075",
        {"estimator": "k3"},
        {"gradient": "own", **_UNBOUNDED},
        ("coef", "gradient"),
        note="use_bias_correction_kl is gradient=ratio",
        since="0.26.0",
        until="1.9.2",
    ),
    Variant(
        KlLoss,
        f"{TRAINER}:3105",
        {"estimator": "k3"},
        {"gradient": "ratio", **_UNBOUNDED},
        ("coef", "gradient"),
        beside=GSPO,
        note="use_bias_correction_kl multiplies by the response's ratio, and is on by default",
        becomes=ResponseRatioKl,
        since="1.10.0",
    ),
    Variant(
        KlLoss,
        f"{TRAINER}:3105",
        {"estimator": "k3"},
        {"gradient": "ratio", **_UNBOUNDED},
        ("coef", "gradient"),
        note="use_bias_correction_kl is gradient=ratio, and on by default",
        since="1.10.0",
    ),
    Variant(
        EntropyBonus,
        f"{TRAINER}:3171",
        free=("coef",),
        beside=(Pattern(TokenMean),),
        note="over the tokens of the update with dapo and cispo, of the micro-batch with the other losses",
        since="1.8.0",
        until="1.9.2",
    ),
    Variant(
        EntropyBonus,
        f"{TRAINER}:3199",
        free=("coef",),
        beside=_MICRO,
        note="over the tokens of the micro-batch whatever the loss",
        since="1.10.0",
    ),
)

_REWRITES: Final = (
    Rewrite(
        "surrogate",
        OnPolicyRatio(),
        f"{TRAINER}:711",
        beside=(Pattern(Clip, {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2, "dual_clip": None}),),
        note="no ratio and no clip",
        until="0.15.2",
    ),
)

TRL: Final = Dialect(
    "trl",
    "huggingface/trl",
    "v1.16.0",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        Variant(OnPolicyRatio, f"{TRAINER}:711", until="0.15.2"),
        *_CORRECTIONS,
        *_LOSSES,
        *_REGULARIZATION,
        replace(soft_overlong(f"{TRAINER}:1521", "in the user's reward function"), until="0.21.0"),
        replace(soft_overlong("trl/rewards/other_rewards.py:83"), since="0.22.0"),
        *reward_functions(f"{TRAINER}:1579"),
    ),
    REFUSALS,
    _REWRITES,
    besides=(f"truncated_is, whenever vLLM samples ({CONFIG}:925)",),
    releases=RELEASES,
)
