"""Refusals of TRL's GRPOTrainer by release, each with the nearest choice."""

from dataclasses import replace
from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    MIXED,
    RAW,
    RLOO,
    Pattern,
    Refusal,
    refuse_class,
    refuse_norm,
)
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

TRAINER: Final = "trl/trainer/grpo_trainer.py"
CONFIG: Final = "trl/trainer/grpo_config.py"
_RLOO: Final = "trl/trainer/rloo_trainer.py"
ALL_TOKENS: Final = (Pattern(TokenMean, {"scope": "update"}),)
NORMED: Final = (Pattern(Normalize, {"mean": "group", "std": "group"}),)
GSPO: Final = (Pattern(SequenceClip),)
_SUMMED: Final = (Pattern(SequenceSum),)
_TOKENS: Final = (Pattern(TokenMean),)
_MICRO: Final = (Pattern(TokenMean, {"scope": "micro_batch"}),)
_PRODUCT: Final = "has it in RLOOTrainer alone, which clips the product of a response's ratios"
_WEIGHED: Final = "averages over padding too, with the log-probs that the model gives it,"


def _until(release: str, *rows: Refusal) -> tuple[Refusal, ...]:
    return tuple(replace(row, until=release) for row in rows)


_NOT_YET: Final = (
    *_until(
        "0.15.2",
        refuse_norm(
            CENTERED, "always divides by the group's standard deviation", f"{TRAINER}:643", "choose group_norm"
        ),
        refuse_class(TokenMean, "always averages each response first", f"{TRAINER}:713", "choose sequence_mean"),
        refuse_class(
            Clip,
            "has no ratio to the old policy and no clip range, which came in 0.16.0",
            f"{TRAINER}:711",
            "choose policy_gradient",
        ),
    ),
    *_until(
        "0.16.1",
        refuse_class(OverlongFilter, "has no mask of truncated responses, which came in 0.17.0", f"{TRAINER}:932", ""),
        replace(
            refuse_class(
                SequenceMean, "always averages over the tokens of a micro-batch", f"{TRAINER}:932", "choose token_mean"
            ),
            since="0.16.0",
        ),
        replace(
            refuse_class(
                ConstantLength,
                "always averages over the tokens of a micro-batch",
                f"{TRAINER}:932",
                "choose token_mean",
            ),
            since="0.16.0",
        ),
    ),
    *_until(
        "0.15.2",
        refuse_class(ConstantLength, "always averages each response first", f"{TRAINER}:713", "choose sequence_mean"),
    ),
    *_until(
        "0.17.0",
        Refusal(
            Pattern(Clip, test=lambda trick: trick.dual_clip is not None),
            "has no upper bound of the ratio of a negative advantage, which came as delta in 0.18.0",
            "choose clip",
            f"{TRAINER}:1212",
        ),
    ),
    *_until(
        "0.19.1",
        refuse_class(
            SequenceClip,
            "has ratios of tokens alone, those of responses came in 0.20.0",
            f"{TRAINER}:1391",
            "choose clip",
        ),
    ),
    *_until(
        "0.21.0",
        refuse_norm(
            MIXED, "has no standard deviation of a batch, which came in 0.22.2", f"{TRAINER}:1690", "choose group_norm"
        ),
    ),
    replace(
        refuse_norm(
            MIXED,
            "divides by the group's standard deviation where scale_rewards is batch, a fault mended in 0.22.2",
            f"{TRAINER}:1414",
            "choose group_norm",
        ),
        since="0.22.0",
        until="0.22.1",
    ),
    *_until(
        "0.22.2",
        refuse_class(
            TruncatedImportance, "does not correct for the sampler, which came in 0.23.0", f"{TRAINER}:1605", ""
        ),
    ),
    replace(
        Refusal(
            Pattern(
                TruncatedImportance,
                test=lambda trick: trick.floor != 0 or trick.level != "token" or trick.outside != "truncate",
            ),
            "truncates weights of tokens from above alone; other modes came in 0.26.0, a lower bound in 1.6.0",
            "set level=token with outside=truncate and floor=0",
            f"{TRAINER}:1542",
        ),
        since="0.23.0",
        until="0.25.1",
    ),
    replace(
        Refusal(
            Pattern(TruncatedImportance, test=lambda trick: trick.floor != 0),
            "bounds weights from above alone; a lower bound came in 1.6.0",
            "set floor=0",
            f"{TRAINER}:2086",
        ),
        since="0.26.0",
        until="1.5.1",
    ),
    *_until(
        "0.25.1",
        refuse_class(
            ClippedWeight, "has no clipped weights, which came as cispo in 0.26.0", f"{TRAINER}:1794", "choose clip"
        ),
        Refusal(
            Pattern(KlLoss, {"gradient": "ratio"}),
            "adds the KL as it is; use_bias_correction_kl came in 0.26.0",
            "set gradient=own",
            f"{TRAINER}:1794",
        ),
    ),
    *_until(
        "0.26.2",
        refuse_class(Whiten, "does not normalize a second time, which came in 0.27.0", f"{TRAINER}:1964", ""),
    ),
    *_until(
        "0.27.2",
        refuse_class(
            SequenceSum,
            "has no sum over the tokens of a response, which came as luspo in 0.28.0",
            f"{TRAINER}:2374",
            "choose token_mean",
        ),
    ),
    *_until("1.7.1", refuse_class(EntropyBonus, "has no entropy bonus, which came in 1.8.0", f"{TRAINER}:2807", "")),
)

