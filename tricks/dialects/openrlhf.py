"""OpenRLHF: epsilon 1e-9 in float32, whitening with n in the variance, KL-to-go."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    CENTERED,
    GROUP,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Rewrite,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_mixed_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.own_tricks import ResponseClip
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_MAKER: Final = "openrlhf/trainer/ppo_utils/experience_maker.py"
_LOSS: Final = "openrlhf/models/loss.py"
_ACTOR: Final = "openrlhf/trainer/ray/ppo_actor.py"
_KL: Final = "openrlhf/models/utils.py:64"
_WHITENED: Final = (Pattern(Whiten),)
_TOKENS: Final = (Pattern(TokenMean),)
_GSPO: Final = (Pattern(SequenceClip),)
_BOUND: Final = {"log_ratio_bound": None, "value_bound": 10.0}
_FLOORED: Final = {"ddof": 0, "eps": 1e-8, "eps_rule": "floored_variance"}

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_MAKER}:270", GROUP, {**RESIDUE, "eps": 1e-9}, apart=_WHITENED),
    Variant(Normalize, f"{_MAKER}:267", CENTERED, SINGLE, note="dr_grpo; with whitening, reinforce_baseline"),
    Variant(Normalize, f"{_MAKER}:264", RLOO, apart=_WHITENED),
    Variant(Normalize, f"{_MAKER}:315", RAW, beside=_WHITENED, note="reinforce"),
    *(
        Variant(
            Whiten,
            f"{_MAKER}:320",
            {"mean": "batch", "std": std},
            _FLOORED,
            note="no_std_norm keeps the mean over tokens" if std == "none" else "over response tokens",
        )
        for std in ("batch", "none")
    ),
    Variant(
        AdvantageClip,
        f"{_MAKER}:281",
        free=("low", "high"),
        apart=(*_WHITENED, Pattern(KlToGo)),
        note="reward.clip_range, of what the baseline leaves of the reward; plus and minus 10 unless set",
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_LOSS}:168",
        then={"log_ratio_bound": 20.0},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
    ),
    Variant(
        SequenceClip,
        f"{_LOSS}:170",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseClip,
    ),
    Variant(
        TruncatedImportance,
        f"{_LOSS}:199",
        {"level": "token"},
        free=("cap", "floor", "outside"),
        beside=(Pattern(Clip),),
        note="bounds are 0.5 and 5.0 unless set; tis truncates, icepop drops",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_LOSS}:29", {"scope": "update"}),
    Variant(SequenceMean, f"{_LOSS}:35", {"scope": "update"}),
    *(
        Variant(KlLoss, _KL, {"estimator": estimator, "gradient": "own"}, _BOUND, ("coef",), beside=_TOKENS)
        for estimator in ("k1", "k2", "k3")
    ),
    Variant(KlToGo, _KL, then=_BOUND, free=("coef", "estimator")),
    Variant(EntropyBonus, f"{_ACTOR}:346", free=("coef",), beside=_TOKENS),
)

_ONLY: Final = "has token means and sequence means alone"
_TWO: Final = "has the PPO and GSPO losses alone"
_REFUSALS: Final = (
    refuse_mixed_norm(f"{_MAKER}:270", whitens=True),
    Refusal(
        Pattern(Normalize, RAW),
        "leaves rewards as they are only to whiten them",
        "choose group_mean",
        f"{_MAKER}:315",
        apart=_WHITENED,
    ),
    Refusal(
        Pattern(Normalize, GROUP),
        "does not whiten after a group norm",
        "choose group_mean",
        f"{_MAKER}:315",
        beside=_WHITENED,
    ),
    Refusal(
        Pattern(Normalize, RLOO), "does not whiten after rloo", "choose group_mean", f"{_MAKER}:315", beside=_WHITENED
    ),
    Refusal(
        Pattern(TruncatedImportance),
        "takes GSPO's ratio to the sampler's probabilities in place of a weight, which is not modeled",
        "choose clip",
        f"{_LOSS}:173",
        beside=_GSPO,
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "sequence"}),
        "drops responses by the geometric mean of their weights (seq-mask-tis), which is not modeled",
        "set level=token",
        f"{_LOSS}:206",
    ),
    Refusal(
        Pattern(TruncatedImportance), "weighs the PPO loss alone", "choose clip", f"{_LOSS}:197", apart=(Pattern(Clip),)
    ),
    *(
        Refusal(
            Pattern(term),
            f"averages {what} over tokens and GSPO over responses",
            "choose clip with token_mean",
            f"{_ACTOR}:{line}",
            beside=_GSPO,
        )
        for term, what, line in ((KlLoss, "the KL", 330), (EntropyBonus, "entropy", 346))
    ),
    *(
        Refusal(
            Pattern(term),
            f"averages {what} over tokens whatever the loss",
            "choose token_mean",
            f"{_ACTOR}:{line}",
            apart=_TOKENS,
        )
        for term, what, line in ((KlLoss, "the KL", 330), (EntropyBonus, "entropy", 346))
    ),
    refuse_class(ClippedWeight, _TWO, f"{_LOSS}:179", "choose clip"),
    refuse_class(PolicyGradient, _TWO, f"{_LOSS}:179", "choose clip"),
    refuse_class(KlReward, "takes each token's KL after the baseline", f"{_MAKER}:276", "choose kl_to_go"),
    refuse_class(SequenceSum, _ONLY, f"{_LOSS}:29", "choose token_mean, or sequence_mean"),
    refuse_class(ConstantLength, _ONLY, f"{_LOSS}:29", "choose token_mean, or sequence_mean"),
    refuse_class(OverlongFilter, "has no loss mask for truncated responses", f"{_ACTOR}:310", "choose soft_overlong"),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        "openrlhf/trainer/ppo_utils/samples_generator.py:173",
        "choose dynamic_sampling",
    ),
    refuse_class(
        RewardClip,
        "bounds what the baseline leaves of the reward, not the reward",
        f"{_MAKER}:281",
        "choose advantage_clip",
    ),
    Refusal(
        Pattern(AdvantageClip),
        "bounds what the baseline leaves of the reward, before KL and whitening",
        "",
        f"{_MAKER}:281",
        beside=(*_WHITENED, Pattern(KlToGo)),
    ),
)

OPENRLHF: Final = Dialect(
    "openrlhf",
    "OpenRLHF/OpenRLHF",
    "3c3be62",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling(
            "openrlhf/trainer/ppo_utils/samples_generator.py:173", "by the mean reward, strictly between 0 and 1"
        ),
        soft_overlong("openrlhf/trainer/ppo_utils/length_penalty.py:16"),
        *reward_functions("openrlhf/cli/train_ppo_ray.py:519"),
    ),
    _REFUSALS,
    (
        Rewrite(
            "loss_weights",
            SequenceMean(),
            f"{_LOSS}:144",
            _GSPO,
            note="GSPO is averaged over sequences whatever was chosen",
        ),
    ),
    besides=(
        "rewards less their baseline are held within plus and minus 10 (openrlhf/cli/train_ppo_ray.py:437), "
        "unless advantage_clip is chosen",
    ),
)
