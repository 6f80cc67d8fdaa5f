"""TRL: what GRPOTrainer computes on our batches, for any of its 54 releases with GRPO.

Each case says our words and the options that spell them at a release; ``holds`` is the span in which TRL has them, and
outside of it our dialect has to refuse. The trainer itself runs in ``run_trl.py``.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages, PeerError, merge_releases, round_numbers, run_inside, write_recorded
from tools.peers.trl_cases import RELEASES, Options, RowCase, at_least, cases, holds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OLD: Final = ("tokenizers==0.21.4", "huggingface_hub==0.36.0", "datasets==3.6.0")
ERAS: Final = {  # the last release of each era -> the packages of its time
    "0.17.0": ("transformers==4.48.3", *_OLD, "accelerate==1.4.0"),
    "0.21.0": ("transformers==4.51.3", *_OLD, "accelerate==1.10.0"),
    "0.28.0": ("transformers==4.56.2", "tokenizers==0.22.1", *_OLD[1:], "accelerate==1.10.0"),
    "1.16.0": ("transformers==5.24.0",),
}


def packages_of(release: str) -> tuple[str, ...]:
    """Return the pinned packages beside which a release runs."""
    return next(needed for last, needed in ERAS.items() if at_least(last, release))


def make_batches() -> dict[str, dict[str, Any]]:
    """Return our batches: unequal lengths, ratios far off, equal rewards that binary fractions cannot hold.

    A response that did not end is as long as the longest one, as generation leaves it.
    """
    unequal = _batch(3, [3, 5, 7, 9, 4, 6, 8, 9], [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0], 4, (3, 7), 12)
    rewards = [0.1] * 8 + [0.3, 0.7, 0.3, 0.9, 0.1, 0.0, 1.0, 0.3]
    eights = _batch(5, [2, 3, 2, 3] * 4, rewards, 8, (), 4)
    fractions = [0.7, 0.7, 0.7, 1.0, 0.25, 0.0, 0.1, 0.2, 0.4]
    threes = _batch(7, [2, 4, 3, 5, 5, 5, 4, 2, 5], fractions, 3, (3, 4, 5), 5)
    steps = unequal | {"micro_batch": [0, 0, 1, 1, 2, 2, 3, 3]}
    return {"unequal": unequal, "steps": steps, "eights": eights | {"micro_batch": [0] * 16}, "threes": threes}


def _batch(
    seed: int, lengths: list[int], rewards: list[float], size: int, truncated: tuple[int, ...], limit: int
) -> dict[str, Any]:
    """Return a batch with groups of ``size``, one micro-batch each."""
    draw = random.Random(seed)
    old = [[round(draw.uniform(-2.5, -0.05), 4) for _ in range(length)] for length in lengths]

    def near(width: float) -> list[list[float]]:
        return [[round(min(number + draw.gauss(0.0, width), -0.01), 4) for number in row] for row in old]

    groups = [place // size for place in range(len(lengths))]
    return {
        "rewards": rewards,
        "group": groups,
        "lengths": lengths,
        "log_probs": near(0.3),
        "old_log_probs": old,
        "sampler_log_probs": near(0.2),
        "ref_log_probs": near(0.5),
        "entropies": [[round(draw.uniform(0.1, 2.0), 4) for _ in row] for row in old],
        "truncated": [place in truncated for place in range(len(lengths))],
        "ended": [place not in truncated for place in range(len(lengths))],
        "max_response_length": limit,
        "micro_batch": groups,
    }


def options_of(case: RowCase, release: str, batch: Mapping[str, Any]) -> Options:
    """Return the whole options of a case at a release, for one process."""
    size, group = batch["micro_batch"].count(0), batch["group"].count(0)
    micro_batches = len(batch["rewards"]) // size
    found: Options = {
        "num_generations": group,
        "per_device_train_batch_size": size if at_least(release, "0.15.0") else size // group,
        "gradient_accumulation_steps": case.accumulate or micro_batches,
        "beta": 0.0,
        "max_completion_length": batch["max_response_length"],
    }
    if at_least(release, "0.16.0"):  # a second pass makes the trainer compute the log-probs of the old policy
        found["num_iterations"] = 2
    if case.steps:
        found["steps_per_generation"] = case.steps
    return found | case.options(release)


def run_release(release: str, packages: Packages) -> dict[str, Any]:
    """Return the results of all cases at a release; those that TRL lacks there are refused."""
    kept = packages.folder / f"results-{release}.json"
    batches = make_batches()
    asked = [
        {"name": case.name, "options": options_of(case, release, batches[case.batch]), "batch": batches[case.batch]}
        for case in cases()
        if holds(case, release)
    ]
    if kept.exists() and os.environ.get("PEERS_KEEP"):
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    folders = [packages.install(f"trl=={release}"), packages.install(*packages_of(release))]
    found = run_inside(Path(__file__).with_name("run_trl.py"), folders, {"release": release, "cases": asked})
    kept.write_text(json.dumps(found), encoding="utf-8")
    return dict(found)


def record(releases: Sequence[str]) -> str:
    """Run releases, all known ones by default, write their numbers and return a line on them."""
    packages = Packages()
    found: dict[str, dict[str, Any]] = {}
    for release in releases or RELEASES:
        if release not in RELEASES:
            raise PeerError(f"trl {release}: no such release is known here; known: {' '.join(RELEASES)}")
        found[release] = run_release(release, packages)
        failed = {name: part["error"] for name, part in found[release].items() if "error" in part}
        print(release, "failed: " + json.dumps(failed) if failed else f"{len(found[release])} cases", flush=True)
    target = write_recorded("trl", _document(found))
    return f"{target}: {target.stat().st_size} bytes"


def _document(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    batches = make_batches()
    return {
        "framework": "trl",
        "made_by": "python -m tools.peers trl",
        "environment": {"torch": "2.13.0", **{f"to {last}": " ".join(needed) for last, needed in ERAS.items()}},
        "batches": batches,
        "cases": [_case(case, found, batches[case.batch]) for case in cases()],
    }


def _case(case: RowCase, found: Mapping[str, Mapping[str, Any]], batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return one recorded case, its results merged over neighboring releases."""
    by_release: dict[str, Any] = {}
    for release, results in found.items():
        if not holds(case, release):
            by_release |= {release: {"refused": case.refused}} if case.refused else {}
        elif "error" not in results.get(case.name, {"error": "not run"}):
            kept = {key: results[case.name][key] for key in case.keys if key in results[case.name]}
            by_release[release] = round_numbers(_trimmed(kept, batch["lengths"]), 7)
    last = [release for release in RELEASES if release in found and holds(case, release)][-1:]
    return {
        "name": case.name,
        "options": options_of(case, last[0], batch) if last else {},
        "preset": "vanilla_ppo",
        "tricks": dict(case.tricks),
        "updates_per_rollout": 2,
        "batch": case.batch,
        "dtype": "float32",
        "tolerance": 2e-6,
        **({"update": list(case.update)} if case.update else {}),
        "releases": merge_releases(by_release, RELEASES),
    }


def _trimmed(kept: dict[str, Any], lengths: Sequence[int]) -> dict[str, Any]:
    """Return results without the numbers on padding, which the test does not compare."""
    tables = [key for key in ("gradient", "entropy_gradient") if key in kept]
    return kept | {key: [row[:length] for row, length in zip(kept[key], lengths, strict=True)] for key in tables}
