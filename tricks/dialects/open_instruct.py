"""open-instruct: numpy statistics with n in the variance, token mean or a constant."""

from __future__ import annotations

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Variant
from tricks.dialects.rows import CENTRED, GROUP, RAW, dynamic_sampling, lacks, lacks_mixed, lacks_norm, reward_functions
from tricks.entropy import EntropyBonus
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_LOADER: Final = "open_instruct/data_loader.py"
_GRPO: Final = "open_instruct/grpo_utils.py"
_UNBOUND: Final = {"log_ratio_bound": None}

_VARIANTS: Final = (
    Variant(
        Normalize, f"{_LOADER}:1476", GROUP, {"eps": 1e-8, "ddof": 0}, note="advantage_normalization_type=standard"
    ),
    Variant(Normalize, f"{_LOADER}:421", CENTRED, note="centered, the default"),
    Variant(
        Clip,
        f"{_GRPO}:108",
        then={**_UNBOUND, "dual_clip": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="0.2 and 0.272 unless set",
    ),
    Variant(ClippedWeight, f"{_GRPO}:71", {"low": 0.0}, _UNBOUND, ("high",), note="high is 1 + clip_higher"),
    Variant(
        TruncatedImportance,
        f"{_GRPO}:110",
        {"level": "token", "outside": "truncate", "floor": 0.0},
        free=("cap",),
    ),
    Variant(TokenMean, "open_instruct/grpo_fast.py:647", {"scope": "update"}),
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
            f"{_GRPO}, compute_grpo_loss",
            {"estimator": estimator, "gradient": "own"},
            {"log_ratio_bound": 40.0, "value_bound": None},
            ("coef",),
        )
        for estimator in ("k1", "k2", "k3")
    ),
    Variant(ZeroVarianceFilter, f"{_LOADER}, filter_zero_std_samples", note="on unless turned off"),
    dynamic_sampling(f"{_LOADER}:418", "active_sampling"),
    *reward_functions("open_instruct/ground_truth_utils.py"),
)

_ONLY: Final = "divides by tokens or by a constant alone"
_REFUSALS: Final = (
    lacks_mixed(whitens=False),
    lacks_norm(RAW, "always subtracts the group mean", "choose group_mean", f"{_LOADER}:1476"),
    lacks(Whiten, "does not normalise twice"),
    lacks(SequenceMean, _ONLY, "choose token_mean", f"{_GRPO}:136"),
    lacks(SequenceSum, _ONLY, "choose constant_length", f"{_GRPO}:136"),
    lacks(SequenceClip, "has no ratio of a whole response", "choose clip"),
    lacks(PolicyGradient, "always has a ratio; with one update a rollout the gradient is the same", "choose clip"),
    lacks(KlReward, "has the divergence as a loss alone", "choose kl_loss"),
    lacks(KlToGo, "has the divergence as a loss alone", "choose kl_loss"),
    lacks(EntropyBonus, "has no entropy term"),
    lacks(
        OverlongFilter,
        "drops truncated responses before it forms groups, which mixes groups or stops",
        "choose soft_overlong",
        f"{_LOADER}:1453",
    ),
    lacks(RewardClip, "does not bound rewards", "bound them in the task's reward"),
    lacks(AdvantageClip, "does not bound advantages"),
)

OPEN_INSTRUCT: Final = Dialect(
    "open_instruct",
    "allenai/open-instruct",
    "e6c3044",
    _VARIANTS,
    _REFUSALS,
    besides=(
        f"truncated_is with cap=2.0 ({_GRPO}:110)",
        f"kl_loss with coef=0.05 and estimator=k2 ({_GRPO}:104)",
        f"zero_variance_filter ({_LOADER}, filter_zero_std_samples)",
    ),
)
