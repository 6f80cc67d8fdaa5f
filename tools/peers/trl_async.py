"""TRL's asynchronous trainer: its advantages and loss on our batches, for the releases that have it.

    python -m tools.peers trl_async [RELEASE ...]

Without releases the first and the last one run. The released functions run in ``run_trl_async.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages, PeerError, merge_releases, run_inside, write_recorded
from tools.peers.small_batches import make_batches
from tools.peers.trl import packages_of
from tools.peers.trl_cases import RELEASES as OF_TRL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RELEASES: Final = OF_TRL[OF_TRL.index("1.0.0") :]
_RULE: Final[Mapping[str, Mapping[str, Any]]] = {"group_norm": {}, "token_mean": {}}
_DEFAULTS: Final = {"epsilon": 0.2, "epsilon_high": 0.2}
_HIGHER: Final = {"epsilon": 0.1, "epsilon_high": 0.28}
_BATCHES: Final = ("near", "far", "constant", "truncated", "unequal", "pairs", "micro")
_REFUSED: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    "group mean": ({"group_mean": {}, "token_mean": {}}, "divides by the group's standard deviation"),
    "sequence mean": ({"group_norm": {}, "sequence_mean": {}}, "choose token_mean"),
    "token mean of the update": ({"group_norm": {}, "token_mean": {"scope": "update"}}, "fixes 'micro_batch'"),
    "overlong filter": ({**_RULE, "overlong_filter": {}}, "keeps truncated responses in the loss"),
    "importance": ({**_RULE, "truncated_is": {}}, "has the sampler's probabilities in its ratio already"),
    "KL": ({**_RULE, "kl_loss": {}}, "has no reference model"),
    "dual clip": ({**_RULE, "dual_clip": {}}, "has no upper bound of the ratio"),
}


def batches() -> dict[str, dict[str, Any]]:
    """Return the batches, one of them in micro-batches of unequal numbers of tokens."""
    small = make_batches()
    return {**small, "micro": small["far"] | {"micro_batch": [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3]}}


def cases() -> list[dict[str, Any]]:
    """Return every case that runs: options, the same in our words, and the batch."""
    higher = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}
    found = [_case(f"defaults on {batch}", _DEFAULTS, _RULE, batch) for batch in _BATCHES]
    return [
        *found,
        *(_case(f"clip higher on {b}", _HIGHER, {**_RULE, "clip_higher": dict(higher)}, b) for b in ("far", "micro")),
    ]


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str) -> dict[str, Any]:
    common = {"preset": "vanilla_ppo", "updates_per_rollout": 1, "tolerance": 2e-6}
    return {"name": name, "options": dict(options), "tricks": dict(tricks), "batch": batch, **common}


def record(words: Sequence[str]) -> str:
    """Run releases, write their numbers and return a line on them."""
    packages, asked, given = Packages(), cases(), batches()
    results: dict[str, list[dict[str, Any]]] = {}
    for release in words or (RELEASES[0], RELEASES[-1]):
        if release not in RELEASES:
            raise PeerError(
                f"trl {release} has no asynchronous trainer that is known here; known: {' '.join(RELEASES)}"
            )
        folders = [packages.install(f"trl=={release}"), packages.install(*packages_of(release))]
        request = {"batches": given, "cases": asked}
        results[release] = run_inside(Path(__file__).with_name("run_trl_async.py"), folders, request)
    for place, case in enumerate(asked):
        case["releases"] = merge_releases({release: found[place] for release, found in results.items()}, RELEASES)
    span = f"{RELEASES[0]}..{RELEASES[-1]}"
    for name, (tricks, said) in _REFUSED.items():
        asked.append(_case(f"{name} is refused", {}, tricks, "near") | {"releases": {span: {"refused": said}}})
    target = write_recorded(
        "trl_async",
        {
            "framework": "trl_async",
            "made_by": "python -m tools.peers trl_async",
            "environment": {"torch": "2.13.0", "packages": " ".join(packages_of(RELEASES[-1]))},
            "batches": {name: given[name] for name in _BATCHES},
            "cases": asked,
        },
    )
    spans = {span: len(json.dumps(part)) for case in asked for span, part in case["releases"].items()}
    return f"{target}: {target.stat().st_size} bytes, spans {', '.join(spans)}"
