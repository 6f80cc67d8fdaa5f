"""verl: float32 statistics, dual clip always on, denominators that count masked responses."""

from __future__ import annotations

from typing import Any, Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Pattern, Refusal, Rewrite, Variant
from tricks.dialects.rows import (
    BATCH,
    CENTRED,
    GROUP,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    dynamic_sampling,
    lacks,
    lacks_mixed,
    lacks_norm,
    reward_functions,
    soft_overlong,
)
from tricks.entropy import EntropyBonus
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_CORE: Final = "verl/trainer/ppo/core_algos.py"
_WHITENED: Final = (Pattern(Whiten),)
_RETURNS: Final = (Pattern(Normalize, RAW),)  # REINFORCE++ whitens returns to go
_FREE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": None}
_BOUND: Final[dict[str, Any]] = {"log_ratio_bound": 20.0, "value_bound": 10.0}

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_CORE}:267", GROUP, {**RESIDUE, "eps": 1e-6, "single": "raw"}, apart=_WHITENED),
    Variant(Normalize, f"{_CORE}:273", CENTRED, {**SINGLE, "single": "raw"}),
    Variant(Normalize, f"{_CORE}:588", RLOO, {"single": "raw"}, apart=_WHITENED, note="rloo_vectorized gives 0 alone"),
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
        f"{_CORE}:1545",
        then={"log_ratio_bound": 10.0},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="the bound of 10 holds above alone",
    ),
    Variant(
        ClippedWeight, f"{_CORE}:2046", free=("low", "high"), note="bounds are 1 - clip_ratio_low, 1 + clip_ratio_high"
    ),
    Variant(PolicyGradient, f"{_CORE}, compute_policy_loss_gpg", note="policy loss gpg"),
    Variant(
        TruncatedImportance,
        "verl/trainer/ppo/rollout_corr_helper.py",
        {"outside": "truncate", "floor": 0.0},
        free=("cap", "level"),
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_CORE}:1140", {"scope": "update"}),
    Variant(SequenceMean, f"{_CORE}:1140", {"scope": "update"}, {"count": "all"}),
    Variant(SequenceSum, f"{_CORE}:1140", {"scope": "update"}, {"count": "all"}),
    Variant(
        ConstantLength,
        f"{_CORE}:1188",
        {"scope": "update"},
        {"length": "padded", "count": "all"},
        ("length",),
        note="the padded width unless loss_scale_factor is set",
    ),
    *(
        Variant(KlLoss, f"{_CORE}:2187", {"estimator": "k3", "gradient": gradient}, _BOUND, ("coef",))
        for gradient in ("own", "k2")
    ),
    *(
        Variant(KlLoss, f"{_CORE}:2187", {"estimator": estimator, "gradient": gradient}, _FREE, ("coef",))
        for estimator in ("k1", "k2")
        for gradient in ("own", "k2")
    ),
    *(
        Variant(cls, "verl/trainer/ppo/ray_trainer.py, apply_kl_penalty", {"estimator": estimator}, bounds, ("coef",))
        for cls in (KlReward, KlToGo)
        for estimator, bounds in (("k1", _FREE), ("k2", _FREE), ("k3", _BOUND))
    ),
    Variant(EntropyBonus, "verl/workers/actor/dp_actor.py, update_policy", free=("coef",)),
)

_REFUSALS: Final = (
    lacks_mixed(whitens=True),
    lacks_norm(BATCH, "has no mean of the rewards of a batch", "choose group_norm"),
    Refusal(
        Pattern(Normalize, RAW), "leaves rewards as they are only to whiten them", "choose group_mean", apart=_WHITENED
    ),
    Refusal(
        Pattern(Normalize, GROUP), "does not whiten after a group norm", "leave token_whitening out", beside=_WHITENED
    ),
    Refusal(Pattern(Normalize, RLOO), "does not whiten after rloo", "leave token_whitening out", beside=_WHITENED),
    Refusal(
        Pattern(KlReward), "takes the divergence to go where it whitens returns", "choose kl_to_go", beside=_RETURNS
    ),
    Refusal(Pattern(KlToGo), "takes the divergence to go in REINFORCE++ alone", "choose kl_reward", apart=_RETURNS),
    lacks(OverlongFilter, "has no loss mask for truncated responses", "choose soft_overlong"),
    lacks(ZeroVarianceFilter, "drops groups of equal rewards only while it draws others", "choose dynamic_sampling"),
    lacks(RewardClip, "does not bound rewards", "bound them in the task's reward"),
    lacks(AdvantageClip, "does not bound advantages"),
)

VERL: Final = Dialect(
    "verl",
    "verl-project/verl",
    "1dda039",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling("verl/trainer/config/ppo_trainer.yaml:80", "stops the run at its cap"),
        soft_overlong("docs/algo/dapo.md"),
        *reward_functions("verl/trainer/config/ppo_trainer.yaml, custom_reward_function"),
    ),
    _REFUSALS,
    (
        Rewrite(
            "loss_weights",
            SequenceMean(),
            f"{_CORE}:1545",
            (Pattern(SequenceClip),),
            note="GSPO ignores the aggregation chosen",
        ),
    ),
)
