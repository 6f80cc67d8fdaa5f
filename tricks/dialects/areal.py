"""AReaL: float64 statistics, a batch deviation about the group means, token mean and nothing else."""

from __future__ import annotations

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Pattern, Refusal, Rewrite, Variant
from tricks.dialects.rows import (
    BATCH,
    CENTRED,
    GROUP,
    MIXED,
    RAW,
    RLOO,
    dynamic_sampling,
    lacks,
    lacks_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.sequence_clip import ResponseMeanClip
from tricks.entropy import EntropyBonus
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_NORM: Final = "areal/utils/data.py:1378"
_ACTOR: Final = "areal/trainer/ppo/actor.py"
_LOSS: Final = "areal/utils/functional/functional.py, ppo_actor_loss_fn"
_SETTABLE: Final = ("eps", "ddof")

_ADVANTAGES: Final = (
    Variant(Normalize, _NORM, GROUP, {"eps": 1e-5}, _SETTABLE, note="a last group that is not full is divided by eps"),
    Variant(Normalize, _NORM, BATCH, {"eps": 1e-5}, _SETTABLE),
    Variant(Normalize, _NORM, MIXED, {"eps": 1e-5, "about": "group"}, _SETTABLE),
    *(Variant(Normalize, _NORM, when) for when in (CENTRED, {"mean": "batch", "std": "none"}, RLOO, RAW)),
    *(
        Variant(
            Whiten,
            _NORM,
            {"mean": mean, "std": std},
            {"eps": 1e-5, "eps_rule": "added"},
            _SETTABLE,
            note="adv_norm, batch and batch in the example configurations: it cancels any scale before it",
        )
        for mean, std in (("batch", "batch"), ("batch", "none"), ("group", "group"), ("group", "none"))
    ),
    Variant(RewardClip, _ACTOR, free=("low", "high"), note="reward_clip, one bound for both sides, 20 unless set"),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        "areal/api/cli_args.py:1399",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
    ),
    Variant(
        SequenceClip,
        _LOSS,
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseMeanClip,
    ),
    Variant(
        TruncatedImportance,
        _LOSS,
        {"level": "token"},
        free=("cap", "floor", "outside"),
        note="rejection_sampling under the decoupled loss; the denominator keeps rejected tokens",
    ),
)

_LOSSES: Final = (
    Variant(
        TokenMean, _LOSS, {"scope": "update"}, {"count": "all"}, note="the denominator is counted before rejection"
    ),
    Variant(
        KlToGo,
        f"{_ACTOR}, _compute_advantages",
        then={"log_ratio_bound": None, "value_bound": 10.0},
        free=("coef", "estimator"),
        note="coef is 0.1 unless set",
    ),
)

_ONLY: Final = "averages over tokens alone"
_REFUSALS: Final = (
    lacks_norm({"mean": "group", "std": "leave_one_out"}, "has no leave-one-out deviation", "choose group_norm", _NORM),
    Refusal(
        Pattern(RewardClip, test=lambda trick: trick.low != -trick.high),
        "has one bound for both sides",
        "set low to minus high",
    ),
    lacks(SequenceMean, _ONLY, "choose token_mean"),
    lacks(SequenceSum, _ONLY, "choose token_mean"),
    lacks(ConstantLength, _ONLY, "choose token_mean"),
    lacks(ClippedWeight, "has no loss with a clipped weight", "choose clip"),
    lacks(PolicyGradient, "always has a ratio; with one update a rollout the gradient is the same", "choose clip"),
    lacks(KlLoss, "takes divergences from the reward alone", "choose kl_to_go", f"{_ACTOR}, _compute_advantages"),
    lacks(KlReward, "takes each token's divergence after the baseline", "choose kl_to_go"),
    lacks(EntropyBonus, "has no entropy term"),
    lacks(
        OverlongFilter,
        "sets the normalised reward of responses as long as the padded batch to 0 and keeps their tokens",
        "choose soft_overlong",
        f"{_ACTOR}:207",
    ),
    lacks(ZeroVarianceFilter, "drops groups of equal rewards only while it draws others", "choose dynamic_sampling"),
    lacks(AdvantageClip, "does not bound advantages"),
)

AREAL: Final = Dialect(
    "areal",
    "inclusionAI/AReaL",
    "4aef98d",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling("areal/trainer/rl_trainer.py:577", "should_accept_fn and dynamic_bs"),
        soft_overlong(f"{_ACTOR}:153"),
        *reward_functions("areal/api/reward_api.py"),
    ),
    _REFUSALS,
    (
        Rewrite(
            "loss_weights",
            TokenMean(),
            _LOSS,
            (Pattern(SequenceClip),),
            note="GSPO's objective is averaged over tokens, so long responses weigh more",
        ),
    ),
    besides=(
        "kl_to_go with coef=0.1 (areal/api/cli_args.py:1458)",
        "reward_clip at plus and minus 20 (areal/api/cli_args.py)",
    ),
)
