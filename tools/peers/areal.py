"""Record what AReaL's wheel computes on batches of ours: its own actor's advantages and loss.

``python -m tools.peers.areal`` writes the options of its PPO configuration instead.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages, merge_releases, run_inside, write_recorded
from tools.peers.openrlhf_cases import BATCHES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCRIPT: Final = Path(__file__).with_name("run_areal.py")
_TOLERANCE: Final = 2e-6  # the framework computes the loss in float32
_BOTH: Final = ("advantages", "gradient", "loss")
_LOSS: Final = ("gradient", "loss")

_PLAIN: Final[Mapping[str, Any]] = {"kl_ctl": 0.0, "recompute_logprob": True}
_DECOUPLED: Final[Mapping[str, Any]] = {**_PLAIN, "use_decoupled_loss": True}
_RAW: Final[Mapping[str, Any]] = {}


def _norm(mean: str | None, std: str | None, size: int = 4, **others: Any) -> dict[str, Any]:
    return {"mean_level": mean, "std_level": std, "group_size": size, **others}


def _case(
    name: str,
    options: Mapping[str, Any],
    tricks: Mapping[str, Any],
    batch: str = "uneven",
    results: Sequence[str] = _LOSS,
    dtype: str = "float64",
) -> dict[str, Any]:
    return {
        "name": name,
        "options": dict(options),
        "tricks": {"token_mean": {}, **tricks},
        "batch": batch,
        "results": results,
        "dtype": dtype,
    }


_NORMS: Final[Sequence[tuple[str, dict[str, Any], dict[str, Any]]]] = (
    ("group and group", _norm("group", "group"), {"group_norm": {}}),
    ("group and group with n", _norm("group", "group", std_unbiased=False), {"group_norm": {"ddof": 0}}),
    ("group and group with another epsilon", _norm("group", "group", eps=0.1), {"group_norm": {"eps": 0.1}}),
    ("group and batch", _norm("group", "batch"), {"group_mean_batch_std": {}}),
    ("batch and batch", _norm("batch", "batch"), {"batch_norm": {}}),
    ("group", _norm("group", None), {"group_mean": {}}),
    ("batch", _norm("batch", None), {"batch_mean": {}}),
    ("the others of the group", _norm("group", None, mean_leave1out=True), {"rloo": {}}),
    ("the others and group", _norm("group", "group", mean_leave1out=True), {"rloo": {"std": "group"}}),
    ("the others and batch", _norm("group", "batch", mean_leave1out=True), {"rloo": {"std": "batch"}}),
    ("batch and group", _norm("batch", "group"), {"group_norm": {"mean": "batch"}}),
    ("group alone", _norm(None, "group"), {"group_norm": {"mean": "none"}}),
    ("batch alone", _norm(None, "batch"), {"batch_norm": {"mean": "none"}}),
)
_GROUP: Final = {"reward_norm": _norm("group", "group")}
_WEIGHTS: Final[Sequence[tuple[str, dict[str, Any], dict[str, Any]]]] = (
    ("dropped tokens", {}, {}),
    ("dropped tokens above 2", {"upper": 2.0}, {"cap": 2.0, "floor": 0.0, "outside": "drop"}),
    ("dropped tokens of a band", {"upper": 2.0, "lower": 0.5}, {"cap": 2.0, "floor": 0.5, "outside": "drop"}),
    ("truncated tokens", {"action": "clamp", "upper": 2.0}, {"cap": 2.0, "floor": 0.0, "outside": "truncate"}),
    (
        "truncated tokens of a band",
        {"action": "clamp", "upper": 2.0, "lower": 0.5},
        {"cap": 2.0, "floor": 0.5, "outside": "truncate"},
    ),
    (
        "dropped responses",
        {"level": "sequence", "upper": 2.0, "lower": 0.5},
        {"level": "sequence", "cap": 2.0, "floor": 0.5, "outside": "drop"},
    ),
    (
        "truncated responses",
        {"level": "sequence", "action": "clamp", "upper": 2.0},
        {"level": "sequence", "cap": 2.0, "floor": 0.0, "outside": "truncate"},
    ),
)
_SIGNAL: Final = ("advantages",)

CASES: Final = (
    _case("raw rewards", _PLAIN, _RAW, results=_BOTH),
    *(
        _case(f"mean and deviation: {name}", {**_PLAIN, "reward_norm": norm}, tricks, "shaped", _SIGNAL)
        for name, norm, tricks in _NORMS
    ),
    _case("pairs", {**_PLAIN, "reward_norm": _norm("group", "group", 2)}, {"group_norm": {}}, "pairs", _SIGNAL),
    _case("eight", {**_PLAIN, "reward_norm": _norm("group", "group", 8)}, {"group_norm": {}}, "eight", _SIGNAL),
    _case(
        "equal rewards",
        {**_PLAIN, "reward_norm": _norm("group", "group", 8)},
        {"group_norm": {}},
        "equal rewards",
        _SIGNAL,
        "float32",
    ),
    _case("grouped", {**_PLAIN, **_GROUP}, {"group_norm": {}}, results=_BOTH),
    *(
        _case(
            f"whitened over tokens: {mean} and {std}",
            {**_PLAIN, "adv_norm": _norm(mean, std)},
            {"token_whitening": {"mean": mean, "std": std or "none"}},
            "shaped",
            _SIGNAL,
        )
        for mean, std in (("batch", "batch"), ("batch", None), ("group", "group"), ("group", None))
    ),
    _case(
        "whitened after a group mean",
        {**_PLAIN, "reward_norm": _norm("group", None), "adv_norm": _norm("batch", "batch", std_unbiased=False)},
        {"group_mean": {}, "token_whitening": {"ddof": 0}},
        results=_BOTH,
    ),
    _case(
        "bounded rewards",
        {**_PLAIN, "reward_clip": 10.0, "reward_norm": _norm("group", None)},
        {"reward_clip": {"low": -10.0, "high": 10.0}, "group_mean": {}},
        "large rewards",
        _SIGNAL,
    ),
    *(
        _case(
            f"{estimator} in the reward",
            {**_PLAIN, "kl_ctl": 0.1, "kl_estimator": estimator, "reward_norm": _norm("group", None)},
            {"group_mean": {}, "kl_to_go": {"coef": 0.1, "estimator": estimator}},
            "distant",
            ("gradient",),
        )
        for estimator in ("k1", "k2", "k3")
    ),
    _case(
        "clip",
        {**_PLAIN, **_GROUP, "eps_clip": 0.15, "eps_clip_higher": 0.28},
        {"group_norm": {}, "clip": {"clip_ratio_low": 0.15, "clip_ratio_high": 0.28}},
    ),
    _case("a ratio far off", {**_PLAIN, **_GROUP}, {"group_norm": {}}, "far"),
    _case("dual clip", {**_PLAIN, **_GROUP, "c_clip": 1.5}, {"group_norm": {}, "dual_clip": {"dual_clip": 1.5}}),
    _case(
        "gspo",
        {**_PLAIN, **_GROUP, "importance_sampling_level": "sequence"},
        {"group_norm": {}, "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2}},
    ),
    _case(
        "gspo with KL in the reward",
        {**_PLAIN, **_GROUP, "kl_ctl": 0.1, "importance_sampling_level": "sequence"},
        {
            "group_norm": {},
            "kl_to_go": {"coef": 0.1, "estimator": "k1"},
            "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2},
        },
    ),
    *(
        _case(
            f"decoupled: {name}",
            {**_DECOUPLED, **_GROUP, "rejection_sampling": settings},
            {"group_norm": {}, "truncated_is": tricks},
        )
        for name, settings, tricks in _WEIGHTS
    ),
    _case("decoupled without weights", {**_DECOUPLED, **_GROUP}, {"group_norm": {}}),
    *(
        _case(
            f"gspo with {name}",
            {**_DECOUPLED, **_GROUP, "importance_sampling_level": "sequence", "rejection_sampling": settings},
            {
                "group_norm": {},
                "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2},
                "truncated_is": tricks,
            },
            results=("gradient",),
        )
        for name, settings, tricks in _WEIGHTS
    ),
    _case(
        "KL in the reward of the decoupled loss",
        {**_DECOUPLED, "kl_ctl": 0.1, "kl_estimator": "k2", "rejection_sampling": {"action": "clamp", "upper": 2.0}},
        {
            "kl_to_go": {"coef": 0.1, "estimator": "k2"},
            "truncated_is": {"cap": 2.0, "outside": "truncate"},
        },
        results=("gradient",),
    ),
    _case(
        "gspo with dropped tokens and KL in the reward",
        {
            **_DECOUPLED,
            **_GROUP,
            "kl_ctl": 0.1,
            "importance_sampling_level": "sequence",
            "rejection_sampling": {"upper": 2.0, "lower": 0.5},
        },
        {
            "group_norm": {},
            "kl_to_go": {"coef": 0.1},
            "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2},
            "truncated_is": {"cap": 2.0, "floor": 0.5, "outside": "drop"},
        },
    ),
    _case(
        "overlong penalty",
        {
            **_PLAIN,
            "reward_norm": _norm("group", None),
            "overlong_reward_penalty": True,
            "overlong_tokens": 3,
            "overlong_penalty_factor": 0.5,
            "max_new_tokens": 6,
        },
        {"group_mean": {}, "soft_overlong": {"cache": 3, "limit": 6, "weight": 0.5}},
        results=_SIGNAL,
    ),
)


def record(releases: Sequence[str]) -> Path:
    """Run the releases, all known ones where none is named, and write their numbers. Returns the file."""
    from tricks.dialects import ALL_RELEASES  # noqa: PLC0415 - imports torch

    order = ALL_RELEASES["areal"].known_releases
    found: dict[str, Any] = {}
    for release in releases or order:
        folder = Packages().install(f"areal=={release}")
        found[release] = run_inside(_SCRIPT, (), {"folder": str(folder), "batches": BATCHES, "cases": CASES})
    document = {
        "framework": "areal",
        "made_by": "python -m tools.peers areal",
        "environment": {"python": platform.python_version(), "torch": next(iter(found.values()))["torch"]},
        "batches": BATCHES,
        "cases": [
            {
                "name": case["name"],
                "options": case["options"],
                "preset": "vanilla_ppo",
                "tricks": case["tricks"],
                "updates_per_rollout": 1,
                "batch": case["batch"],
                "dtype": case["dtype"],
                "tolerance": _TOLERANCE,
                "releases": merge_releases(
                    {
                        release: {key: results[case["name"]][key] for key in case["results"]}
                        for release, results in found.items()
                    },
                    order,
                ),
            }
            for case in CASES
        ],
    }
    return write_recorded("areal", document)


def main() -> None:
    """Write the options of the PPO configuration by release."""
    from tools.peers.options_openrlhf import write_options  # noqa: PLC0415
    from tricks.dialects import ALL_RELEASES  # noqa: PLC0415

    found = {}
    for release in ALL_RELEASES["areal"].known_releases:
        folder = Packages().install(f"areal=={release}")
        found[release] = run_inside(_SCRIPT, (), {"folder": str(folder), "options": True})
    print(write_options("areal", tuple(found), found))


if __name__ == "__main__":
    main()
