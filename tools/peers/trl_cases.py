"""The cases that TRL's trainer runs: our words, the options that spell them, and the span in which TRL has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

RELEASES: Final = (
    *("0.14.0", "0.15.0", "0.15.1", "0.15.2", "0.16.0", "0.16.1", "0.17.0", "0.18.0", "0.18.1"),
    *("0.18.2", "0.19.0", "0.19.1", "0.20.0", "0.21.0", "0.22.0", "0.22.1", "0.22.2", "0.23.0"),
    *("0.23.1", "0.24.0", "0.25.0", "0.25.1", "0.26.0", "0.26.1", "0.26.2", "0.27.0", "0.27.1"),
    *("0.27.2", "0.28.0", "0.29.0", "0.29.1", "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"),
    *("1.5.0", "1.5.1", "1.6.0", "1.7.0", "1.7.1", "1.8.0", "1.9.0", "1.9.1", "1.9.2"),
    *("1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.14.1", "1.14.2", "1.15.0", "1.16.0"),
)


def at_least(release: str, other: str) -> bool:
    """Return True if a release is not older than another one."""
    return RELEASES.index(release) >= RELEASES.index(other)


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
class RowCase:
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


def cases() -> tuple[RowCase, ...]:
    """Return all cases."""
    micro: dict[str, Any] = {**GROUP, "token_mean": {"scope": "micro_batch"}}
    masked: dict[str, Any] = {"overlong_filter": {}}
    mask = {"mask_truncated_completions": True}
    own = {"kl_loss": {"coef": 0.1, "gradient": "own"}}
    ratio = {"kl_loss": {"coef": 0.1, "gradient": "ratio"}}
    luspo: dict[str, Any] = {**GROUP, **GSPO, "sequence_sum": {}}
    return (
        RowCase("grpo", SEQUENCE, grpo(), refused="sequence_mean: trl"),
        RowCase("bnpo", micro, bnpo(), ("0.16.0", "1.16.0"), "token_mean: trl"),
        RowCase("token_mean_by_default", TOKEN, bnpo(), ("0.16.0", "0.21.0")),
        RowCase(
            "dapo",
            {**GROUP, "token_mean": {"scope": "update"}},
            scaled("group", loss_type="dapo"),
            ("0.22.0", "1.16.0"),
            "token_mean",
            keys=ALL,
        ),
        RowCase(
            "dr_grpo",
            {"group_mean": {}, "constant_length": {}},
            scaled("none", loss_type="dr_grpo"),
            ("0.17.0", "1.16.0"),
            "trl",
            keys=ALL,
        ),
        RowCase(
            "group_mean",
            {"group_mean": {}, "token_mean": {"scope": "micro_batch"}},
            lambda r: bnpo()(r) | scaled("none")(r),
            ("0.16.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "batch_std",
            {"group_mean_batch_std": {}, "token_mean": {}},
            scaled("batch", loss_type="dapo"),
            ("0.22.2", "1.16.0"),
            "group_mean_batch_std: trl",
            keys=ALL,
        ),
        RowCase("kl_own", {**SEQUENCE, **own}, lambda r: biased(beta=0.1)(r) | grpo()(r), refused="sequence_mean: trl"),
        RowCase("kl_by_default", {**SEQUENCE, **KL}, kl_grpo(), refused="sequence_mean: trl"),
        RowCase(
            "kl_ratio",
            {**TOKEN, **ratio},
            scaled("group", loss_type="dapo", beta=0.1, use_bias_correction_kl=True),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase("kl_bnpo", {**micro, **KL}, bnpo(beta=0.1), ("0.16.0", "1.16.0"), "token_mean: trl"),
        RowCase("gspo", {**SEQUENCE, **GSPO}, grpo(**LEVEL), ("0.20.0", "1.16.0"), "trl"),
        RowCase("gspo_kl", {**SEQUENCE, **GSPO, **KL}, kl_grpo(**LEVEL), ("0.20.0", "1.16.0"), "trl"),
        RowCase(
            "gspo_token_mean",
            {**GROUP, "token_mean": {"scope": "update"}, **GSPO},
            scaled("group", **LEVEL, loss_type="dapo"),
            ("0.22.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "cispo",
            {**TOKEN, "cispo": {"low": 0.0, "high": 1.1}},
            scaled("group", loss_type="cispo", epsilon_high=1.1),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "cispo_default",
            {**TOKEN, "cispo": {"low": 0.0, "high": 0.2}},
            scaled("group", loss_type="cispo"),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase("luspo", luspo, scaled("group", **LEVEL, loss_type="luspo"), ("0.28.0", "1.16.0"), "trl"),
        RowCase(
            "luspo_kl",
            {**luspo, **KL},
            scaled("group", **LEVEL, loss_type="luspo", beta=0.1),
            ("1.10.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "luspo_token",
            {**GROUP, "sequence_sum": {}},
            scaled("group", loss_type="luspo"),
            ("1.10.0", "1.16.0"),
            "sequence_sum: trl",
        ),
        RowCase("clip_higher", {**SEQUENCE, "clip_higher": {}}, grpo(epsilon_high=0.28), ("0.17.0", "1.16.0"), "trl"),
        RowCase(
            "dual_clip", {**SEQUENCE, "dual_clip": {"dual_clip": 1.3}}, grpo(delta=1.3), ("0.18.0", "1.16.0"), "trl"
        ),
        RowCase("masked_dapo", {**TOKEN, **masked}, scaled("group", loss_type="dapo", **mask), ("0.22.0", "1.16.0")),
        RowCase("masked_bnpo", {**micro, **masked}, bnpo(**mask), ("0.17.0", "1.16.0"), "trl"),
        RowCase("masked_grpo", {**SEQUENCE, **masked}, grpo(**mask), ("0.17.0", "1.16.0"), "trl"),
        RowCase(
            "masked_dr_grpo",
            {**GROUP, "constant_length": {}, **masked},
            scaled("group", loss_type="dr_grpo", **mask),
            ("0.17.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "masked_batch_std",
            {"group_mean_batch_std": {}, "token_mean": {}, **masked},
            scaled("batch", loss_type="dapo", **mask),
            ("0.22.2", "1.16.0"),
            "trl",
        ),
        RowCase(
            "masked_micro_batch",
            {**micro, **masked},
            bnpo(**mask),
            ("0.17.0", "1.16.0"),
            "trl",
            batch="threes",
            keys=("mask", "loss", "gradient"),
        ),
        RowCase(
            "masked_dapo_threes",
            {**TOKEN, **masked},
            scaled("group", loss_type="dapo", **mask),
            ("0.22.0", "1.16.0"),
            batch="threes",
        ),
        RowCase(
            "several_updates",
            TOKEN,
            scaled("group", loss_type="dapo"),
            ("0.22.0", "1.16.0"),
            batch="steps",
            update=range(4),
            steps=4,
            accumulate=2,
        ),
        RowCase(
            "several_updates_kl_masked",
            {**TOKEN, **own, **masked},
            biased(loss_type="dapo", beta=0.1, **mask),
            ("0.22.0", "1.16.0"),
            batch="steps",
            update=range(4),
            steps=4,
            accumulate=2,
        ),
        RowCase(
            "several_updates_bnpo",
            micro,
            bnpo(),
            ("0.18.0", "1.16.0"),
            batch="steps",
            update=range(4),
            steps=4,
            accumulate=2,
        ),
        RowCase(
            "several_updates_grpo",
            SEQUENCE,
            grpo(),
            ("0.18.0", "1.16.0"),
            batch="steps",
            update=range(4),
            steps=4,
            accumulate=2,
        ),
        RowCase(
            "correction_by_default",
            {**TOKEN, "truncated_is": {"level": "sequence", "outside": "drop", "cap": 3.0}},
            correction("", None),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "correction_by_default_of_tokens", {**TOKEN, "truncated_is": {}}, correction("", None), ("0.23.0", "0.25.1")
        ),
        RowCase(
            "correction_token_truncate",
            {**TOKEN, "truncated_is": {"level": "token", "outside": "truncate", "cap": 1.2}},
            correction("token_truncate", 1.2),
            ("0.23.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "correction_sequence_mask",
            {**TOKEN, "truncated_is": {"level": "sequence", "outside": "drop", "cap": 1.5}},
            correction("sequence_mask", 1.5),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "correction_sequence_truncate",
            {**TOKEN, "truncated_is": {"level": "sequence", "outside": "truncate", "cap": 1.5}},
            correction("sequence_truncate", 1.5),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "correction_token_mask",
            {**TOKEN, "truncated_is": {"level": "token", "outside": "drop", "cap": 1.2}},
            correction("token_mask", 1.2),
            ("0.26.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "correction_two_bounds",
            {**TOKEN, "truncated_is": {"level": "token", "outside": "drop", "cap": 1.2, "floor": 0.8}},
            correction("token_mask", 1.2, 0.8),
            ("1.6.0", "1.16.0"),
            "trl",
        ),
        RowCase(
            "normalize_then_sum",
            {**TOKEN, "token_whitening": {"weights": "sequence"}},
            scaled("group", loss_type="dapo", multi_objective_aggregation="normalize_then_sum"),
            ("0.27.0", "1.16.0"),
            "trl",
            keys=ALL,
        ),
        RowCase(
            "entropy_bnpo",
            {**micro, "entropy_bonus": {"coef": 0.05}},
            bnpo(entropy_coef=0.05),
            ("1.8.0", "1.16.0"),
            "trl",
            keys=("loss", "gradient", "entropy_gradient"),
        ),
        RowCase(
            "entropy_dapo",
            {**TOKEN, "entropy_bonus": {"coef": 0.05}},
            scaled("group", loss_type="dapo", entropy_coef=0.05),
            ("1.8.0", "1.9.2"),
            "trl",
            keys=("loss", "gradient", "entropy_gradient"),
        ),
        RowCase("equal_rewards", SEQUENCE, grpo(), refused="sequence_mean: trl", batch="eights", keys=ALL),
        RowCase(
            "equal_rewards_mean",
            {"group_mean": {}, "sequence_mean": {}},
            lambda r: grpo()(r) | scaled("none")(r),
            ("0.17.0", "1.16.0"),
            "trl",
            batch="eights",
            keys=ALL,
        ),
        RowCase(
            "equal_rewards_batch",
            {"group_mean_batch_std": {}, "sequence_mean": {}},
            lambda r: grpo()(r) | scaled("batch")(r),
            ("0.22.2", "1.16.0"),
            "trl",
            batch="eights",
            keys=ALL,
        ),
        RowCase("threes", micro, bnpo(), ("0.16.0", "1.16.0"), "trl", batch="threes", keys=ALL),
    )


NOT_NAMED: Final = {
    "grpo": ("0.16.0", "0.16.1"),
    "kl_own": ("0.16.0", "0.16.1"),
    "kl_by_default": ("0.16.0", "0.16.1"),
    "equal_rewards": ("0.16.0", "0.16.1"),
}


def holds(case: RowCase, release: str) -> bool:
    """Return True if TRL has this case at a release."""
    outside = NOT_NAMED.get(case.name)
    inside = at_least(release, case.holds[0]) and at_least(case.holds[1], release)
    return inside and not (outside and at_least(release, outside[0]) and at_least(outside[1], release))
