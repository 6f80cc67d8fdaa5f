"""prime-rl: group mean, token mean, and a probability mask in place of a clipped ratio."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    CENTERED,
    GROUP,
    MIXED,
    RAW,
    SINGLE,
    Dialect,
    Rewrite,
    Variant,
    refuse_class,
    refuse_norm,
    reward_functions,
)
from tricks.dialects.own_tricks import ProbabilityMask
from tricks.dialects.parts_prime_rl import AdvantageGate, ZeroAdvantageFilter
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_LOSS: Final = "src/prime_rl/trainer/rl/loss.py"
_GRPO: Final = "src/prime_rl/orchestrator/algo/grpo.py:30"
_MASKS: Final = (
    "masks by the change of a probability and clips no ratio (default and ipo; a custom loss is not modeled)"
)
_MEAN: Final = "subtracts the group mean, by which max_rl divides too, and has no standard deviation"
_ONLY: Final = "averages over tokens alone"
_REFERENCE: Final = "has a KL from a reference only to distill (ref_kl), in place of advantages"

_VARIANTS: Final = (
    Variant(Normalize, _GRPO, CENTERED, SINGLE),
    Variant(
        ProbabilityMask,
        f"{_LOSS}:109",
        free=("low", "high", "pull"),
        note="against the sampler's probabilities, those of the old policy where the batch has none",
    ),
    Variant(TokenMean, f"{_LOSS}:326", {"scope": "update"}),
    Variant(
        ZeroVarianceFilter,
        "src/prime_rl/orchestrator/train_sink.py:361",
        note="prunes responses whose advantage is 0 after the batch is chosen, unless turned off",
        becomes=ZeroAdvantageFilter,
    ),
    Variant(
        DynamicSampling,
        "src/prime_rl/orchestrator/curriculum/gates/adv.py:36",
        free=("rounds", "at_cap"),
        note="the advantage_range gate, off unless named; a rounding of the mean lets equal rewards pass",
        becomes=AdvantageGate,
    ),
    *reward_functions("packages/prime-rl-configs/src/prime_rl/configs/orchestrator.py:231"),
)

_REFUSALS: Final = (
    *(refuse_norm(when, _MEAN, _GRPO, "choose group_mean") for when in (GROUP, MIXED, RAW)),
    refuse_class(Clip, _MASKS, f"{_LOSS}:135"),
    refuse_class(SequenceClip, _MASKS, f"{_LOSS}:135"),
    refuse_class(ClippedWeight, _MASKS, f"{_LOSS}:135"),
    refuse_class(PolicyGradient, _MASKS, f"{_LOSS}:135"),
    refuse_class(Whiten, "does not normalize twice", _GRPO),
    refuse_class(SequenceMean, _ONLY, f"{_LOSS}:326", "choose token_mean"),
    refuse_class(SequenceSum, _ONLY, f"{_LOSS}:326", "choose token_mean"),
    refuse_class(ConstantLength, _ONLY, f"{_LOSS}:326", "choose token_mean"),
    refuse_class(TruncatedImportance, "has the sampler's probabilities in its ratio already", f"{_LOSS}:100"),
    refuse_class(KlLoss, _REFERENCE, f"{_LOSS}:199"),
    refuse_class(KlReward, _REFERENCE, f"{_LOSS}:199"),
    refuse_class(KlToGo, _REFERENCE, f"{_LOSS}:199"),
    refuse_class(EntropyBonus, "reports entropy and does not reward it", f"{_LOSS}:60"),
    refuse_class(
        OverlongFilter,
        "reports truncated responses and keeps them in the loss",
        "src/prime_rl/orchestrator/metrics.py:307",
        "choose soft_overlong",
    ),
    refuse_class(
        RewardClip,
        "has no option that bounds rewards",
        "src/prime_rl/orchestrator/algo/grpo.py:25",
        "bound them in the task's reward",
    ),
    refuse_class(AdvantageClip, "does not bound advantages", _GRPO),
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
    besides=("zero_variance_filter, by the advantage (src/prime_rl/orchestrator/train_sink.py:361)",),
)
