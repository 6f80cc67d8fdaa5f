"""TRL: epsilon 1e-4, masked responses in the sequence mean, loss types with an aggregation."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    MIXED,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    refuse_class,
    refuse_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.own_tricks import ResponseClip
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_TRAINER: Final = "trl/trainer/grpo_trainer.py"
_CONFIG: Final = "trl/trainer/grpo_config.py"
_RLOO: Final = "trl/trainer/rloo_trainer.py"
_TOKENS: Final = (Pattern(TokenMean),)
_ALL_TOKENS: Final = (Pattern(TokenMean, {"scope": "update"}),)
_NORMED: Final = (Pattern(Normalize, GROUP),)
_GSPO: Final = (Pattern(SequenceClip),)
_SUMMED: Final = (Pattern(SequenceSum),)
_PRODUCT: Final = "has it in RLOOTrainer alone, which clips the product of a response's ratios"
_WEIGHED: Final = "weighs each token of luspo by its response's length over the padded width, padding too,"

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_TRAINER}:2707", GROUP, {**RESIDUE, "eps": 1e-4}),
    Variant(Normalize, f"{_TRAINER}:2697", MIXED, {**RESIDUE, "eps": 1e-4, "about": "own"}, note="scale_rewards=batch"),
    Variant(Normalize, f"{_TRAINER}:2705", CENTERED, SINGLE),
    Variant(
        Whiten,
        f"{_TRAINER}:2719",
        {"weights": "sequence", **BATCH},
        {"eps": 1e-4, "eps_rule": "added", "include": "all"},
        beside=_NORMED,
        note="multi_objective_aggregation=normalize_then_sum with one reward",
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_TRAINER}:3084",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="delta above 1 + epsilon_high is a dual clip",
    ),
    Variant(
        SequenceClip,
        f"{_TRAINER}:3057",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="importance_sampling_level=sequence, with any loss type",
        becomes=ResponseClip,
    ),
    Variant(
        ClippedWeight,
        f"{_TRAINER}:3081",
        {"low": 0.0},
        {"log_ratio_bound": None},
        ("high",),
        beside=_ALL_TOKENS,
        note="high is epsilon_high itself, not 1 + epsilon_high",
    ),
    Variant(
        TruncatedImportance,
        f"{_TRAINER}:2590",
        free=("cap", "floor", "level", "outside"),
        note="with vLLM alone; its level is sequence, and it drops, unless told otherwise",
    ),
    Variant(
        OverlongFilter,
        f"{_TRAINER}:2419",
        then={"truncation": "last_token"},
        note="truncated unless the last token is EOS or padding; stays in the baseline",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_TRAINER}:3139", {"scope": "update"}, note="dapo, with steps_per_generation at its default"),
    Variant(TokenMean, f"{_TRAINER}:3129", {"scope": "micro_batch"}, note="bnpo"),
    Variant(SequenceMean, f"{_TRAINER}:3124", {"scope": "update"}, {"count": "all"}, note="grpo"),
    Variant(
        SequenceSum,
        f"{_TRAINER}:3145",
        {"scope": "update"},
        {"count": "all"},
        beside=_GSPO,
        note="luspo with importance_sampling_level=sequence",
    ),
    Variant(
        ConstantLength, f"{_TRAINER}:3134", {"scope": "update"}, {"length": "limit", "count": "all"}, note="dr_grpo"
    ),
    Variant(
        KlLoss,
        f"{_TRAINER}:3071",
        {"estimator": "k3", "gradient": "own"},
        {"log_ratio_bound": None, "value_bound": None},
        ("coef",),
    ),
    Variant(
        EntropyBonus,
        f"{_TRAINER}:3164",
        free=("coef",),
        beside=_TOKENS,
        note="over the tokens of the update with dapo and cispo, of the micro-batch with the other losses",
    ),
)

_REFUSALS: Final = (
    refuse_norm(RAW, "always subtracts the group mean", f"{_TRAINER}:2705", "choose group_mean"),
    refuse_norm(BATCH, "always subtracts the group mean", f"{_TRAINER}:2705", "choose group_mean_batch_std"),
    refuse_norm(RLOO, _PRODUCT, f"{_RLOO}:1689", "choose group_mean"),
    Refusal(
        Pattern(Whiten, {"weights": "token"}),
        "does not weigh advantages by tokens",
        "set weights=sequence with group_norm",
        f"{_TRAINER}:2719",
    ),
    Refusal(
        Pattern(Whiten),
        "normalizes twice after a group norm alone",
        "choose group_norm",
        f"{_TRAINER}:2714",
        apart=_NORMED,
    ),
    Refusal(
        Pattern(ClippedWeight, test=lambda trick: trick.low != 0.0),
        "bounds the weight above alone",
        "set low=0.0 with token_mean",
        f"{_TRAINER}:3081",
    ),
    Refusal(
        Pattern(ClippedWeight),
        "divides this loss by the tokens of the update",
        "choose token_mean",
        f"{_TRAINER}:3139",
        apart=_ALL_TOKENS,
    ),
    Refusal(
        Pattern(SequenceSum),
        f"{_WEIGHED} where ratios are of tokens, which is not modeled",
        "choose gspo",
        f"{_TRAINER}:3145",
        apart=_GSPO,
    ),
    Refusal(
        Pattern(KlLoss),
        f"{_WEIGHED} once a KL of tokens is added, which is not modeled",
        "choose sequence_mean",
        f"{_TRAINER}:3145",
        beside=_SUMMED,
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "token"}),
        f"{_WEIGHED} once weights of tokens are multiplied, which is not modeled",
        "set level=sequence",
        f"{_TRAINER}:3145",
        beside=_SUMMED,
    ),
    Refusal(
        Pattern(KlLoss, {"gradient": "score_function"}),
        "multiplies the KL by the ratio to the old policy (use_bias_correction_kl), which is not modeled",
        "set gradient=own",
        f"{_TRAINER}:3075",
    ),
    Refusal(
        Pattern(EntropyBonus),
        "averages entropy over tokens whatever the loss",
        "choose token_mean",
        f"{_TRAINER}:3171",
        apart=_TOKENS,
    ),
    refuse_class(
        PolicyGradient,
        "always has a ratio; with one update a rollout the gradient is the same",
        f"{_TRAINER}:3066",
        "choose clip",
    ),
    refuse_class(KlReward, _PRODUCT, f"{_RLOO}:1689", "choose kl_loss"),
    refuse_class(KlToGo, "adds the KL to the loss in GRPOTrainer", f"{_TRAINER}:3121", "choose kl_loss"),
    refuse_class(
        DynamicSampling,
        "has a replay buffer in place of drawing others, as an experiment",
        "trl/experimental/grpo_with_replay_buffer/grpo_with_replay_buffer_trainer.py:29",
    ),
    refuse_class(ZeroVarianceFilter, "keeps groups of equal rewards in the loss", f"{_TRAINER}:2708"),
    refuse_class(RewardClip, "bounds rewards in RLOOTrainer alone", f"{_RLOO}:1522", "bound them in the task's reward"),
    refuse_class(AdvantageClip, "does not bound advantages", f"{_TRAINER}:2705"),
)

TRL: Final = Dialect(
    "trl",
    "huggingface/trl",
    "f2cd577",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        soft_overlong("trl/rewards/other_rewards.py:83"),
        *reward_functions(f"{_TRAINER}:180"),
    ),
    _REFUSALS,
    besides=(f"truncated_is, whenever vLLM samples ({_CONFIG}:915)",),
)
