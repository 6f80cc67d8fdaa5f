"""slime: unequal groups are merged, each response counts as at least one token."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    RAW,
    RESIDUE,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_mixed_norm,
    reward_functions,
)
from tricks.dialects.own_tricks import ResponseClip
from tricks.dialects.parts_slime import BoundedRatioKl
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_ROLLOUT: Final = "slime/ray/rollout.py"
_LOSS: Final = "slime/backends/megatron_utils/loss.py"
_PPO: Final = "slime/utils/ppo_utils.py"
_MEANS: Final = "slime/backends/megatron_utils/cp_utils.py"
_ARGUMENTS: Final = "slime/utils/arguments.py"
_UNBOUND: Final = {"log_ratio_bound": None}
_FREE: Final = {"log_ratio_bound": None, "value_bound": None}
_RETURNS: Final = (Pattern(Normalize, RAW),)
_WHITENED: Final = (Pattern(Whiten),)
_REDUCED: Final = (Pattern(SequenceSum), Pattern(ConstantLength))
_UNEQUAL: Final = "with a sample missing, the whole batch is one group"
_REDUCER: Final = "in the user's custom-pg-loss-reducer-function-path"

_VARIANTS: Final = (
    Variant(Normalize, f"{_ROLLOUT}:628", GROUP, {**RESIDUE, "eps": 1e-6, "unequal": "one_group"}, note=_UNEQUAL),
    Variant(Normalize, f"{_ROLLOUT}:625", CENTERED, {**SINGLE, "unequal": "one_group"}, note=_UNEQUAL),
    Variant(Normalize, f"{_ROLLOUT}:633", RAW, note="disable-rewards-normalization, or reinforce_plus_plus"),
    Variant(Whiten, f"{_LOSS}:819", BATCH, note="normalize-advantages, with E[x^2] - E[x]^2 as the variance"),
    Variant(
        Clip,
        f"{_PPO}:125",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
    ),
    Variant(
        SequenceClip,
        f"{_LOSS}:1021",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseClip,
    ),
    Variant(
        ClippedWeight,
        f"{_PPO}:152",
        then=_UNBOUND,
        free=("low", "high"),
        note="bounds are 1 - eps_clip, 1 + eps_clip_high",
    ),
    Variant(
        TruncatedImportance,
        f"{_LOSS}:884",
        {"level": "token"},
        free=("cap", "floor", "outside"),
        note="icepop_function drops",
    ),
    Variant(
        OverlongFilter,
        f"{_ROLLOUT}:680",
        {"truncation": "finish_reason"},
        note="in the user's hook, by remove_sample; stays in the baseline",
    ),
    Variant(
        TokenMean,
        f"{_LOSS}:1317",
        {"scope": "update"},
        {"count": "at_least_one"},
        note="calculate-per-token-loss",
    ),
    Variant(SequenceMean, f"{_MEANS}:76", {"scope": "update"}, {"count": "all"}),
    Variant(SequenceSum, f"{_LOSS}:1096", {"scope": "update"}, {"count": "all"}, note=_REDUCER),
    Variant(
        ConstantLength,
        f"{_LOSS}:1096",
        {"scope": "update"},
        {"count": "all"},
        ("length", "per_response"),
        note=_REDUCER,
    ),
    *(
        Variant(
            KlLoss,
            f"{_PPO}:12",
            {"estimator": estimator, "gradient": gradient},
            _FREE,
            ("coef", "value_bound") if estimator == "k3" else ("coef",),
            note=("use-unbiased-kl multiplies by the ratio; " if gradient == "ratio" else "")
            + ("value_bound=10 is low_var_kl" if estimator == "k3" else ""),
            becomes=BoundedRatioKl if gradient == "ratio" else None,
        )
        for gradient in ("own", "ratio")
        for estimator in ("k1", "k2", "k3")
    ),
    Variant(
        KlToGo,
        f"{_PPO}:371",
        then=_FREE,
        free=("coef", "estimator"),
        beside=_RETURNS,
        note="with token_whitening alone",
    ),
    Variant(EntropyBonus, f"{_LOSS}:1112", free=("coef",)),
    dynamic_sampling("slime/rollout/filter_hub/dynamic_sampling_filters.py:9"),
    *reward_functions(f"{_ARGUMENTS}:1361"),
)

_REFUSALS: Final = (
    refuse_mixed_norm(f"{_ROLLOUT}:628", whitens=True),
    Refusal(
        Pattern(KlToGo),
        "takes the KL-to-go only from raw rewards that it whitens",
        "choose kl_loss",
        f"{_LOSS}:783",
        apart=_RETURNS,
    ),
    Refusal(
        Pattern(KlToGo),
        "takes the KL-to-go only from raw rewards that it whitens",
        "choose token_whitening",
        f"{_ARGUMENTS}:1849",
        apart=_WHITENED,
    ),
    refuse_class(KlReward, "takes no KL before the baseline", f"{_LOSS}:783", "choose kl_loss"),
    Refusal(
        Pattern(KlLoss, test=lambda trick: trick.gradient in ("score_function", "k2")),
        "has a KL loss with its own gradient, or multiplied by the ratio to the old policy (use-unbiased-kl)",
        "set gradient=own, or gradient=ratio",
        f"{_LOSS}:1120",
    ),
    Refusal(
        Pattern(KlLoss, {"estimator": "k3"}, test=lambda trick: trick.value_bound not in (None, 10.0)),
        "bounds k3 by 10 (low_var_kl) or not at all",
        "set value_bound=10.0",
        f"{_PPO}:48",
    ),
    *(
        Refusal(
            Pattern(term),
            f"hands the user's function the policy loss alone, and averages {what} over responses or tokens",
            "choose sequence_mean, or token_mean",
            f"{_LOSS}:{line}",
            beside=_REDUCED,
        )
        for term, what, line in ((KlLoss, "the KL", 1126), (EntropyBonus, "entropy", 1112))
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "sequence"}),
        "weighs responses in an example of a custom-tis-function-path alone, which is not modeled",
        "set level=token",
        "examples/train_infer_mismatch_helper/mis.py:150",
    ),
    refuse_class(
        PolicyGradient,
        "always has a ratio; with one update a rollout the gradient is the same",
        f"{_PPO}:125",
        "choose clip",
    ),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        "slime/rollout/filter_hub/dynamic_sampling_filters.py:9",
        "choose dynamic_sampling",
    ),
    refuse_class(
        RewardClip, "has no option that bounds rewards", f"{_ARGUMENTS}:1371", "bound them in the task's reward"
    ),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_LOSS}:819"),
)

SLIME: Final = Dialect("slime", "THUDM/slime", "624b824", _VARIANTS, _REFUSALS)
