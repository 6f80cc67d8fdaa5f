"""slime: unequal groups become one, every response adds at least one token to the denominator."""

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
    RAW,
    RESIDUE,
    SINGLE,
    dynamic_sampling,
    lacks,
    lacks_mixed,
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

_ROLLOUT: Final = "slime/ray/rollout.py"
_LOSS: Final = "slime/backends/megatron_utils/loss.py"
_PPO: Final = "slime/utils/ppo_utils.py"
_UNBOUND: Final = {"log_ratio_bound": None}
_FREE: Final = {"log_ratio_bound": None, "value_bound": None}
_RETURNS: Final = (Pattern(Normalize, RAW),)
_UNEQUAL: Final = "with a sample missing, the whole batch is one group"

_VARIANTS: Final = (
    Variant(Normalize, f"{_ROLLOUT}:608", GROUP, {**RESIDUE, "eps": 1e-6, "unequal": "one_group"}, note=_UNEQUAL),
    Variant(Normalize, "slime/utils/arguments.py:1006", CENTRED, {**SINGLE, "unequal": "one_group"}, note=_UNEQUAL),
    Variant(Normalize, f"{_ROLLOUT}:608", RAW, note="disable-rewards-normalization, or reinforce_plus_plus"),
    Variant(Whiten, f"{_LOSS}:819", BATCH, note="normalize-advantages, with E[x^2] - E[x]^2 as the variance"),
    Variant(
        Clip,
        f"{_PPO}, compute_policy_loss",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
    ),
    Variant(
        SequenceClip, f"{_LOSS}:1021", then=_UNBOUND, free=("clip_ratio_low", "clip_ratio_high"), becomes=ResponseClip
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
        f"{_LOSS}, vanilla_tis_function",
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
        "slime/backends/megatron_utils/cp_utils.py:52",
        {"scope": "update"},
        {"count": "at_least_one"},
        note="calculate-per-token-loss",
    ),
    Variant(SequenceMean, "slime/backends/megatron_utils/cp_utils.py:52", {"scope": "update"}, {"count": "all"}),
    Variant(
        ConstantLength,
        f"{_LOSS}:1298",
        {"scope": "update"},
        {"count": "all"},
        ("length", "per_response"),
        note="in the user's custom-pg-loss-reducer-function-path",
    ),
    *(
        Variant(KlLoss, f"{_PPO}, compute_approx_kl", {"estimator": estimator, "gradient": "own"}, _FREE, ("coef",))
        for estimator in ("k1", "k2", "k3")
    ),
    Variant(
        KlToGo, f"{_PPO}, get_reinforce_plus_plus_returns", then=_FREE, free=("coef", "estimator"), beside=_RETURNS
    ),
    Variant(EntropyBonus, f"{_LOSS}, policy_loss_function", free=("coef",)),
    dynamic_sampling("slime/rollout/filter_hub"),
    *reward_functions("slime/rollout/rm_hub"),
)

_REFUSALS: Final = (
    lacks_mixed(whitens=True),
    Refusal(Pattern(KlToGo), "takes the divergence to go from raw rewards alone", "choose kl_loss", apart=_RETURNS),
    lacks(KlReward, "takes no divergence before the baseline", "choose kl_loss"),
    lacks(PolicyGradient, "always has a ratio; with one update a rollout the gradient is the same", "choose clip"),
    lacks(SequenceSum, "has token means and sequence means alone", "choose token_mean or sequence_mean"),
    lacks(ZeroVarianceFilter, "drops groups of equal rewards only while it draws others", "choose dynamic_sampling"),
    lacks(RewardClip, "does not bound rewards", "bound them in the task's reward"),
    lacks(AdvantageClip, "does not bound advantages"),
)

SLIME: Final = Dialect("slime", "THUDM/slime", "624b824", _VARIANTS, _REFUSALS)
