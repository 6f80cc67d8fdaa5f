"""Named combinations of tricks, each with the paper and equation it follows.

The study leaves divergence and entropy terms out of all its arms (arXiv:2508.08221), and so do these presets unless
the term is the point of the algorithm; add ``kl_loss`` or ``kl_reward`` to have the published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tricks.api import TrickError
from tricks.settings import suggest

Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Preset:
    """Tricks with the settings in which they differ from the catalog's."""

    name: str
    source: str  # paper and equation
    summary: str
    tricks: Settings


_ALL: Final = (
    Preset("vanilla_ppo", "arXiv:2508.08221, eq. 1", "PPO-clip on raw rewards, sequence mean", {}),
    Preset(
        "reinforce",
        "arXiv:2402.14740, eq. 6",
        "policy gradient on raw rewards, no ratio, token losses added up",
        {"policy_gradient": {}, "sequence_sum": {}},
    ),
    Preset(
        "grpo",
        "arXiv:2402.03300, eq. 3 with beta = 0",
        "group norm, sequence mean",
        {"group_norm": {}, "sequence_mean": {}},
    ),
    Preset(
        "dr_grpo",
        "arXiv:2503.20783, section 3.2",
        "group mean without deviation, constant length",
        {"group_mean": {}, "constant_length": {}},
    ),
    Preset(
        "dapo",
        "arXiv:2503.14476, eqs. 8 to 13",
        "group norm, clip-higher, token mean, soft overlong punishment, dynamic sampling",
        {"group_norm": {}, "clip_higher": {}, "token_mean": {}, "soft_overlong": {}, "dynamic_sampling": {}},
    ),
    Preset(
        "dapo_static",
        "arXiv:2503.14476, eqs. 9 to 12",
        "the parts of DAPO that leave sampling and rewards alone, with its overlong filter",
        {"group_norm": {}, "clip_higher": {}, "token_mean": {}, "overlong_filter": {}},
    ),
    Preset(
        "rloo",
        "arXiv:2402.14740, eq. 8 with beta = 0",
        "REINFORCE with a leave-one-out baseline",
        {"rloo": {}, "policy_gradient": {}, "sequence_sum": {}},
    ),
    Preset(
        "reinforce_pp",
        "arXiv:2501.03262, eqs. 6 and 8",
        "divergence to go, whitened over the tokens of the batch, token mean",
        {"kl_to_go": {}, "token_whitening": {}, "token_mean": {}},
    ),
    Preset(
        "reinforce_pp_baseline",
        "arXiv:2501.03262, section on REINFORCE++-baseline",
        "group mean, whitened over the tokens of the batch, k2 as a loss, token mean",
        {"group_mean": {}, "token_whitening": {}, "kl_loss": {"estimator": "k2"}, "token_mean": {}},
    ),
    Preset(
        "gspo",
        "arXiv:2507.18071, eqs. 5 to 7",
        "group norm, one ratio a response, sequence mean",
        {"group_norm": {}, "gspo": {}, "sequence_mean": {}},
    ),
    Preset(
        "cispo",
        "arXiv:2506.13585, eqs. 4 and 5",
        "group norm, clipped weights, token mean",
        {"group_norm": {}, "cispo": {}, "token_mean": {}},
    ),
    Preset(
        "liteppo",
        "arXiv:2508.08221, section 5",
        "group mean with batch deviation, token mean",
        {"group_mean_batch_std": {}, "token_mean": {}},
    ),
    Preset(
        "scalerl",
        "arXiv:2510.13786, section 4",
        "group mean with the batch deviation about it, clipped weights, prompt mean, zero-variance filter",
        {"group_mean_batch_std": {"about": "group"}, "cispo": {}, "prompt_mean": {}, "zero_variance_filter": {}},
    ),
)

PRESETS: Final[Mapping[str, Preset]] = {preset.name: preset for preset in _ALL}


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises TrickError with the nearest known name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise TrickError(f"unknown preset {name!r}; {suggest(name, PRESETS)}") from None
