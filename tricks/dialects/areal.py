"""AReaL 1.0.4: float64 statistics, batch standard deviation about the group means, token mean."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    MIXED,
    RAW,
    RLOO,
    Dialect,
    Pattern,
    Refusal,
    Rewrite,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.own_tricks import NormalizeAboutCenter, ResponseMeanClip
from tricks.dialects.parts_areal import KeptMeanClip, MeanWeight, SamplerKlToGo
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_NORM: Final = "areal/utils/data.py"
_ACTOR: Final = "areal/trainer/ppo/actor.py"
_LOSS: Final = "areal/utils/functional/functional.py"
_CONFIG: Final = "areal/api/cli_args.py"
_SETTABLE: Final = ("eps", "ddof")
_REJECTED: Final = {"cap": 5.0, "floor": 0.0, "outside": "drop"}  # RejectionSamplingConfig's defaults
_LAST: Final = "the samples of a last group that is not full are not centered"

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_NORM}:1468", GROUP, {"eps": 1e-5}, _SETTABLE, note=f"{_LAST}, and divided by eps"),
    Variant(Normalize, f"{_NORM}:1455", BATCH, {"eps": 1e-5}, _SETTABLE),
    Variant(Normalize, f"{_NORM}:1455", MIXED, {"eps": 1e-5, "about": "group"}, _SETTABLE, note=_LAST),
    Variant(Normalize, f"{_NORM}:1424", CENTERED, note=_LAST),
    Variant(Normalize, f"{_NORM}:1424", RLOO, note=_LAST),
    *(Variant(Normalize, f"{_NORM}:1449", when) for when in ({"mean": "batch", "std": "none"}, RAW)),
    *(
        Variant(
            Normalize,
            f"{_NORM}:1575",
            {"mean": mean, "std": std},
            {"eps": 1e-5},
            _SETTABLE,
            note="the standard deviation about what is subtracted"
            + (f"; {_LAST}" if "batch" not in (mean, std) else ""),
            becomes=NormalizeAboutCenter,
        )
        for mean, std in (
            ("none", "group"),
            ("none", "batch"),
            ("batch", "group"),
            ("leave_one_out", "group"),
            ("leave_one_out", "batch"),
        )
    ),
    *(
        Variant(
            Whiten,
            f"{_ACTOR}:239",
            {"mean": mean, "std": std},
            {"eps": 1e-5, "eps_rule": "added"},
            _SETTABLE,
            note="adv_norm, batch and batch in the example configurations: it cancels any scale before it",
        )
        for mean, std in (("batch", "batch"), ("batch", "none"), ("group", "group"), ("group", "none"))
    ),
    Variant(
        RewardClip, f"{_ACTOR}:169", free=("low", "high"), note="reward_clip, one bound for both sides, 20 unless set"
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_LOSS}:516",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
    ),
    Variant(
        SequenceClip,
        f"{_LOSS}:501",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        beside=(Pattern(TruncatedImportance),),
        note="dropped tokens are left out of the ratio and of the mean of advantages",
        becomes=KeptMeanClip,
    ),
    Variant(
        SequenceClip,
        f"{_LOSS}:501",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="advantages that differ within a response are averaged over it first",
        becomes=ResponseMeanClip,
    ),
    Variant(
        TruncatedImportance,
        f"{_LOSS}:393",
        {"level": "token"},
        _REJECTED,
        ("cap", "floor", "outside"),
        note="rejection_sampling under the decoupled loss, metric ratio; the denominator keeps rejected tokens",
    ),
    Variant(
        TruncatedImportance,
        f"{_LOSS}:356",
        {"level": "sequence"},
        _REJECTED,
        ("cap", "floor", "outside"),
        note="the weight of a response is the geometric mean of its tokens' weights (agg mean)",
        becomes=MeanWeight,
    ),
)

_LOSSES: Final = (
    Variant(
        TokenMean,
        f"{_LOSS}:483",
        {"scope": "update"},
        {"count": "all"},
        note="the denominator is counted before rejection",
    ),
    Variant(
        KlToGo,
        f"{_ACTOR}:202",
        then={"log_ratio_bound": None, "value_bound": 10.0},
        free=("coef", "estimator"),
        beside=(Pattern(TruncatedImportance),),
        note="under the decoupled loss the KL is that of the sampler's log-probs; coef is 0.1 unless set",
        becomes=SamplerKlToGo,
    ),
    Variant(
        KlToGo,
        f"{_ACTOR}:202",
        then={"log_ratio_bound": None, "value_bound": 10.0},
        free=("coef", "estimator"),
        note="coef is 0.1 unless set",
    ),
)

_ONLY: Final = "averages over tokens alone"
_REFUSALS: Final = (
    *(
        refuse_norm(
            {"mean": mean, "std": "leave_one_out"},
            "has no leave-one-out standard deviation",
            f"{_NORM}:1556",
            "choose group_norm, or rloo",
        )
        for mean in ("none", "group", "batch", "leave_one_out")
    ),
    Refusal(
        Pattern(Whiten, test=lambda trick: trick.std not in ("none", trick.mean)),
        "takes the standard deviation about what it subtracts, which is not modeled here",
        "set mean=batch and std=batch",
        f"{_NORM}:1575",
    ),
    Refusal(
        Pattern(RewardClip, test=lambda trick: trick.low != -trick.high),
        "has one bound for both sides",
        "set low=-1.0 and high=1.0",
        f"{_ACTOR}:169",
    ),
    refuse_class(SequenceMean, _ONLY, f"{_LOSS}:542", "choose token_mean"),
    refuse_class(SequenceSum, _ONLY, f"{_LOSS}:542", "choose token_mean"),
    refuse_class(ConstantLength, _ONLY, f"{_LOSS}:542", "choose token_mean"),
    refuse_class(ClippedWeight, "has no loss with a clipped weight", f"{_LOSS}:429", "choose clip"),
    refuse_class(
        PolicyGradient,
        "always has a ratio; with one update a rollout the gradient is the same",
        f"{_LOSS}:509",
        "choose clip",
    ),
    refuse_class(KlLoss, "takes the KL only from the reward", f"{_ACTOR}:202", "choose kl_to_go"),
    refuse_class(KlReward, "takes each token's KL after the baseline", f"{_ACTOR}:202", "choose kl_to_go"),
    refuse_class(EntropyBonus, "reports entropy and does not reward it", f"{_ACTOR}:434"),
    refuse_class(
        OverlongFilter,
        "sets the normalized reward of responses as long as the padded batch to 0 and keeps their tokens",
        f"{_ACTOR}:207",
        "choose soft_overlong",
    ),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        "areal/trainer/rl_trainer.py:577",
        "choose dynamic_sampling",
    ),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_ACTOR}:239"),
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
        soft_overlong(f"{_LOSS}:782"),
        *reward_functions("areal/api/reward_api.py:41"),
    ),
    _REFUSALS,
    (
        Rewrite(
            "loss_weights",
            TokenMean(),
            f"{_LOSS}:542",
            (Pattern(SequenceClip),),
            note="GSPO's objective is averaged over tokens, so long responses weigh more",
        ),
    ),
    besides=(
        f"kl_to_go with coef=0.1 ({_CONFIG}:1522)",
        f"reward_clip at plus and minus 20 ({_CONFIG}:1488)",
        f"no baseline at all: adv_norm and reward_norm are null ({_CONFIG}:1480)",
    ),
    releases=("1.0.4",),
)
