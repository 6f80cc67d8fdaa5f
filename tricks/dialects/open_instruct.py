"""open-instruct: numpy statistics with n in the variance, token mean or constant length."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    CENTERED,
    GROUP,
    RAW,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    refuse_class,
    refuse_mixed_norm,
    refuse_norm,
    reward_functions,
)
from tricks.dialects.parts_open_instruct import BoundedImportance, NumpyVarianceFilter, NumpyVarianceSampling
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_LOADER: Final = "open_instruct/data_loader.py"
_GRPO: Final = "open_instruct/grpo_utils.py"
_UNBOUND: Final = {"log_ratio_bound": None}

_VARIANTS: Final = (
    Variant(
        Normalize, f"{_LOADER}:1480", GROUP, {"eps": 1e-8, "ddof": 0}, note="advantage_normalization_type=standard"
    ),
    Variant(Normalize, f"{_LOADER}:1482", CENTERED, note="centered, the default"),
    Variant(
        Clip,
        f"{_GRPO}:512",
        then={**_UNBOUND, "dual_clip": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="0.2 and 0.272 unless set",
    ),
    Variant(ClippedWeight, f"{_GRPO}:521", {"low": 0.0}, _UNBOUND, ("high",), note="high is 1 + clip_higher"),
    Variant(
        TruncatedImportance,
        f"{_GRPO}:449",
        {"level": "token"},
        free=("cap", "floor", "outside"),
        note="rho_clamp bounds truncate; rho_mask bounds drop, with rho_clamp_upper_bound=0; log-ratios within 10",
        becomes=BoundedImportance,
    ),
    Variant(TokenMean, "open_instruct/grpo_fast.py:653", {"scope": "update"}),
    Variant(
        ConstantLength,
        f"{_GRPO}:136",
        {"scope": "update"},
        {"count": "all"},
        ("length", "per_response"),
        note="loss_denominator replaces the token count of the whole batch: give it responses times length",
    ),
    *(
        Variant(
            KlLoss,
            f"{_GRPO}:532",
            {"estimator": estimator, "gradient": "own"},
            {"log_ratio_bound": 40.0, "value_bound": None},
            ("coef",),
        )
        for estimator in ("k1", "k2", "k3")
    ),
    Variant(
        KlLoss,
        "open_instruct/model_utils.py:816",
        {"estimator": "k1", "gradient": "ratio"},
        {"log_ratio_bound": 40.0, "value_bound": None},
        ("coef",),
        note="kl_estimator=3",
    ),
    Variant(
        ZeroVarianceFilter,
        f"{_LOADER}:815",
        note="on unless turned off; a rounding of the mean lets equal rewards pass",
        becomes=NumpyVarianceFilter,
    ),
    Variant(
        DynamicSampling,
        f"{_LOADER}:1130",
        free=("rounds", "at_cap"),
        note="active_sampling; a rounding of the mean lets equal rewards pass",
        becomes=NumpyVarianceSampling,
    ),
    *reward_functions("open_instruct/ground_truth_utils.py:108"),
)

_ONLY: Final = "divides by tokens or by a constant alone"
_REFUSALS: Final = (
    refuse_mixed_norm(f"{_LOADER}:1476", whitens=False),
    refuse_norm(RAW, "always subtracts the group mean", f"{_LOADER}:1476", "choose group_mean"),
    Refusal(
        Pattern(Clip, test=lambda trick: trick.dual_clip is not None),
        "has no dual clip",
        "choose clip",
        f"{_GRPO}:512",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "sequence"}),
        "weighs responses by the geometric mean of their tokens' weights (rho_mask_sequence_level), which is not "
        "modeled",
        "set level=token",
        f"{_GRPO}:427",
    ),
    Refusal(
        Pattern(KlLoss, {"gradient": "score_function"}),
        "multiplies k1 by the ratio to the old policy (kl_estimator=3), and no other estimator by any",
        "set gradient=ratio and estimator=k1, or gradient=own",
        "open_instruct/model_utils.py:816",
    ),
    refuse_class(Whiten, "does not normalize twice", f"{_LOADER}:1480"),
    refuse_class(SequenceMean, _ONLY, f"{_GRPO}:136", "choose token_mean"),
    refuse_class(SequenceSum, _ONLY, f"{_GRPO}:136", "choose constant_length"),
    refuse_class(SequenceClip, "has no ratio of a whole response", f"{_GRPO}:512", "choose clip"),
    refuse_class(
        PolicyGradient,
        "always has a ratio; with one update a rollout the gradient is the same",
        f"{_GRPO}:512",
        "choose clip",
    ),
    refuse_class(KlReward, "has the KL only as a loss", "open_instruct/grpo_fast.py:718", "choose kl_loss"),
    refuse_class(KlToGo, "has the KL only as a loss", "open_instruct/grpo_fast.py:718", "choose kl_loss"),
    refuse_class(EntropyBonus, "reports entropy and does not reward it", f"{_GRPO}:569"),
    refuse_class(
        OverlongFilter,
        "drops truncated responses before it forms groups, which mixes groups or stops",
        f"{_LOADER}:1453",
        "choose soft_overlong",
    ),
    refuse_class(
        RewardClip,
        "has no option that bounds rewards",
        "open_instruct/ground_truth_utils.py:1247",
        "bound them in the task's reward",
    ),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_LOADER}:1480"),
)

OPEN_INSTRUCT: Final = Dialect(
    "open_instruct",
    "allenai/open-instruct",
    "e6c3044",
    _VARIANTS,
    _REFUSALS,
    besides=(
        f"truncated_is with cap=2.0 ({_GRPO}:118)",
        f"kl_loss with coef=0.05 and estimator=k3 ({_GRPO}:134)",
        f"zero_variance_filter ({_LOADER}:419)",
    ),
)
