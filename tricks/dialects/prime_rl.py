"""prime-rl: group mean, token mean, and a mask on probabilities in place of a clipped ratio."""

from __future__ import annotations

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Rewrite, Variant
from tricks.dialects.probability import ProbabilityMask
from tricks.dialects.rows import CENTRED, GROUP, MIXED, RAW, SINGLE, lacks, lacks_norm, reward_functions
from tricks.entropy import EntropyBonus
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_LOSS: Final = "src/prime_rl/trainer/rl/loss.py"
_GRPO: Final = "src/prime_rl/orchestrator/algo/grpo.py"
_MASKS: Final = "masks by the change of a probability and clips no ratio"
_MEAN: Final = "subtracts the group mean and does nothing else"
_ONLY: Final = "averages over tokens alone"

_VARIANTS: Final = (
    Variant(Normalize, _GRPO, CENTRED, SINGLE),
    Variant(ProbabilityMask, f"{_LOSS}, default_loss_fn", note="against the sampler's probabilities"),
    Variant(TokenMean, _LOSS, {"scope": "update"}),
    Variant(
        ZeroVarianceFilter,
        "src/prime_rl/orchestrator/train_sink.py:361",
        note="prunes after the batch is chosen, unless turned off",
    ),
    *reward_functions("verifiers, rubric"),
)

_REFUSALS: Final = (
    *(lacks_norm(when, _MEAN, "choose group_mean", _GRPO) for when in (GROUP, MIXED, RAW)),
    lacks(Clip, _MASKS, "leave the clip out", _LOSS),
    lacks(SequenceClip, _MASKS, "leave gspo out", _LOSS),
    lacks(ClippedWeight, _MASKS, "leave cispo out", _LOSS),
    lacks(PolicyGradient, _MASKS, "leave policy_gradient out", _LOSS),
    lacks(Whiten, "does not normalise twice"),
    lacks(SequenceMean, _ONLY, "choose token_mean", _LOSS),
    lacks(SequenceSum, _ONLY, "choose token_mean", _LOSS),
    lacks(ConstantLength, _ONLY, "choose token_mean", _LOSS),
    lacks(TruncatedImportance, "has the sampler's probabilities in its ratio already", where=_LOSS),
    lacks(KlLoss, "has no divergence from a reference", where=_LOSS),
    lacks(KlReward, "has no divergence from a reference", where=_LOSS),
    lacks(KlToGo, "has no divergence from a reference", where=_LOSS),
    lacks(EntropyBonus, "has no entropy term"),
    lacks(OverlongFilter, "has no loss mask for truncated responses", "choose soft_overlong"),
    lacks(DynamicSampling, "prunes groups of equal rewards without drawing others", "choose zero_variance_filter"),
    lacks(RewardClip, "does not bound rewards", "bound them in the task's reward"),
    lacks(AdvantageClip, "does not bound advantages"),
)

PRIME_RL: Final = Dialect(
    "prime_rl",
    "PrimeIntellect-ai/prime-rl",
    "559b447",
    _VARIANTS,
    _REFUSALS,
    (
        Rewrite(
            "surrogate",
            ProbabilityMask(),
            "packages/prime-rl-configs/src/prime_rl/configs/trainer.py:497",
            filler=True,
            note="its own surrogate, where none is chosen",
        ),
    ),
    besides=("zero_variance_filter (src/prime_rl/orchestrator/train_sink.py:361)",),
)
