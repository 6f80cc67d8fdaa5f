"""Record what releases of OpenRLHF compute on batches of ours.

What runs is the release's own code: its command line parses and checks the options, then its estimator of advantages,
the whitening of its replay buffer, its construction of the policy loss and its training step. The model's forward pass
is replaced by given log-probs, Ray, DeepSpeed and vLLM by empty modules; DeepSpeed's division by the number of
micro-batches is applied by hand.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages, merge_releases, run_inside, write_recorded
from tools.peers.openrlhf_cases import BATCHES, CASES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.peers.openrlhf_cases import LossCase

_SCRIPT: Final = Path(__file__).with_name("run_openrlhf.py")
_TOLERANCE: Final = 2e-6  # the framework computes in float32


def record(releases: Sequence[str]) -> Path:
    """Run the releases, all known ones where none is named, and write their numbers. Returns the file."""
    from tricks.dialects import ALL_RELEASES  # noqa: PLC0415 - imports torch

    order = ALL_RELEASES["openrlhf"].known_releases
    found = {release: _run(release) for release in order if release in (releases or order)}
    document = {
        "framework": "openrlhf",
        "made_by": "python -m tools.peers openrlhf",
        "environment": {"python": platform.python_version(), "torch": next(iter(found.values()))["torch"]},
        "batches": BATCHES,
        "cases": [_case(case, order, found) for case in CASES],
    }
    return write_recorded("openrlhf", document)


def _run(release: str) -> Any:
    """Return the results of a release by case."""
    folder = Packages().install(f"openrlhf=={release}")
    asked = {"folder": str(folder), "batches": BATCHES, "cases": [case.asked(release) for case in CASES]}
    return run_inside(_SCRIPT, (folder,), asked)


def _case(case: LossCase, order: Sequence[str], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded case; releases at which the options mean something else are left out, or refused."""
    results: dict[str, Any] = {}
    for release, by_case in found.items():
        result = by_case[case.name]
        if {"refused", "outside"} & result.keys():
            if case.words or "refused" in result:
                results[release] = {"refused": case.words or "openrlhf"}
        else:
            results[release] = result
    return {
        "name": case.name,
        "options": case.options,
        "preset": "vanilla_ppo",
        "tricks": case.tricks,
        "updates_per_rollout": 1,
        "batch": case.batch,
        "dtype": case.dtype,
        "tolerance": _TOLERANCE,
        "releases": merge_releases(results, order),
    }
