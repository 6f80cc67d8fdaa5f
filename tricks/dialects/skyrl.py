"""SkyRL: a KL loss with a mean of its own, a CISPO that raises small weights to 1, denominators of all responses."""

from typing import Any, Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_mixed_norm,
    refuse_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.parts_rounding import NormalizeAboutRoundedMean
from tricks.dialects.parts_skyrl import (
    CappedSequenceClip,
    EndedVarianceFilter,
    LiveVarianceFilter,
    MicroBatchEntropy,
    PaddedWhiten,
    PromptMeanOfAll,
    RoundedVarianceFilter,
    SequenceMeanKl,
)
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_PPO: Final = "skyrl/backends/skyrl_train/utils/ppo_utils.py"
_WEIGHTS: Final = "skyrl/backends/skyrl_train/utils/off_policy_correction_utils.py"
_WORKER: Final = "skyrl/backends/skyrl_train/workers/worker.py"
_TRAINER: Final = "skyrl/train/trainer.py"
_UTILS: Final = "skyrl/train/utils/trainer_utils.py"
_GENERATORS: Final = "skyrl/train/generators/utils.py"
_ENVIRONMENT: Final = "skyrl-gym/skyrl_gym/envs/base_text_env.py:60"
_WHITENED: Final = (Pattern(Whiten),)
_RETURNS: Final = (Pattern(Normalize, RAW),)  # REINFORCE++ whitens the reward-to-go
_MASKED: Final = (Pattern(OverlongFilter), Pattern(ZeroVarianceFilter))
_FREE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": None}
_BOUND: Final[dict[str, Any]] = {"log_ratio_bound": 20.0, "value_bound": 10.0}
_ESTIMATORS: Final = (("k1", _FREE), ("k2", _FREE), ("k3", _BOUND))

_ADVANTAGES: Final = (
    Variant(
        Normalize,
        f"{_PPO}:1331",
        GROUP,
        {**RESIDUE, "eps": 1e-6, "single": "raw"},
        note="about the rounded mean",
        becomes=NormalizeAboutRoundedMean,
    ),
    Variant(Normalize, f"{_PPO}:1333", CENTERED, {**SINGLE, "single": "raw"}, note="grpo_norm_by_std=false"),
    Variant(Normalize, f"{_PPO}:1245", RLOO),
    Variant(Normalize, f"{_PPO}:1196", RAW, beside=_WHITENED, note="reinforce++"),
    Variant(
        Whiten,
        f"{_PPO}:1196",
        {"weights": "token", **BATCH},
        {"include": "all"},
        beside=_RETURNS,
        note="reinforce++, rsqrt(var + 1e-8)",
    ),
    Variant(
        Whiten,
        f"{_TRAINER}:1451",
        {"weights": "token", **BATCH},
        {"ddof": 0, "eps_rule": "floored_variance", "include": "all"},
        apart=_RETURNS,
        note="advantage_batch_normalize, whose mean counts padding as zeros",
        becomes=PaddedWhiten,
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_PPO}:568",
        then={"log_ratio_bound": 20.0},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="regular, or dual_clip with clip_ratio_c",
    ),
    Variant(
        SequenceClip,
        f"{_PPO}:708",
        then={"log_ratio_bound": 10.0},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="the bound of 10 holds above alone; follows loss_reduction",
        becomes=CappedSequenceClip,
    ),
    Variant(
        ClippedWeight,
        f"{_PPO}:750",
        then={"low": 1.0, "high": 6.0},
        free=("low", "high"),
        note="bounds are 1 - cispo_eps_clip_low of 0.0 and 1 + cispo_eps_clip_high of 5.0: a small weight becomes 1",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:60",
        {"level": "token", "outside": "truncate", "floor": 0.0},
        free=("cap",),
        note="tis_ratio_type=token",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:70",
        {"level": "sequence", "outside": "truncate", "floor": 0.0},
        {"cap": 5.0},
        ("cap",),
        note="tis_ratio_type=sequence",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:176",
        {"level": "token", "outside": "drop"},
        free=("cap", "floor"),
        note="token_mask_is_threshold_low and _high with tis_ratio_type=token",
        since="0.2.0",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:245",
        {"level": "sequence", "outside": "drop"},
        free=("cap", "floor"),
        note="sequence_mask_metric=product with tis_ratio_type=sequence",
        since="0.2.0",
    ),
)

