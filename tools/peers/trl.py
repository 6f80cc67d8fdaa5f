"""TRL: what GRPOTrainer computes on our batches, for any of its 54 releases with GRPO.

Each case says our words and the options that spell them at a release; ``holds`` is the span in which TRL has them, and
outside of it our dialect has to refuse. The trainer itself runs in ``run_trl.py``.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.peers.common import Packages, PeerError, merge_releases, round_numbers, run_inside, write_recorded

RELEASES: Final = ["0.14.0", "0.15.0", "0.15.1", "0.15.2", "0.16.0", "0.16.1", "0.17.0", "0.18.0", "0.18.1", "0.18.2", "0.19.0", "0.19.1", "0.20.0", "0.21.0", "0.22.0", "0.22.1", "0.22.2", "0.23.0", "0.23.1", "0.24.0", "0.25.0", "0.25.1", "0.26.0", "0.26.1", "0.26.2", "0.27.0", "0.27.1", "0.27.2", "0.28.0", "0.29.0", "0.29.1", "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.5.1", "1.6.0", "1.7.0", "1.7.1", "1.8.0", "1.9.0", "1.9.1", "1.9.2", "1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.14.1", "1.14.2", "1.15.0", "1.16.0"]
_OLD: Final = ("tokenizers==0.21.4", "huggingface_hub==0.36.0", "datasets==3.6.0")
ERAS: Final = {  # the last release of each era -> the packages of its time
    "0.17.0": ("transformers==4.48.3", *_OLD, "accelerate==1.4.0"),
    "0.21.0": ("transformers==4.51.3", *_OLD, "accelerate==1.10.0"),
    "0.28.0": ("transformers==4.56.2", "tokenizers==0.22.1", *_OLD[1:], "accelerate==1.10.0"),
    "1.16.0": ("transformers==5.24.0",),
}


def at_least(release: str, other: str) -> bool:
    """Return True if a release is not older than another one."""
    return RELEASES.index(release) >= RELEASES.index(other)


def packages_of(release: str) -> tuple[str, ...]:
    """Return the pinned packages beside which a release runs."""
    return next(needed for last, needed in ERAS.items() if at_least(last, release))


Options = dict[str, Any]


def scaled(by: str, **others: Any) -> Callable[[str], Options]:
    """Return the options of ``scale_rewards`` for group, batch or none, as each release spells it."""

    def options(release: str) -> Options:
        if not at_least(release, "0.16.0"):
            return dict(others)
        if not at_least(release, "0.22.0"):
            return {"scale_rewards": by == "group", **others}
        inverted = {"group": "none", "none": "group"} if not at_least(release, "0.22.2") else {}
        return {"scale_rewards": inverted.get(by, by), **others}

    return options


def correction(mode: str, high: float | None, low: float | None = None) -> Callable[[str], Options]:
    """Return the options of the importance correction of vLLM's samples; without bounds, the defaults."""

    def options(release: str) -> Options:
        found = scaled("group", loss_type="dapo", use_vllm=True)(release)
        if high is not None:
            newer = at_least(release, "1.6.0")
            found[f"vllm_importance_sampling_{'clip_max' if newer else 'cap'}"] = high
        if low is not None:
            found["vllm_importance_sampling_clip_min"] = low
        return found | ({"vllm_importance_sampling_mode": mode} if mode and at_least(release, "0.26.0") else {})

    return options


def biased(**options: Any) -> Callable[[str], Options]:
    """Return options with the KL as it is, not multiplied by the ratio."""

    def found(release: str) -> Options:
        extra = {"use_bias_correction_kl": False} if at_least(release, "0.26.0") else {}
        return scaled("group", **options)(release) | extra

    return found


@dataclass(frozen=True, slots=True)
class Case:
    """One case: our words, the options that spell them, and the span in which TRL has them."""

    name: str
    tricks: Mapping[str, Any]
    options: Callable[[str], Options]
    holds: tuple[str, str] = ("0.14.0", "1.16.0")
    refused: str = ""  # words of our refusal outside the span
    batch: str = "unequal"
    update: Sequence[int] | None = None
    steps: int = 0  # steps_per_generation, where it is not the number of micro-batches
    accumulate: int = 0
    keys: tuple[str, ...] = ("loss", "gradient")