_LUSPO: Final = (
    Refusal(
        Pattern(SequenceSum),
        f"{_WEIGHED} where ratios are of tokens (mended in 1.10.0)",
        "choose gspo",
        f"{TRAINER}:3146",
        apart=GSPO,
        until="1.9.2",
    ),
    Refusal(
        Pattern(KlLoss),
        f"{_WEIGHED} once a KL of tokens is added to luspo (mended in 1.10.0)",
        "choose sequence_mean",
        f"{TRAINER}:3146",
        beside=_SUMMED,
        until="1.9.2",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "token"}),
        f"{_WEIGHED} once weights of tokens are multiplied in luspo (mended in 1.10.0)",
        "set level=sequence",
        f"{TRAINER}:3146",
        beside=_SUMMED,
        until="1.9.2",
    ),
)

_ALWAYS: Final = (
    refuse_norm(RAW, "always subtracts the group mean", f"{TRAINER}:2785", "choose group_norm"),
    refuse_norm(BATCH, "always subtracts the group mean", f"{TRAINER}:2785", "choose group_norm"),
    refuse_norm(RLOO, _PRODUCT, f"{_RLOO}:1689", "choose group_norm"),
    Refusal(
        Pattern(Whiten, {"weights": "token"}),
        "does not weigh advantages by tokens",
        "set weights=sequence with group_norm",
        f"{TRAINER}:2799",
        since="0.27.0",
    ),
    Refusal(
        Pattern(Whiten),
        "normalizes twice after a group norm alone",
        "choose group_norm",
        f"{TRAINER}:2795",
        apart=NORMED,
        since="0.27.0",
    ),
    Refusal(
        Pattern(ClippedWeight, test=lambda trick: trick.low != 0.0),
        "bounds the weight above alone",
        "set low=0.0 with token_mean",
        f"{TRAINER}:3110",
        since="0.26.0",
    ),
    Refusal(
        Pattern(ClippedWeight),
        "divides this loss by the tokens of the update",
        "choose token_mean",
        f"{TRAINER}:3167",
        apart=ALL_TOKENS,
        since="0.26.0",
    ),
    Refusal(
        Pattern(KlLoss, test=lambda trick: trick.gradient in ("score_function", "k2")),
        "takes the gradient of k3 itself, or that of k3 times the ratio",
        "set gradient=own",
        f"{TRAINER}:3105",
    ),
    Refusal(
        Pattern(EntropyBonus),
        "averages entropy over tokens whatever the loss",
        "choose token_mean",
        f"{TRAINER}:3171",
        apart=_TOKENS,
        since="1.8.0",
        until="1.9.2",
    ),
    Refusal(
        Pattern(EntropyBonus),
        "averages entropy over tokens of a micro-batch whatever the loss, as token_mean with scope=micro_batch does",
        "",
        f"{TRAINER}:3199",
        apart=_MICRO,
        since="1.10.0",
    ),
    replace(
        refuse_class(
            PolicyGradient,
            "always has a ratio; with one update a rollout the gradient is the same",
            f"{TRAINER}:3084",
            "choose clip",
        ),
        since="0.16.0",
    ),
    refuse_class(KlReward, _PRODUCT, f"{_RLOO}:1689", "choose kl_loss"),
    refuse_class(KlToGo, "adds the KL to the loss in GRPOTrainer", f"{TRAINER}:3150", "choose kl_loss"),
    refuse_class(DynamicSampling, "does not draw other prompts", f"{TRAINER}:1522"),
    refuse_class(ZeroVarianceFilter, "keeps groups of equal rewards in the loss", f"{TRAINER}:2788"),
    refuse_class(RewardClip, "bounds rewards in RLOOTrainer alone", f"{_RLOO}:1522", "bound them in the task's reward"),
    refuse_class(AdvantageClip, "does not bound advantages", f"{TRAINER}:2787"),
)

REFUSALS: Final = (*_NOT_YET, *_LUSPO, *_ALWAYS)
