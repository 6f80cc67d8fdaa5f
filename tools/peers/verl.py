"""Record what releases of verl compute: ``python -m tools.peers verl [RELEASE ...]``.

The cases stand in ``verl_cases``; ``verl_worker`` runs them inside an installed release.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch

from tools.peers.common import Packages, merge_releases, run_inside, write_recorded
from tools.peers.verl_cases import BATCHES, CASES

RELEASES: Final = (
    "0.1",
    "0.2",
    "0.2.0.post1",
    "0.2.0.post2",
    "0.3.0.post0",
    "0.3.0.post1",
    "0.4.0",
    "0.4.1",
    "0.5.0",
    "0.6.0",
    "0.6.1",
    "0.7.0",
    "0.7.1",
    "0.8.0",
    "0.9.0",
    "0.9.1",
)
_BESIDE: Final = (
    "tensordict==0.10.0",
    "setuptools==75.8.0",
    "codetiming==1.4.0",
    "pyvers==0.1.0",
    "importlib_metadata==8.7.0",
    "zipp==3.23.0",
    "dill==0.4.0",
    "pybind11==2.13.6",
    "pylatexenc==2.10",
    "orjson==3.11.3",
    "torchdata==0.11.0",
)
_TOLERANCE: Final = 2e-6  # verl computes in float32


def record(releases: list[str]) -> str:
    """Run the cases in these releases, or in all, and write the recorded numbers.

    Args:
        releases: Names of releases; none for all of them.

    Returns:
        A sentence on what was written.

    """
    packages, asked = Packages(), releases or list(RELEASES)
    beside = packages.install(*_BESIDE)
    worker = Path(__file__).with_name("verl_worker.py")
    answers = {
        release: run_inside(
            worker,
            [packages.install(f"verl=={release}"), beside],
            {"release": release, "batches": BATCHES, "cases": CASES},
        )
        for release in asked
    }
    cases = [_case(number, case, answers) for number, case in enumerate(CASES)]
    used = {case["batch"] for case in cases}
    document = {
        "framework": "verl",
        "made_by": "python -m tools.peers verl",
        "environment": {"torch": torch.__version__.partition("+")[0], "tensordict": "0.10.0"},
        "batches": {name: batch for name, batch in BATCHES.items() if name in used},
        "cases": cases,
    }
    return f"{len(cases)} cases of {len(asked)} releases in {write_recorded('verl', document)}"


def _case(number: int, case: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    found = {
        release: _result(case, given[number], release)
        for release, given in answers.items()
        if not ("lacks" in given[number] and release in case.get("elsewhere", ()))
    }
    return {
        "name": case["name"],
        "options": case["options"],
        "preset": "vanilla_ppo",
        "tricks": case["tricks"],
        "updates_per_rollout": 1 if "only" in case else 4,
        "batch": case["batch"],
        "dtype": "float32",
        "tolerance": _TOLERANCE,
        "releases": merge_releases(found, RELEASES),
    }


def _result(case: dict[str, Any], answer: dict[str, Any], release: str) -> dict[str, Any]:
    """Return the numbers to record, or the words that our refusal must contain."""
    if answer.get("lacks") == "the gradient is NaN":
        return {"refused": "divides 0 by 0"}
    if "lacks" in answer:
        return {"refused": "without a critic" if release == "0.1" else case["absent"]}
    return answer
