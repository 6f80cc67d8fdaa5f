"""The catalog of tricks: those of this project and those that installed packages add."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.api import ENTRY_POINT_GROUP, TrickError, TrickSpec
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, FormatReward, LengthReward, RewardClip, SoftOverlong
from tricks.settings import suggest
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_DAPO, _GRPO, _DR_GRPO = "arXiv:2503.14476 (DAPO)", "arXiv:2402.03300 (GRPO)", "arXiv:2503.20783 (Dr. GRPO)"
_REINFORCE_PP, _RLOO, _SCALE_RL = (
    "arXiv:2501.03262 (REINFORCE++)",
    "arXiv:2402.14740 (RLOO)",
    "arXiv:2510.13786 (ScaleRL)",
)

PAPER_TRICKS: Final = (
    TrickSpec("group_norm", Normalize, _GRPO, "group mean, group std", {"mean": "group", "std": "group"}),
    TrickSpec("batch_norm", Normalize, _REINFORCE_PP, "batch mean, batch std", {"mean": "batch", "std": "batch"}),
    TrickSpec("group_mean", Normalize, _DR_GRPO, "group mean, no std", {"mean": "group"}),
    TrickSpec(
        "group_mean_batch_std",
        Normalize,
        "arXiv:2508.08221 (Lite PPO)",
        "group mean, batch std",
        {"mean": "group", "std": "batch"},
    ),
    TrickSpec("clip_higher", Clip, _DAPO, "raise the upper end of the clip range", {"clip_ratio_high": 0.28}),
    TrickSpec("token_mean", TokenMean, _DAPO, "every token has the same weight"),
    TrickSpec("sequence_mean", SequenceMean, _GRPO, "every response has the same weight"),
    TrickSpec("overlong_filter", OverlongFilter, _DAPO, "drop truncated responses from the loss"),
)

PEER_TRICKS: Final = (
    TrickSpec("batch_mean", Normalize, "arXiv:2508.08221 (caption of Fig. 5)", "batch mean, no std", {"mean": "batch"}),
    TrickSpec("rloo", Normalize, _RLOO, "mean of the group's other samples, no std", {"mean": "leave_one_out"}),
    TrickSpec(
        "leave_one_out_norm",
        Normalize,
        "NeMo-RL (no paper)",
        "mean and std of the group's other samples",
        {"mean": "leave_one_out", "std": "leave_one_out", "zero_std": "keep"},
    ),
    TrickSpec("token_whitening", Whiten, _REINFORCE_PP, "normalize advantages over the tokens of the batch"),
    TrickSpec("reward_clip", RewardClip, "arXiv:2508.08221 (section 2.4)", "clip the rewards"),
    TrickSpec("advantage_clip", AdvantageClip, "arXiv:2508.08221 (section 2.4)", "clip the advantages"),
    TrickSpec("clip", Clip, "arXiv:1707.06347 (PPO)", "PPO's clip with a chosen clip range"),
    TrickSpec("dual_clip", Clip, "arXiv:1912.09729", "also clip the ratio of negative advantages", {"dual_clip": 3.0}),
    TrickSpec("gspo", SequenceClip, "arXiv:2507.18071 (GSPO)", "one clipped importance ratio per response"),
    TrickSpec("cispo", ClippedWeight, "arXiv:2506.13585 (MiniMax-M1)", "clip the weight, keep all token gradients"),
    TrickSpec("policy_gradient", PolicyGradient, _RLOO, "REINFORCE, no importance ratio"),
    TrickSpec(
        "truncated_is", TruncatedImportance, _SCALE_RL, "token weights: truncated importance ratio learner/sampler"
    ),
    TrickSpec("kl_loss", KlLoss, _GRPO, "add the KL from the reference policy to the loss"),
    TrickSpec("kl_reward", KlReward, _RLOO, "subtract the response's KL from its reward"),
    TrickSpec("kl_to_go", KlToGo, _REINFORCE_PP, "subtract the KL-to-go from each token's advantage"),
    TrickSpec("entropy_bonus", EntropyBonus, "arXiv:1707.06347 (PPO)", "subtract the policy's entropy from the loss"),
    TrickSpec("sequence_sum", SequenceSum, _RLOO, "sum token losses, average over responses"),
    TrickSpec("constant_length", ConstantLength, _DR_GRPO, "divide token losses by a constant length"),
    TrickSpec("prompt_mean", TokenMean, _SCALE_RL, "token mean per prompt, then the mean", {"scope": "prompt"}),
    TrickSpec("zero_variance_filter", ZeroVarianceFilter, _SCALE_RL, "drop groups of equal rewards from the loss"),
    TrickSpec("dynamic_sampling", DynamicSampling, _DAPO, "resample groups of equal rewards"),
    TrickSpec("soft_overlong", SoftOverlong, _DAPO, "penalize responses near the length limit"),
    TrickSpec("length_reward", LengthReward, "arXiv:2501.12599 (Kimi k1.5)", "reward shorter responses of a group"),
    TrickSpec("format_reward", FormatReward, "arXiv:2501.12948 (DeepSeek-R1)", "bonus for the requested answer format"),
)

BUILT_IN_TRICKS: Final = PAPER_TRICKS + PEER_TRICKS

# The defaults of closed hooks that no trick fills: PPO's clipped loss on raw rewards (arXiv:2508.08221, eq. 1).
DEFAULT_TRICKS: Final = {"advantages": Normalize(), "surrogate": Clip(), "loss_weights": SequenceMean()}


@cache
def load_catalog() -> Mapping[str, TrickSpec]:
    """Return every known trick by name.

    Raises TrickError if another package reuses a name of this project.
    """
    specs = {spec.name: spec for spec in BUILT_IN_TRICKS}
    for point, spec in foreign(tuple(entry_points(group=ENTRY_POINT_GROUP))):
        if spec.name in specs:
            raise TrickError(f"{point.value} offers a trick named {spec.name!r}, which exists already; rename it")
        specs[spec.name] = spec
    return specs


def foreign(points: tuple[EntryPoint, ...]) -> Iterator[tuple[EntryPoint, TrickSpec]]:
    """Yield the tricks that installed packages offer, sorted by name.

    Raises TrickError for an entry point that is no TrickSpec or whose name differs from its trick's.
    """
    for point in sorted(points, key=lambda point: point.name):
        spec = point.load()
        if not isinstance(spec, TrickSpec):
            raise TrickError(f"{point.value} is not a TrickSpec; point the entry {point.name!r} at one")
        if spec.name != point.name:
            raise TrickError(f"{point.value} is named {spec.name!r}, its entry point {point.name!r}; make them equal")
        yield point, spec


def find_trick(name: str) -> TrickSpec:
    """Return the trick of that name. Raises TrickError with the nearest known name."""
    try:
        return load_catalog()[name]
    except KeyError:
        raise TrickError(f"unknown trick {name!r}; {suggest(name, load_catalog())}") from None