_FILTERS: Final = (
    Variant(
        OverlongFilter,
        f"{_GENERATORS}:353",
        {"truncation": "finish_reason"},
        note="the masked row stays in the baseline",
        since="0.2.0",
    ),
    Variant(
        OverlongFilter,
        f"{_GENERATORS}:289",
        then={"truncation": "last_token"},
        note="the masked row stays in the baseline",
        until="0.1.0",
    ),
    Variant(
        ZeroVarianceFilter,
        f"{_UTILS}:684",
        then={"tolerance": 1e-6},
        free=("tolerance",),
        apart=_MASKED[:1],
        becomes=LiveVarianceFilter,
        since="0.3.0",
    ),
    Variant(
        ZeroVarianceFilter,
        f"{_UTILS}:684",
        then={"tolerance": 1e-6},
        free=("tolerance",),
        beside=_MASKED[:1],
        note="truncated responses do not count as different",
        becomes=EndedVarianceFilter,
        since="0.3.0",
    ),
    Variant(
        ZeroVarianceFilter,
        f"{_UTILS}:589",
        note="NumPy's standard deviation above 0, which rounding can be",
        becomes=RoundedVarianceFilter,
        until="0.2.0",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_PPO}:1124", {"scope": "update"}, note="token_mean, the default", since="0.2.0"),
    Variant(TokenMean, f"{_PPO}:1136", {"scope": "micro_batch"}, note="token_mean_legacy", since="0.2.0"),
    Variant(TokenMean, f"{_PPO}:991", {"scope": "micro_batch"}, note="token_mean, the default", until="0.1.0"),
    Variant(
        TokenMean,
        f"{_PPO}:1157",
        {"scope": "prompt"},
        note="prompt_mean, over all prompts of the mini-batch",
        becomes=PromptMeanOfAll,
        since="0.3.0",
    ),
    Variant(SequenceMean, f"{_PPO}:1142", {"scope": "update"}, {"count": "all"}),
    Variant(
        ConstantLength,
        f"{_PPO}:1146",
        {"scope": "update"},
        {"count": "all"},
        ("length",),
        note="seq_mean_token_sum_norm, over max_seq_len, which has to be set",
    ),
    *(
        Variant(
            KlLoss,
            f"{_WORKER}:977",
            {"estimator": estimator, "gradient": "own"},
            bounds,
            ("coef",),
            note="averaged over each response and then over responses, whatever loss_reduction is",
            becomes=SequenceMeanKl,
        )
        for estimator, bounds in _ESTIMATORS
    ),
    *(
        Variant(cls, f"{_TRAINER}:1408", {"estimator": estimator}, bounds, ("coef",))
        for cls in (KlReward, KlToGo)
        for estimator, bounds in _ESTIMATORS
    ),
    Variant(
        EntropyBonus,
        f"{_WORKER}:962",
        free=("coef",),
        note="averaged over the tokens of each micro-batch, whatever loss_reduction is",
        becomes=MicroBatchEntropy,
    ),
)

_SHRINKS: Final = "takes masked tokens out of the denominator, which is not modeled"
_REFUSALS: Final = (
    refuse_mixed_norm(f"{_PPO}:1331", whitens=True),
    refuse_norm(
        BATCH,
        "has no statistics of the rewards of a batch, but a whitening over tokens",
        f"{_PPO}:1196",
        "choose token_whitening",
    ),
    Refusal(
        Pattern(Normalize, RAW),
        "leaves rewards as they are only to whiten them, or with a critic",
        "choose group_mean",
        f"{_PPO}:1196",
        apart=_WHITENED,
    ),
    Refusal(
        Pattern(KlReward),
        "takes the KL-to-go where it whitens returns",
        "choose kl_to_go",
        f"{_PPO}:1196",
        beside=_RETURNS,
    ),
    Refusal(
        Pattern(KlToGo),
        "takes the KL-to-go only from raw rewards (reinforce++; critics are not modeled)",
        "choose kl_reward",
        f"{_PPO}:1196",
        apart=_RETURNS,
    ),
    *(
        Refusal(
            Pattern(cls),
            "leaves the KL of masked responses out of their rewards, which is not modeled",
            "choose kl_loss",
            f"{_TRAINER}:1399",
            beside=_MASKED,
        )
        for cls in (KlReward, KlToGo)
    ),
    Refusal(
        Pattern(KlLoss),
        "adds the KL to the loss or takes it from the reward, one of the two",
        "leave kl_loss out",
        "skyrl/train/utils/utils.py:300",
        beside=(Pattern(KlReward), Pattern(KlToGo)),
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "truncate"}, test=lambda trick: trick.floor != 0.0),
        "bounds the weight above alone unless it drops",
        "set outside=drop",
        f"{_WEIGHTS}:60",
        since="0.2.0",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "truncate"}, test=lambda trick: trick.floor != 0.0),
        "bounds the weight above alone",
        "set floor=0.0",
        f"{_WEIGHTS}:58",
        until="0.1.0",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "drop"}),
        _SHRINKS,
        "set outside=truncate with floor=0.0",
        f"{_WEIGHTS}:314",
        until="0.1.0",
    ),
    Refusal(
        Pattern(TokenMean, {"scope": "update"}),
        "averages over the tokens of each micro-batch",
        "set scope=micro_batch",
        f"{_PPO}:991",
        until="0.1.0",
    ),
    Refusal(
        Pattern(TokenMean, {"scope": "prompt"}),
        "has no mean of each prompt (prompt_mean came with 0.3.0)",
        "set scope=micro_batch",
        f"{_PPO}:991",
        until="0.2.0",
    ),
    Refusal(
        Pattern(ConstantLength, {"length": "padded"}),
        "divides by a number that its user sets",
        "set length=limit",
        f"{_PPO}:1146",
    ),
    refuse_class(
        PolicyGradient,
        "always has a ratio; with one update a rollout the gradient is the same",
        f"{_PPO}:566",
        "choose clip",
    ),
    refuse_class(SequenceSum, "divides by a length", f"{_PPO}:1146", "choose constant_length"),
    refuse_class(
        RewardClip, "has no option that bounds rewards", f"{_TRAINER}:1091", "bound them in the task's reward"
    ),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_PPO}:1331"),
)

SKYRL: Final = Dialect(
    "skyrl",
    "NovaSky-AI/SkyRL",
    "skyrl-v0.3.0",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_FILTERS,
        *_LOSSES,
        dynamic_sampling(f"{_UTILS}:525", "dynamic_sampling.type=filter; stops the run at its cap of batches"),
        soft_overlong(_ENVIRONMENT, "in the user's environment"),
        *reward_functions(_ENVIRONMENT),
    ),
    _REFUSALS,
    besides=("kl_loss with coef=0.001 (skyrl/train/config/config.py:606)",),
    releases=("0.1.0", "0.2.0", "0.3.0"),
)
