"""oat, the framework of Dr. GRPO: group statistics, and means over responses.

Its learner of math (oat/experiment/run_math_rl.py) has an option for each of the two corrections of Dr. GRPO; the plain
one has both or neither.
"""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    CENTERED,
    GROUP,
    RAW,
    RESIDUE,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    refuse_class,
    refuse_mixed_norm,
    refuse_norm,
    reward_functions,
)
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_PPO: Final = "oat/algorithms/ppo.py"
_MATH: Final = "oat/experiment/run_math_rl.py"

_VARIANTS: Final = (
    Variant(Normalize, f"{_PPO}:357", GROUP, {**RESIDUE, "eps": 1e-8}, note="critic_type=grpo"),
    Variant(Normalize, f"{_PPO}:350", CENTERED, SINGLE, note="critic_type=drgrpo, the default, or remove_std_bias"),
    Variant(
        Clip,
        f"{_PPO}:532",
        then={"log_ratio_bound": None, "dual_clip": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="one bound for both sides",
    ),
    Variant(PolicyGradient, f"{_PPO}:526", note="reinforce_update"),
    Variant(
        TruncatedImportance,
        f"{_PPO}:537",
        {"level": "token", "outside": "truncate", "floor": 0.0},
        free=("cap",),
        beside=(Pattern(Clip),),
    ),
    Variant(
        OverlongFilter,
        f"{_PPO}:206",
        {"truncation": "finish_reason"},
        note="the masked row stays in the mean, and in the baseline",
    ),
    Variant(
        SequenceMean,
        f"{_PPO}:568",
        {"scope": "update"},
        {"count": "all"},
        note="critic_type=grpo, with remove_std_bias for a group mean",
    ),
    Variant(
        ConstantLength,
        f"{_MATH}:336",
        {"scope": "update"},
        {"length": "limit", "count": "all"},
        note="critic_type=drgrpo, or grpo with remove_len_bias",
    ),
    Variant(
        KlLoss,
        f"{_PPO}:576",
        {"estimator": "k3", "gradient": "own"},
        {"log_ratio_bound": 40.0, "value_bound": None},
        ("coef",),
    ),
    Variant(
        KlReward,
        f"{_PPO}:445",
        {"estimator": "k1"},
        {"log_ratio_bound": None, "value_bound": None},
        ("coef",),
    ),
    *reward_functions("oat/oracles/base.py:52"),
)

_REFUSALS: Final = (
    refuse_mixed_norm(f"{_PPO}:350", whitens=False),
    refuse_norm(RAW, "always subtracts the group mean without a critic", f"{_PPO}:350", "choose group_mean"),
    Refusal(
        Pattern(Clip, test=lambda trick: trick.dual_clip is not None),
        "has no dual clip",
        "choose clip",
        f"{_PPO}:532",
    ),
    Refusal(
        Pattern(Clip, test=lambda trick: trick.clip_ratio_low != trick.clip_ratio_high),
        "has one clip bound for both sides",
        "set clip_ratio_low=0.2 and clip_ratio_high=0.2",
        f"{_PPO}:95",
    ),
    Refusal(
        Pattern(TruncatedImportance), "weighs the PPO loss alone", "choose clip", f"{_PPO}:537", apart=(Pattern(Clip),)
    ),
    refuse_class(Whiten, "whitens with a critic alone", f"{_PPO}:340"),
    refuse_class(
        TokenMean,
        "averages over responses alone",
        f"{_PPO}:568",
        "choose sequence_mean or constant_length",
    ),
    refuse_class(SequenceSum, "divides by a length", f"{_PPO}:220", "choose constant_length"),
    refuse_class(SequenceClip, "has no ratio of a whole response", f"{_PPO}:529", "choose clip"),
    refuse_class(ClippedWeight, "has no loss with a clipped weight", f"{_PPO}:529", "choose clip"),
    refuse_class(
        KlToGo,
        "takes a response's KL before the baseline, and each token's only with a critic",
        f"{_PPO}:445",
        "choose kl_reward",
    ),
    refuse_class(EntropyBonus, "reports entropy and does not reward it", f"{_PPO}:587"),
    refuse_class(DynamicSampling, "does not draw prompts anew", f"{_PPO}:126"),
    refuse_class(ZeroVarianceFilter, "keeps groups of equal rewards in the loss", f"{_PPO}:350"),
    refuse_class(RewardClip, "has no option that bounds rewards", f"{_PPO}:85", "bound them in the task's reward"),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_PPO}:350"),
)

OAT: Final = Dialect(
    "oat",
    "sail-sg/oat",
    "c1a074c",
    _VARIANTS,
    _REFUSALS,
    besides=(f"truncated_is with cap=2.0 ({_PPO}:89)", "kl_loss with coef=0.1 (oat/args.py:83)"),
)