GROUP: Final[dict[str, Any]] = {"group_norm": {}}
TOKEN: Final[dict[str, Any]] = {**GROUP, "token_mean": {}}
SEQUENCE: Final[dict[str, Any]] = {**GROUP, "sequence_mean": {}}
GSPO: Final[dict[str, Any]] = {"gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2}}
KL: Final[dict[str, Any]] = {"kl_loss": {"coef": 0.1}}
ALL: Final = ("advantages", "loss", "gradient")
LEVEL: Final[dict[str, Any]] = {"importance_sampling_level": "sequence"}


def grpo(**others: Any) -> Callable[[str], Options]:
    """Return options of the loss type grpo, which is the only one before 0.16.0 and has no name before 0.17.0."""
    return lambda release: (
        scaled("group", **others)(release) | ({"loss_type": "grpo"} if at_least(release, "0.17.0") else {})
    )


def kl_grpo(**others: Any) -> Callable[[str], Options]:
    """Return options of the loss type grpo with a KL."""
    return grpo(beta=0.1, **others)


def bnpo(**others: Any) -> Callable[[str], Options]:
    """Return options of the token mean of micro-batches, which has a name from 0.17.0."""
    return lambda release: (
        scaled("group", **others)(release) | ({"loss_type": "bnpo"} if at_least(release, "0.17.0") else {})
    )


def cases() -> tuple[Case, ...]:
    """Return all cases."""
    micro: dict[str, Any] = {**GROUP, "token_mean": {"scope": "micro_batch"}}
    masked: dict[str, Any] = {"overlong_filter": {}}
    mask = {"mask_truncated_completions": True}
    own = {"kl_loss": {"coef": 0.1, "gradient": "own"}}
    ratio = {"kl_loss": {"coef": 0.1, "gradient": "ratio"}}
    luspo: dict[str, Any] = {**GROUP, **GSPO, "sequence_sum": {}}
    return (
        Case("grpo", SEQUENCE, grpo(), refused="sequence_mean: trl"),
        Case("bnpo", micro, bnpo(), ("0.16.0", "1.16.0"), "token_mean: trl"),
        Case("token_mean_by_default", TOKEN, bnpo(), ("0.16.0", "0.21.0")),
        Case("dapo", {**GROUP, "token_mean": {"scope": "update"}}, scaled("group", loss_type="dapo"), ("0.22.0", "1.16.0"), "token_mean", keys=ALL),
        Case("dr_grpo", {"group_mean": {}, "constant_length": {}}, scaled("none", loss_type="dr_grpo"), ("0.17.0", "1.16.0"), "trl", keys=ALL),
        Case("group_mean", {"group_mean": {}, "token_mean": {"scope": "micro_batch"}}, lambda r: bnpo()(r) | scaled("none")(r), ("0.16.0", "1.16.0"), "trl"),
        Case("batch_std", {"group_mean_batch_std": {}, "token_mean": {}}, scaled("batch", loss_type="dapo"), ("0.22.2", "1.16.0"), "group_mean_batch_std: trl", keys=ALL),
        Case("kl_own", {**SEQUENCE, **own}, lambda r: biased(beta=0.1)(r) | grpo()(r), refused="sequence_mean: trl"),
        Case("kl_by_default", {**SEQUENCE, **KL}, kl_grpo(), refused="sequence_mean: trl"),
        Case("kl_ratio", {**TOKEN, **ratio}, scaled("group", loss_type="dapo", beta=0.1, use_bias_correction_kl=True), ("0.26.0", "1.16.0"), "trl"),
        Case("kl_bnpo", {**micro, **KL}, bnpo(beta=0.1), ("0.16.0", "1.16.0"), "token_mean: trl"),
        Case("gspo", {**SEQUENCE, **GSPO}, grpo(**LEVEL), ("0.20.0", "1.16.0"), "trl"),
        Case("gspo_kl", {**SEQUENCE, **GSPO, **KL}, kl_grpo(**LEVEL), ("0.20.0", "1.16.0"), "trl"),
        Case("gspo_token_mean", {**GROUP, "token_mean": {"scope": "update"}, **GSPO}, scaled("group", **LEVEL, loss_type="dapo"), ("0.22.0", "1.16.0"), "trl"),
        Case("cispo", {**TOKEN, "cispo": {"low": 0.0, "high": 1.1}}, scaled("group", loss_type="cispo", epsilon_high=1.1), ("0.26.0", "1.16.0"), "trl"),
        Case("cispo_default", {**TOKEN, "cispo": {"low": 0.0, "high": 0.2}}, scaled("group", loss_type="cispo"), ("0.26.0", "1.16.0"), "trl"),
        Case("luspo", luspo, scaled("group", **LEVEL, loss_type="luspo"), ("0.28.0", "1.16.0"), "trl"),
        Case("luspo_kl", {**luspo, **KL}, scaled("group", **LEVEL, loss_type="luspo", beta=0.1), ("1.10.0", "1.16.0"), "trl"),
        Case("luspo_token", {**GROUP, "sequence_sum": {}}, scaled("group", loss_type="luspo"), ("1.10.0", "1.16.0"), "sequence_sum: trl"),
        Case("clip_higher", {**SEQUENCE, "clip_higher": {}}, grpo(epsilon_high=0.28), ("0.17.0", "1.16.0"), "trl"),
        Case("dual_clip", {**SEQUENCE, "dual_clip": {"dual_clip": 1.3}}, grpo(delta=1.3), ("0.18.0", "1.16.0"), "trl"),
        Case("masked_dapo", {**TOKEN, **masked}, scaled("group", loss_type="dapo", **mask), ("0.22.0", "1.16.0")),
        Case("masked_bnpo", {**micro, **masked}, bnpo(**mask), ("0.17.0", "1.16.0"), "trl"),
        Case("masked_grpo", {**SEQUENCE, **masked}, grpo(**mask), ("0.17.0", "1.16.0"), "trl"),
        Case("masked_dr_grpo", {**GROUP, "constant_length": {}, **masked}, scaled("group", loss_type="dr_grpo", **mask), ("0.17.0", "1.16.0"), "trl"),
        Case("masked_batch_std", {"group_mean_batch_std": {}, "token_mean": {}, **masked}, scaled("batch", loss_type="dapo", **mask), ("0.22.2", "1.16.0"), "trl"),
        Case("masked_micro_batch", {**micro, **masked}, bnpo(**mask), ("0.17.0", "1.16.0"), "trl", batch="threes", keys=("mask", "loss", "gradient")),
        Case("masked_dapo_threes", {**TOKEN, **masked}, scaled("group", loss_type="dapo", **mask), ("0.22.0", "1.16.0"), batch="threes"),
        Case("several_updates", TOKEN, scaled("group", loss_type="dapo"), ("0.22.0", "1.16.0"), batch="steps", update=range(4), steps=4, accumulate=2),
        Case("several_updates_kl_masked", {**TOKEN, **own, **masked}, biased(loss_type="dapo", beta=0.1, **mask), ("0.22.0", "1.16.0"), batch="steps", update=range(4), steps=4, accumulate=2),
        Case("several_updates_bnpo", micro, bnpo(), ("0.18.0", "1.16.0"), batch="steps", update=range(4), steps=4, accumulate=2),
        Case("several_updates_grpo", SEQUENCE, grpo(), ("0.18.0", "1.16.0"), batch="steps", update=range(4), steps=4, accumulate=2),
        Case("correction_by_default", {**TOKEN, "truncated_is": {"level": "sequence", "outside": "drop", "cap": 3.0}}, correction("", None), ("0.26.0", "1.16.0"), "trl"),
        Case("correction_by_default_of_tokens", {**TOKEN, "truncated_is": {}}, correction("", None), ("0.23.0", "0.25.1")),
        Case("correction_token_truncate", {**TOKEN, "truncated_is": {"level": "token", "outside": "truncate", "cap": 1.2}}, correction("token_truncate", 1.2), ("0.23.0", "1.16.0"), "trl"),
        Case("correction_sequence_mask", {**TOKEN, "truncated_is": {"level": "sequence", "outside": "drop", "cap": 1.5}}, correction("sequence_mask", 1.5), ("0.26.0", "1.16.0"), "trl"),
        Case("correction_sequence_truncate", {**TOKEN, "truncated_is": {"level": "sequence", "outside": "truncate", "cap": 1.5}}, correction("sequence_truncate", 1.5), ("0.26.0", "1.16.0"), "trl"),
        Case("correction_token_mask", {**TOKEN, "truncated_is": {"level": "token", "outside": "drop", "cap": 1.2}}, correction("token_mask", 1.2), ("0.26.0", "1.16.0"), "trl"),
        Case("correction_two_bounds", {**TOKEN, "truncated_is": {"level": "token", "outside": "drop", "cap": 1.2, "floor": 0.8}}, correction("token_mask", 1.2, 0.8), ("1.6.0", "1.16.0"), "trl"),
        Case("normalize_then_sum", {**TOKEN, "token_whitening": {"weights": "sequence"}}, scaled("group", loss_type="dapo", multi_objective_aggregation="normalize_then_sum"), ("0.27.0", "1.16.0"), "trl", keys=ALL),
        Case("entropy_bnpo", {**micro, "entropy_bonus": {"coef": 0.05}}, bnpo(entropy_coef=0.05), ("1.8.0", "1.16.0"), "trl", keys=("loss", "gradient", "entropy_gradient")),
        Case("entropy_dapo", {**TOKEN, "entropy_bonus": {"coef": 0.05}}, scaled("group", loss_type="dapo", entropy_coef=0.05), ("1.8.0", "1.9.2"), "trl", keys=("loss", "gradient", "entropy_gradient")),
        Case("equal_rewards", SEQUENCE, grpo(), refused="sequence_mean: trl", batch="eights", keys=ALL),
        Case("equal_rewards_mean", {"group_mean": {}, "sequence_mean": {}}, lambda r: grpo()(r) | scaled("none")(r), ("0.17.0", "1.16.0"), "trl", batch="eights", keys=ALL),
        Case("equal_rewards_batch", {"group_mean_batch_std": {}, "sequence_mean": {}}, lambda r: grpo()(r) | scaled("batch")(r), ("0.22.2", "1.16.0"), "trl", batch="eights", keys=ALL),
        Case("threes", micro, bnpo(), ("0.16.0", "1.16.0"), "trl", batch="threes", keys=ALL),
    )  # fmt: skip


NOT_NAMED: Final = {"grpo": ("0.16.0", "0.16.1"), "kl_own": ("0.16.0", "0.16.1"), "kl_by_default": ("0.16.0", "0.16.1"), "equal_rewards": ("0.16.0", "0.16.1")}  # fmt: skip


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


def options_of(case: Case, release: str, batch: Mapping[str, Any]) -> Options:
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


def holds(case: Case, release: str) -> bool:
    """Return True if TRL has this case at a release."""
    outside = NOT_NAMED.get(case.name)
    inside = at_least(release, case.holds[0]) and at_least(case.holds[1], release)
    return inside and not (outside and at_least(release, outside[0]) and at_least(outside[1], release))


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


def _case(case: Case, found: Mapping[str, Mapping[str, Any]], batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return one recorded case, its results merged over neighboring releases."""
    by_release: dict[str, Any] = {}
    for release, results in found.items():
        if not holds(case, release):
            by_release |= {release: {"refused": case.refused}} if case.refused else {}
        elif "error" not in results.get(case.name, {"error": "not run"}):
            kept = {key: results[case.name][key] for key in case.keys if key in results[case.name]}
            by_release[release] = round_numbers(_trimmed(kept, batch["lengths"]), 6)
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
