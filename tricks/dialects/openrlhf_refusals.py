"""Refusals of OpenRLHF by release, each with the nearest choice."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    CENTERED,
    GROUP,
    RAW,
    RLOO,
    Pattern,
    Refusal,
    refuse_class,
    refuse_mixed_norm,
)
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, RewardClip, SoftOverlong
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

MAKER: Final = "openrlhf/trainer/ppo_utils/experience_maker.py"
LOSS: Final = "openrlhf/models/loss.py"
ACTOR: Final = "openrlhf/trainer/ray/ppo_actor.py"
KL: Final = "openrlhf/models/utils.py:69"
WHITENED: Final = (Pattern(Whiten),)
TOKENS: Final = (Pattern(TokenMean),)
SEQUENCES: Final = (Pattern(SequenceMean),)
GSPO: Final = (Pattern(SequenceClip),)
BATCH_MEAN: Final = {"mean": "batch", "std": "none"}

_TERMS: Final = ((KlLoss, "the KL", 331), (EntropyBonus, "entropy", 347))


def _of_advantages() -> Iterator[Refusal]:
    """Yield the refusals of normalizations; every estimator but two is whitened in the older releases."""
    yield refuse_mixed_norm(f"{MAKER}:274", whitens=True)
    early = "choose rloo with token_whitening"
    yield Refusal(
        Pattern(Normalize, GROUP), "has no group norm before 0.6.0", early, f"{MAKER}:274", until="0.5.9.post1"
    )
    yield Refusal(
        Pattern(Normalize, CENTERED), "has no group mean before 0.6.0", early, f"{MAKER}:271", until="0.5.9.post1"
    )
    yield Refusal(
        Pattern(Normalize, CENTERED),
        "whitens what the group mean leaves",
        "choose group_mean with token_whitening",
        f"{MAKER}:325",
        apart=WHITENED,
        since="0.6.0",
        until="0.6.3.post1",
    )
    yield Refusal(Pattern(Normalize, RLOO), "whitens after rloo", early, f"{MAKER}:325", apart=WHITENED, until="0.8.4")
    yield Refusal(
        Pattern(Normalize, RLOO),
        "does not whiten after rloo",
        "choose group_mean",
        f"{MAKER}:325",
        beside=WHITENED,
        since="0.8.5",
    )
    yield Refusal(
        Pattern(Normalize, RAW),
        "leaves rewards as they are only to whiten them",
        "choose rloo with token_whitening",
        f"{MAKER}:325",
        apart=WHITENED,
        until="0.5.9.post1",
    )
    yield Refusal(
        Pattern(Normalize, RAW),
        "leaves rewards as they are only to whiten them",
        "choose group_mean with token_whitening",
        f"{MAKER}:325",
        apart=WHITENED,
        since="0.6.0",
        until="0.6.3.post1",
    )
    yield Refusal(
        Pattern(Normalize, RAW),
        "leaves rewards as they are only to whiten them",
        "choose group_mean",
        f"{MAKER}:325",
        apart=WHITENED,
        since="0.6.3.post2",
    )
    yield Refusal(
        Pattern(Normalize, GROUP),
        "does not whiten after a group norm",
        "choose group_mean",
        f"{MAKER}:325",
        beside=WHITENED,
        since="0.6.0",
    )
    yield Refusal(
        Pattern(Normalize, BATCH_MEAN),
        "subtracts the mean of the batch only over tokens, in its whitening",
        "choose token_whitening",
        f"{MAKER}:325",
        until="0.11.1",
    )
    yield Refusal(
        Pattern(Normalize, BATCH_MEAN),
        "does not whiten after the mean of the batch",
        "choose group_mean",
        f"{MAKER}:325",
        beside=WHITENED,
        since="0.11.2",
    )
    yield Refusal(
        Pattern(Whiten, {"std": "none"}),
        "always divides by the standard deviation before 0.6.4",
        "set std=batch",
        f"{MAKER}:333",
        until="0.6.3.post2",
    )


def _of_surrogates() -> Iterator[Refusal]:
    yield Refusal(
        Pattern(Clip, test=lambda trick: trick.clip_ratio_low != trick.clip_ratio_high),
        "has one distance for both ends of the clip range before 0.8.2",
        "choose clip",
        f"{LOSS}:201",
        until="0.8.1.post1",
    )
    yield replace(refuse_class(SequenceClip, "has the PPO loss alone", f"{LOSS}:198", "choose clip"), until="0.8.7")
    yield replace(
        refuse_class(TruncatedImportance, "has no weights for the gap to the sampler before 0.8.9", f"{LOSS}:216"),
        until="0.8.8",
    )
    yield Refusal(
        Pattern(TruncatedImportance),
        "takes GSPO's ratio to the sampler's probabilities in place of a weight, which is not modeled",
        "choose clip",
        f"{LOSS}:190",
        beside=GSPO,
        since="0.8.10",
    )
    yield Refusal(
        Pattern(TruncatedImportance, {"level": "sequence"}),
        "has weights of tokens alone before 0.9.3",
        "set level=token",
        f"{LOSS}:216",
        since="0.8.9",
        until="0.9.2",
    )
    yield Refusal(
        Pattern(TruncatedImportance),
        "weighs the PPO loss alone",
        "choose clip",
        f"{LOSS}:216",
        apart=(Pattern(Clip),),
        since="0.8.10",
    )
    yield replace(refuse_class(ClippedWeight, "has the PPO loss alone", f"{LOSS}:198", "choose clip"), until="0.8.7")
    yield replace(refuse_class(PolicyGradient, "has the PPO loss alone", f"{LOSS}:198", "choose clip"), until="0.8.7")
    two = "has the PPO and GSPO losses alone"
    yield replace(refuse_class(ClippedWeight, two, f"{LOSS}:198", "choose clip"), since="0.8.8")
    yield replace(refuse_class(PolicyGradient, two, f"{LOSS}:198", "choose clip"), since="0.8.8")


def _of_terms() -> Iterator[Refusal]:
    """Yield the refusals of KL and entropy, whose means are taken otherwise than the loss's."""
    yield Refusal(
        Pattern(KlToGo),
        "takes the KL either from the reward or as a loss",
        "choose kl_loss",
        f"{MAKER}:296",
        beside=(Pattern(KlLoss),),
        since="0.6.0",
    )
    yield replace(
        refuse_class(KlLoss, "takes the KL only from the reward before 0.6.0", KL, "choose kl_to_go"),
        until="0.5.9.post1",
    )
    yield Refusal(
        Pattern(KlLoss),
        "takes the KL of packed samples without a gradient",
        "choose sequence_mean",
        f"{ACTOR}:331",
        beside=TOKENS,
        since="0.6.0",
        until="0.6.4",
    )
    yield Refusal(
        Pattern(KlLoss),
        "averages the KL over responses and the loss over tokens",
        "choose kl_to_go",
        f"{ACTOR}:331",
        since="0.7.0",
        until="0.7.1.post2",
    )
    yield Refusal(
        Pattern(KlLoss),
        "stops at the first training step with a KL loss",
        "choose kl_to_go",
        f"{ACTOR}:331",
        since="0.7.2",
        until="0.7.3",
    )
    yield replace(refuse_class(EntropyBonus, "rewards no entropy before 0.7.2", f"{ACTOR}:347"), until="0.7.1.post2")
    for estimator in (KlLoss, KlToGo):
        yield Refusal(
            Pattern(estimator, {"estimator": "k2"}),
            "has k1 and k3 alone before 0.6.0.post1",
            "set estimator=k1",
            KL,
            until="0.6.0",
        )
    yield Refusal(
        Pattern(KlLoss, {"gradient": "k2"}),
        "has the estimator's own gradient alone before 0.11.1",
        "set gradient=own",
        KL,
        since="0.7.4",
        until="0.11.0",
    )
    for term, words, line in _TERMS:
        yield Refusal(
            Pattern(term),
            f"averages {words} over tokens and GSPO over responses",
            "choose clip with token_mean",
            f"{ACTOR}:{line}",
            beside=GSPO,
            since="0.8.9",
        )
        yield Refusal(
            Pattern(term),
            f"averages {words} over tokens whatever the loss",
            "choose token_mean",
            f"{ACTOR}:{line}",
            apart=TOKENS,
            since="0.7.2",
        )
    yield refuse_class(KlReward, "takes each token's KL after the baseline", f"{MAKER}:284", "choose kl_to_go")


