"""ROLL, the framework of the paper: any mean and deviation, kept responses counted, truncation by length."""

from __future__ import annotations

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Pattern, Refusal, Variant
from tricks.dialects.rows import (
    BATCH,
    CENTRED,
    GROUP,
    MIXED,
    RAW,
    RESIDUE,
    SINGLE,
    dynamic_sampling,
    lacks,
    lacks_norm,
    reward_functions,
)
from tricks.dialects.sequence_clip import ResponseClip
from tricks.entropy import EntropyBonus
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_FUNCTIONALS: Final = "roll/utils/functionals.py"
_WORKER: Final = "roll/pipeline/rlvr/actor_worker.py"
_UNBOUND: Final = {"log_ratio_bound": None}

_ADVANTAGES: Final = (
    *(
        Variant(Normalize, f"{_FUNCTIONALS}:564", when, {**RESIDUE, "eps": 1e-6, "about": "own"})
        for when in (GROUP, BATCH, MIXED, {"mean": "none", "std": "batch"})
    ),
    *(
        Variant(Normalize, f"{_FUNCTIONALS}:564", when, SINGLE)
        for when in (CENTRED, {"mean": "batch", "std": "none"}, RAW)
    ),
    Variant(Whiten, f"{_FUNCTIONALS}, masked_whiten", BATCH, note="whiten_advantages, over kept tokens"),
    Variant(AdvantageClip, f"{_FUNCTIONALS}, compute_advantage", free=("low", "high"), note="one bound for both sides"),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        "roll/configs/base_config.py:516",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="dual clip at 1 + 2 pg_clip, 1.4 unless pg_clip is moved too",
    ),
    Variant(
        SequenceClip,
        f"{_WORKER}, loss_func",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseClip,
        note="any aggregation",
    ),
    Variant(
        ClippedWeight,
        "roll/configs/worker_config.py:94",
        then=_UNBOUND,
        free=("low", "high"),
        note="0.9 and 1.1 unless set",
    ),
    Variant(PolicyGradient, "roll/configs/worker_config.py:94", note="pg_variant=vanilla"),
    Variant(
        TruncatedImportance,
        f"{_WORKER}, loss_func",
        {"level": "token", "outside": "truncate", "floor": 0.0},
        free=("cap",),
    ),
    Variant(
        OverlongFilter,
        f"{_FUNCTIONALS}:694",
        then={"truncation": "length"},
        note="drops an answer that ends exactly at the limit; stays in the baseline",
    ),
    Variant(
        ZeroVarianceFilter,
        f"{_FUNCTIONALS}, difficulty_mask",
        note="thresholds 0 and 1, the same for rewards of 0 and 1",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_FUNCTIONALS}:229", {"scope": "update"}, note="since v0.2.0; a micro-batch before"),
    Variant(SequenceMean, f"{_FUNCTIONALS}:229", {"scope": "update"}),
    Variant(SequenceSum, f"{_FUNCTIONALS}:229", {"scope": "update"}),
    Variant(
        ConstantLength,
        f"{_FUNCTIONALS}:229",
        {"scope": "update"},
        {"length": "padded", "per_response": False},
        note="without the batch size",
    ),
    Variant(
        KlLoss,
        f"{_FUNCTIONALS}:181",
        {"estimator": "k3", "gradient": "own"},
        {"log_ratio_bound": None, "value_bound": 10.0},
        ("coef",),
    ),
    *(
        Variant(KlToGo, f"{_FUNCTIONALS}:181", {"estimator": estimator}, {**_UNBOUND, "value_bound": bound}, ("coef",))
        for estimator, bound in (("k1", None), ("k2", None), ("k3", 10.0))
    ),
    Variant(EntropyBonus, f"{_WORKER}, loss_func", free=("coef",)),
)

_REFUSALS: Final = (
    *(
        lacks_norm(
            {"mean": mean, "std": "group"},
            "divides by a group deviation after a group mean alone",
            "choose group_norm",
            f"{_FUNCTIONALS}:564",
        )
        for mean in ("batch", "none")
    ),
    Refusal(
        Pattern(AdvantageClip, test=lambda trick: trick.low != -trick.high),
        "has one bound for both sides",
        "set low to minus high",
    ),
    lacks(
        RewardClip,
        "bounds rewards after their normalisation",
        "choose advantage_clip",
        f"{_FUNCTIONALS}, reward_postprocess",
    ),
    lacks(KlReward, "takes each token's divergence after the baseline", "choose kl_to_go"),
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
        *reward_functions("roll/pipeline/rlvr/rewards"),
    ),
    _REFUSALS,
)
