"""TRL's AsyncGRPOTrainer: group norm with n and epsilon 1e-8, a ratio to the sampler, token mean of micro-batches.

The rows hold for every release that has ``trl.experimental.async_grpo``. Line numbers are those of 1.16.0.
"""

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
    Variant,
    refuse_class,
    refuse_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.parts_trl_async import SamplerClip
from tricks.dialects.trl import RELEASES as _TRL
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

RELEASES: Final = _TRL[_TRL.index("1.0.0") :]

_FOLDER: Final = "trl/experimental/async_grpo"
_TRAINER: Final = f"{_FOLDER}/async_grpo_trainer.py"
_CONFIG: Final = f"{_FOLDER}/async_grpo_config.py"
_NORM: Final = f"{_FOLDER}/async_rollout_worker.py:1065"
_CLIP: Final = f"{_TRAINER}:1529"
_MEAN: Final = f"{_TRAINER}:1541"
_SCALED: Final = "always subtracts the group mean and divides by the group's standard deviation"
_CLIPS: Final = "clips ratios of tokens alone"
_TOKENS: Final = "averages over the tokens of a micro-batch alone"
_REFERENCE: Final = "has no reference model, and reports its KL to the sampler without a gradient"

_VARIANTS: Final = (
    Variant(Normalize, _NORM, GROUP, {"eps": 1e-8, "ddof": 0, "zero_std": "eps"}, note="in float64"),
    Variant(
        Clip,
        _CLIP,
        then={"log_ratio_bound": None},
        free=("clip_ratio_low", "clip_ratio_high"),
        note="the ratio is to the sampler's log-probs, those of the old policy where the batch has none",
        becomes=SamplerClip,
    ),
    Variant(TokenMean, _MEAN, then={"scope": "micro_batch"}, note="each micro-batch counts once in the update"),
    soft_overlong("trl/rewards/other_rewards.py:83"),
    *reward_functions(f"{_FOLDER}/async_rollout_worker.py:1033"),
)

_REFUSALS: Final = (
    *(refuse_norm(when, _SCALED, _NORM, "choose group_norm") for when in (CENTERED, MIXED, RAW, BATCH, RLOO)),
    Refusal(
        Pattern(Clip, test=lambda trick: trick.dual_clip is not None),
        "has no upper bound of the ratio of a negative advantage",
        "choose clip",
        _CLIP,
    ),
    refuse_class(SequenceClip, _CLIPS, _CLIP, "choose clip"),
    refuse_class(ClippedWeight, _CLIPS, _CLIP, "choose clip"),
    refuse_class(PolicyGradient, "always has a ratio, to the sampler's log-probs, and clips it", _CLIP, "choose clip"),
    refuse_class(Whiten, "does not normalize twice", _NORM, "choose group_norm"),
    Refusal(Pattern(TokenMean, {"scope": "prompt"}), _TOKENS, "choose token_mean", _MEAN),
    refuse_class(SequenceMean, _TOKENS, _MEAN, "choose token_mean"),
    refuse_class(SequenceSum, _TOKENS, _MEAN, "choose token_mean"),
    refuse_class(ConstantLength, _TOKENS, _MEAN, "choose token_mean"),
    refuse_class(
        TruncatedImportance, "has the sampler's probabilities in its ratio already", f"{_TRAINER}:1527", "choose clip"
    ),
    refuse_class(KlLoss, _REFERENCE, f"{_TRAINER}:1557"),
    refuse_class(KlReward, _REFERENCE, f"{_TRAINER}:1557"),
    refuse_class(KlToGo, _REFERENCE, f"{_TRAINER}:1557"),
    refuse_class(EntropyBonus, "reports entropy and does not reward it", f"{_TRAINER}:1558"),
    refuse_class(OverlongFilter, "keeps truncated responses in the loss", f"{_TRAINER}:1538", "choose soft_overlong"),
    refuse_class(DynamicSampling, "does not draw other prompts", _NORM),
    refuse_class(ZeroVarianceFilter, "keeps groups of equal rewards in the loss", _NORM),
    refuse_class(
        RewardClip,
        "has no option that bounds rewards",
        f"{_FOLDER}/async_rollout_worker.py:1057",
        "bound them in the task's reward",
    ),
    refuse_class(AdvantageClip, "does not bound advantages", _NORM),
)

TRL_ASYNC: Final = Dialect(
    "trl_async",
    "huggingface/trl",
    "v1.16.0",
    _VARIANTS,
    _REFUSALS,
    besides=(f"responses whose policy is more than max_staleness=4 weight syncs old are left out ({_CONFIG}:360)",),
    releases=RELEASES,
)
