"""Named combinations of tricks, each with the paper and equation it follows.

The study uses no KL and no entropy terms in any of its arms (arXiv:2508.08221). These presets leave them out too,
unless the term is the point of the algorithm. Add ``kl_loss`` or ``kl_reward`` for the published versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tricks.api import TrickError
from tricks.settings import suggest

Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of tricks, with the settings that differ from the catalog's."""

    name: str
    source: str  # paper, and the equation's number where it has one
    equation: str  # the objective to maximize; rho is the importance ratio, sg stops the gradient
    summary: str
    tricks: Settings


_ALL: Final = (
    Preset(
        "vanilla_ppo",
        "arXiv:2508.08221, eq. 1",
        "mean_i mean_t min(rho A, clip(rho, 0.8, 1.2) A) with A = r",
        "PPO-clip on raw rewards, sequence mean",
        {},
    ),
    Preset(
        "reinforce",
        "arXiv:2402.14740, section 3",
        "mean_i sum_t r_i log pi(o_it)",
        "policy gradient on raw rewards, no importance ratio, token losses summed",
        {"policy_gradient": {}, "sequence_sum": {}},
    ),
    Preset(
        "grpo",
        "arXiv:2402.03300, eq. 3 with beta = 0",
        "mean_i mean_t min(rho A, clip(rho) A) with A = (r - mean_group) / std_group",
        "group norm, sequence mean",
        {"group_norm": {}, "sequence_mean": {}},
    ),
    Preset(
        "dr_grpo",
        "arXiv:2503.20783, section 3.2",
        "mean_i sum_t min(rho A, clip(rho) A) / L with A = r - mean_group",
        "group mean without standard deviation, constant length",
        {"group_mean": {}, "constant_length": {}},
    ),
    Preset(
        "dapo",
        "arXiv:2503.14476, eqs. 8 to 13",
        "sum_it min(rho A, clip(rho, 0.8, 1.28) A) / sum_i |o_i| over groups with 0 < correct < G, r plus R_length",
        "group norm, clip-higher, token mean, soft overlong punishment, dynamic sampling",
        {"group_norm": {}, "clip_higher": {}, "token_mean": {}, "soft_overlong": {}, "dynamic_sampling": {}},
    ),
    Preset(
        "dapo_static",
        "arXiv:2503.14476, eqs. 9 to 12",
        "sum_it min(rho A, clip(rho, 0.8, 1.28) A) / sum_i |o_i| over responses that ended",
        "the parts of DAPO that leave sampling and rewards alone, with its overlong filter",
        {"group_norm": {}, "clip_higher": {}, "token_mean": {}, "overlong_filter": {}},
    ),
    Preset(
        "rloo",
        "arXiv:2402.14740, section 3.3 with beta = 0",
        "mean_i sum_t A_i log pi(o_it) with A_i = r_i - mean of the other k - 1 rewards",
        "REINFORCE with a leave-one-out baseline",
        {"rloo": {}, "policy_gradient": {}, "sequence_sum": {}},
    ),
    Preset(
        "reinforce_pp",
        "arXiv:2501.03262 v9, token-level KL and global normalization",
        "token mean of min(rho A, clip(rho) A) with A_t = r - beta sum_(s >= t) KL_s, normalized over all tokens",
        "KL-to-go, whitened over the tokens of the batch, token mean",
        {"kl_to_go": {}, "token_whitening": {}, "token_mean": {}},
    ),
    Preset(
        "reinforce_pp_baseline",
        "arXiv:2501.03262 v9, REINFORCE++ with baseline",
        "token mean of min(rho A, clip(rho) A) - beta k2 with A = r - mean_group, normalized over all tokens",
        "group mean, whitened over the tokens of the batch, k2 as a loss, token mean",
        {"group_mean": {}, "token_whitening": {}, "kl_loss": {"estimator": "k2"}, "token_mean": {}},
    ),
    Preset(
        "gspo",
        "arXiv:2507.18071, eqs. 5 to 7",
        "mean_i min(s A, clip(s) A) with s_i = (pi / pi_old)(o_i) ^ (1 / |o_i|) and A as GRPO",
        "group norm, one importance ratio per response, sequence mean",
        {"group_norm": {}, "gspo": {}, "sequence_mean": {}},
    ),
    Preset(
        "cispo",
        "arXiv:2506.13585, eqs. 4 and 5",
        "sum_it sg(clip(rho)) A log pi / sum_i |o_i| with A as GRPO",
        "group norm, clipped weights, token mean",
        {"group_norm": {}, "cispo": {}, "token_mean": {}},
    ),
    Preset(
        "liteppo",
        "arXiv:2508.08221, section 5",
        "sum_it min(rho A, clip(rho) A) / sum_i |o_i| with A = (r - mean_group) / std_batch",
        "group mean, batch standard deviation, token mean",
        {"group_mean_batch_std": {}, "token_mean": {}},
    ),
    Preset(
        "scalerl",
        "arXiv:2510.13786, section 4",
        "mean over prompts of sum_it sg(clip(rho)) A log pi / sum_i |o_i|, groups of equal rewards left out",
        "group mean, batch standard deviation about it, clipped weights, prompt mean, zero-variance filter",
        {"group_mean_batch_std": {"about": "group"}, "cispo": {}, "prompt_mean": {}, "zero_variance_filter": {}},
    ),
)

PRESETS: Final[Mapping[str, Preset]] = {preset.name: preset for preset in _ALL}


def find_preset(name: str) -> Preset:
    """Return the preset of that name. Raises TrickError with the nearest known name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise TrickError(f"unknown preset {name!r}; {suggest(name, PRESETS)}") from None
