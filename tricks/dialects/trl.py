"""TRL: epsilon 1e-4, masked responses counted in the sequence mean, an aggregation that is part of the loss type."""

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
    MIXED,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    lacks,
    lacks_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.sequence_clip import ResponseClip
from tricks.entropy import EntropyBonus
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_TRAINER: Final = "trl/trainer/grpo_trainer.py"
_TOKENS: Final = (Pattern(TokenMean),)
_NORMED: Final = (Pattern(Normalize, GROUP),)
_PRODUCT: Final = "has it in RLOOTrainer alone, which clips the product of a response's ratios"

_ADVANTAGES: Final = (
    Variant(Normalize, f"{_TRAINER}:2690", GROUP, {**RESIDUE, "eps": 1e-4}),
    Variant(Normalize, f"{_TRAINER}:2697", MIXED, {**RESIDUE, "eps": 1e-4, "about": "own"}, note="scale_rewards=batch"),
    Variant(Normalize, f"{_TRAINER}:2690", CENTRED, SINGLE),
    Variant(
        Whiten,
        f"{_TRAINER}:2718",
        {"weights": "sequence", **BATCH},
        {"eps": 1e-4, "eps_rule": "added", "include": "all"},
        beside=_NORMED,
        note="multi_objective_aggregation=normalize_then_sum with one reward",
    ),
)

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_TRAINER}, _compute_loss",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high", "dual_clip"),
        note="delta above 1 + epsilon_high is a dual clip",
    ),
    Variant(
        SequenceClip,
        f"{_TRAINER}, _compute_loss",
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseClip,
        note="importance_sampling_level=sequence, with any loss type",
    ),
    Variant(
        ClippedWeight,
        f"{_TRAINER}:3080",
        {"low": 0.0},
        {"log_ratio_bound": None},
        ("high",),
        beside=_TOKENS,
        note="high is epsilon_high itself, not 1 + epsilon_high",
    ),
    Variant(
        TruncatedImportance,
        "trl/trainer/grpo_config.py:915",
        {"floor": 0.0},
        free=("cap", "level", "outside"),
        note="with vLLM alone; its level is sequence unless told otherwise",
    ),
    Variant(
        OverlongFilter,
        f"{_TRAINER}:2417",
        then={"truncation": "last_token"},
        note="truncated unless the last token is EOS or padding; stays in the baseline",
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_TRAINER}:3126", {"scope": "update"}, note="dapo, with steps_per_generation at its default"),
    Variant(TokenMean, f"{_TRAINER}:3126", {"scope": "micro_batch"}, note="bnpo"),
    Variant(SequenceMean, f"{_TRAINER}:3126", {"scope": "update"}, {"count": "all"}, note="grpo"),
    Variant(SequenceSum, f"{_TRAINER}:3126", {"scope": "update"}, {"count": "all"}, note="luspo with ratios of tokens"),
    Variant(
        ConstantLength, f"{_TRAINER}:3134", {"scope": "update"}, {"length": "limit", "count": "all"}, note="dr_grpo"
    ),
    Variant(
        KlLoss,
        f"{_TRAINER}, _compute_loss",
        {"estimator": "k3", "gradient": "own"},
        {"log_ratio_bound": None, "value_bound": None},
        ("coef",),
    ),
    Variant(
        EntropyBonus,
        f"{_TRAINER}, _compute_loss",
        free=("coef",),
        beside=_TOKENS,
        note="a token mean of each micro-batch, whatever the loss type",
    ),
)

_REFUSALS: Final = (
    lacks_norm(RAW, "always subtracts the group mean", "choose group_mean", f"{_TRAINER}:2690"),
    lacks_norm(BATCH, "always subtracts the group mean", "choose group_mean_batch_std", f"{_TRAINER}:2690"),
    lacks_norm(RLOO, _PRODUCT, "choose group_mean", "trl/trainer/rloo_trainer.py"),
    Refusal(Pattern(Whiten, {"weights": "token"}), "does not weigh advantages by tokens", "set weights=sequence"),
    Refusal(Pattern(Whiten), "normalises twice after a group norm alone", "choose group_norm", apart=_NORMED),
    Refusal(
        Pattern(ClippedWeight, test=lambda trick: trick.low != 0.0), "bounds the weight above alone", "leave low out"
    ),
    Refusal(Pattern(ClippedWeight), "divides this loss by tokens", "choose token_mean", apart=_TOKENS),
    Refusal(
        Pattern(EntropyBonus), "averages entropy over tokens whatever the loss", "choose token_mean", apart=_TOKENS
    ),
    lacks(PolicyGradient, "always has a ratio; with one update a rollout the gradient is the same"),
    lacks(KlReward, _PRODUCT, "choose kl_loss", "trl/trainer/rloo_trainer.py"),
    lacks(KlToGo, "has the divergence as a loss alone", "choose kl_loss"),
    lacks(
        DynamicSampling,
        "has a replay buffer in place of refill, as an experiment",
        where="docs, grpo_with_replay_buffer",
    ),
    lacks(ZeroVarianceFilter, "keeps groups of equal rewards in the loss"),
    lacks(RewardClip, "bounds rewards in RLOOTrainer alone", "bound them in the task's reward"),
    lacks(AdvantageClip, "does not bound advantages"),
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
        *reward_functions("trl/trainer/grpo_trainer.py, reward_funcs"),
    ),
    _REFUSALS,
    besides=("truncated_is, whenever vLLM samples (trl/trainer/grpo_config.py:915)",),
)