def _of_aggregations() -> Iterator[Refusal]:
    tokens, responses = "averages over the tokens of a micro-batch alone", "choose token_mean"
    yield Refusal(Pattern(SequenceMean), tokens, responses, f"{LOSS}:30", since="0.7.0", until="0.8.8")
    yield Refusal(Pattern(SequenceMean), tokens, responses, f"{LOSS}:30", apart=GSPO, since="0.8.9", until="0.10.3")
    yield Refusal(
        Pattern(SequenceMean),
        "averages over tokens alone",
        responses,
        f"{LOSS}:30",
        apart=GSPO,
        since="0.10.4",
        until="0.11.1",
    )
    for cls in (SequenceSum, ConstantLength):
        yield replace(refuse_class(cls, "has no sums of tokens", f"{LOSS}:30", "choose sequence_mean"), until="0.6.4")
        yield replace(
            refuse_class(cls, "has the token mean alone", f"{LOSS}:30", "choose token_mean"),
            since="0.7.0",
            until="0.11.1",
        )
        yield replace(
            refuse_class(
                cls,
                "has token means and sequence means alone",
                f"{LOSS}:30",
                "choose token_mean, or sequence_mean",
            ),
            since="0.11.2",
        )


def _of_samples() -> Iterator[Refusal]:
    generator = "openrlhf/trainer/ppo_utils/samples_generator.py:173"
    yield refuse_class(
        OverlongFilter, "has no loss mask for truncated responses", f"{ACTOR}:308", "choose soft_overlong"
    )
    yield replace(refuse_class(DynamicSampling, "draws nothing again before 0.8.1", generator), until="0.8.0.post1")
    yield replace(
        refuse_class(ZeroVarianceFilter, "drops no group of equal rewards before 0.8.1", generator),
        until="0.8.0.post1",
    )
    yield replace(
        refuse_class(
            ZeroVarianceFilter,
            "drops groups of equal rewards only while it draws others",
            generator,
            "choose dynamic_sampling",
        ),
        since="0.8.1",
    )
    yield replace(
        refuse_class(
            SoftOverlong,
            "punishes long responses only in the user's reward function before 0.8.7",
            "openrlhf/trainer/ppo_utils/length_penalty.py:16",
        ),
        until="0.8.6",
    )
    yield refuse_class(
        RewardClip,
        "bounds what the baseline leaves of the reward, not the reward",
        f"{MAKER}:289",
        "choose advantage_clip",
    )
    yield Refusal(
        Pattern(AdvantageClip),
        "bounds what the baseline leaves of the reward, before KL and whitening",
        "",
        f"{MAKER}:289",
        beside=(*WHITENED, Pattern(KlToGo)),
    )


REFUSALS: Final = (
    *_of_advantages(),
    *_of_surrogates(),
    *_of_terms(),
    *_of_aggregations(),
    *_of_samples(),
)
