"""OpenRLHF: epsilon 1e-9 in float32, whitening with n in the variance, divergences taken from each token on."""

from __future__ import annotations

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Pattern, Refusal, Rewrite, Variant
from tricks.dialects.rows import (
    CENTRED,
    GROUP,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    dynamic_sampling,
    lacks,
    lacks_mixed,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.sequence_clip import ResponseClip
from tricks.entropy import EntropyBonus
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_MAKER: Final = "openrlhf/trainer/ppo_utils/experience_maker.py"
_LOSS: Final = "openrlhf/models/loss.py"
_KL: Final = "openrlhf/models/utils.py, compute_approx_kl"
_WHITENED: Final = (Pattern(Whiten),)
_TOKENS: Final = (Pattern(TokenMean),)
_BOUND: Final = {"log_ratio_bound": None, "value_bound": 10.0}
_FLOORED: Final = {"ddof": 0, "eps": 1e-8, "eps_rule": "floored_variance"}

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_MAKER}:270", GROUP, {**RESIDUE, "eps": 1e-9}, apart=_WHITENED),
    Variant(Normalize, f"{_MAKER}:256", CENTRED, SINGLE, note="dr_grpo; with whitening, reinforce_baseline"),
    Variant(Normalize, f"{_MAKER}:256", RLOO, apart=_WHITENED),
    Variant(Normalize, f"{_MAKER}:292", RAW, beside=_WHITENED, note="reinforce"),
    *(
        Variant(
            Whiten,
            f"{_MAKER}:292",
            {"mean": "batch", "std": std},
            _FLOORED,
            note="no_std_norm keeps the mean over tokens" if std == "none" else "over response tokens",
        )
        for std in ("batch", "none")
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        _LOSS,
        then={"log_ratio_bound": 20.0},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
    ),
    Variant(
        SequenceClip,
        _LOSS,
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseClip,
    ),
    Variant(
        TruncatedImportance,
        _LOSS,
        {"level": "token"},
        free=("cap", "floor", "outside"),
        beside=(Pattern(Clip),),
        note="bounds are 0.5 and 5.0 unless set",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_LOSS}:11", {"scope": "update"}),
    Variant(SequenceMean, f"{_LOSS}:11", {"scope": "update"}),
    *(
        Variant(KlLoss, _KL, {"estimator": estimator, "gradient": "own"}, _BOUND, ("coef",), beside=_TOKENS)
        for estimator in ("k1", "k2", "k3")
    ),
    Variant(KlToGo, _KL, then=_BOUND, free=("coef", "estimator")),
    Variant(EntropyBonus, "openrlhf/trainer/ray/ppo_actor.py, training_step", free=("coef",), beside=_TOKENS),
)

_REFUSALS: Final = (
    lacks_mixed(whitens=True),
    Refusal(
        Pattern(Normalize, RAW), "leaves rewards as they are only to whiten them", "choose group_mean", apart=_WHITENED
    ),
    Refusal(
        Pattern(Normalize, GROUP), "does not whiten after a group norm", "leave token_whitening out", beside=_WHITENED
    ),
    Refusal(Pattern(Normalize, RLOO), "does not whiten after rloo", "leave token_whitening out", beside=_WHITENED),
    Refusal(Pattern(TruncatedImportance), "weighs the PPO loss alone", apart=(Pattern(Clip),)),
    Refusal(
        Pattern(KlLoss), "averages the divergence over tokens whatever the loss", "choose token_mean", apart=_TOKENS
    ),
    Refusal(
        Pattern(EntropyBonus), "averages entropy over tokens whatever the loss", "choose token_mean", apart=_TOKENS
    ),
    lacks(ClippedWeight, "has the PPO and GSPO losses alone", "choose clip"),
    lacks(PolicyGradient, "has the PPO and GSPO losses alone", "choose clip"),
    lacks(KlReward, "takes each token's divergence after the baseline", "choose kl_to_go"),
    lacks(SequenceSum, "has token means and sequence means alone", "choose token_mean or sequence_mean"),
    lacks(ConstantLength, "has token means and sequence means alone", "choose token_mean or sequence_mean"),
    lacks(OverlongFilter, "has no loss mask for truncated responses", "choose soft_overlong"),
    lacks(ZeroVarianceFilter, "drops groups of equal rewards only while it draws others", "choose dynamic_sampling"),
    lacks(
        RewardClip,
        "bounds rewards after the baseline, at plus and minus 10",
        where="openrlhf/models/utils.py, compute_reward",
    ),
    lacks(AdvantageClip, "bounds what the baseline leaves of the reward, before divergence and whitening"),
)

OPENRLHF: Final = Dialect(
    "openrlhf",
    "OpenRLHF/OpenRLHF",
    "3c3be62",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling("openrlhf/cli/train_ppo_ray.py", "by the mean reward, strictly between 0 and 1"),
        soft_overlong("openrlhf/trainer/ppo_utils/length_penalty.py"),
        *reward_functions("openrlhf/cli/train_ppo_ray.py, reward.remote_url"),
    ),
    _REFUSALS,
    (
        Rewrite(
            "loss_weights",
            SequenceMean(),
            _LOSS,
            (Pattern(SequenceClip),),
            note="GSPO is averaged over sequences whatever was chosen",
        ),
    ),
    besides=(
        "rewards less their baseline are held within plus and minus 10 (openrlhf/models/utils.py, compute_reward)",
    ),
)
