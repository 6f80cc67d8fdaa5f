"""The batches and options on which OpenRLHF's releases are run, and what they are in our words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

# From the dotted names of 0.10.2 to those before, where more than the section was dropped.
OLD_NAMES: Final = {
    "algo.advantage.estimator": "advantage_estimator",
    "algo.advantage.no_std_norm": "no_advantage_std_norm",
    "algo.kl.init_coef": "init_kl_coef",
    "algo.kl.estimator": "kl_estimator",
    "algo.kl.use_loss": "use_kl_loss",
    "actor.entropy_coef": "entropy_loss_coef",
    "actor.eps_clip": "eps_clip",
    "actor.eps_clip_low_high": "eps_clip_low_high",
    "actor.dual_clip": "dual_clip",
    "actor.policy_loss_type": "policy_loss_type",
    "algo.advantage.is_correction_enable": "enable_vllm_is_correction",
    "algo.advantage.is_correction_threshold": "vllm_is_truncated_threshold",
    "algo.advantage.is_correction_type": "vllm_is_correction_type",
    "reward.clip_range": "reward_clip_range",
    "ds.packing_samples": "packing_samples",
    "reward.overlong_buffer_len": "overlong_buffer_len",
    "reward.overlong_penalty_factor": "overlong_penalty_factor",
}

_OLD: Final = [
    [-0.5, -1.25, -0.1],
    [-2.0, -0.3, -0.7, -1.1, -0.2],
    [-0.9, -3.0],
    [-0.4, -0.6, -0.05, -1.7, -2.2, -0.8],
    [-1.3, -0.45, -0.9, -0.15],
    [-0.35],
    [-0.7, -1.9, -0.25, -0.6, -1.05, -0.3],
    [-0.2, -0.55, -2.6],
]
_MOVED: Final = [
    [0.05, -0.3, 0.25],
    [0.9, -0.02, -0.6, 0.1, 0.0],
    [-0.15, 1.6],
    [0.3, -0.9, 0.0, 0.07, 0.4, -0.2],
    [-0.35, 0.22, 0.01, -0.08],
    [0.15],
    [0.6, 1.3, -0.11, 0.02, -0.5, 0.19],
    [-0.04, 0.35, 2.2],
]
_SAMPLED: Final = [
    [0.1, 0.0, -0.9],
    [-1.3, 0.2, 0.05, -0.4, 1.2],
    [0.3, -2.0],
    [0.0, 0.8, -0.1, 0.5, -1.7, 0.02],
    [0.9, 1.1, 0.75, 1.0],
    [-0.02],
    [-2.1, -1.4, -1.9, -2.5, -1.8, -1.2],
    [0.4, -0.6, 1.7],
]
_REFERENCE: Final = [
    [0.2, -0.1, 0.0],
    [-3.0, 0.4, 0.1, 0.0, -0.05],
    [1.5, -0.3],
    [0.0, 0.6, -0.2, 2.6, 0.3, -0.9],
    [-0.5, 0.05, 0.0, 0.12],
    [0.7],
    [0.01, -1.1, 0.35, 0.0, 0.2, -0.4],
    [-0.25, 0.8, 0.0],
]
_ENTROPIES: Final = [
    [0.5, 1.2, 0.3],
    [1.9, 0.7, 0.2, 1.1, 0.4],
    [0.9, 2.1],
    [0.3, 0.6, 0.1, 1.4, 1.8, 0.9],
    [1.0, 0.2, 0.8, 0.35],
    [0.45],
    [0.75, 1.6, 0.25, 0.5, 1.3, 0.15],
    [0.3, 0.65, 2.4],
]


def _plus(rows: list[list[float]], others: list[list[float]]) -> list[list[float]]:
    return [
        [round(one + other, 6) for one, other in zip(row, more, strict=True)]
        for row, more in zip(rows, others, strict=True)
    ]


def _batch(rewards: list[float], group: list[int], micro_batch: list[int]) -> dict[str, Any]:
    return {
        "rewards": rewards,
        "group": group,
        "lengths": [len(row) for row in _OLD],
        "log_probs": _plus(_OLD, _MOVED),
        "old_log_probs": _OLD,
        "sampler_log_probs": _plus(_OLD, [[-each for each in row] for row in _SAMPLED]),
        "ref_log_probs": _plus(_OLD, _REFERENCE),
        "entropies": _ENTROPIES,
        "max_response_length": 6,
        "micro_batch": micro_batch,
    }


def _single(rewards: list[float], group: list[int]) -> dict[str, Any]:
    """Return a batch of responses of one token."""
    rows = [[-1.0] for _ in rewards]
    names = ("log_probs", "old_log_probs", "sampler_log_probs", "ref_log_probs", "entropies")
    parts = dict.fromkeys(names, rows)
    lengths, micro = [1] * len(rewards), [0] * len(rewards)
    found = {"rewards": rewards, "group": group, "lengths": lengths, **parts}
    return {**found, "max_response_length": 1, "micro_batch": micro}


def _far(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with one token 21 above its old log-prob, whose advantage is negative."""
    log_probs, old = ([list(row) for row in batch[name]] for name in ("log_probs", "old_log_probs"))
    old[2][1], log_probs[2][1] = -21.5, -0.5
    return {**batch, "log_probs": log_probs, "old_log_probs": old}


def _distant(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with tokens whose reference log-probs are 12 below and 3 above."""
    old, reference = batch["old_log_probs"], [list(row) for row in batch["ref_log_probs"]]
    reference[6][2] = round(old[6][2] - 12.0, 6)
    reference[4][0] = round(old[4][0] + 3.0, 6)
    return {**batch, "ref_log_probs": reference}


_FOURS: Final = [0, 0, 0, 0, 1, 1, 1, 1]
_UNEVEN: Final = _batch([1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0], _FOURS, [0, 0, 1, 1, 2, 2, 3, 3])
BATCHES: Final[dict[str, Any]] = {
    "uneven": _UNEVEN,
    "whole": {**_UNEVEN, "micro_batch": [0] * 8},
    "shaped": _batch([0.7, -0.3, 1.25, 0.7, 3.0, -2.0, 0.1, 0.4], _FOURS, _FOURS),
    "equal rewards": _single([0.3] * 8 + [0.1] * 8, [0] * 8 + [1] * 8),
    "eight": _single([1.0] + [0.0] * 7 + [1.0, 0.0] * 4, [0] * 8 + [1] * 8),
    "large rewards": _batch([40.0, 0.0, 15.0, -3.0, 100.0, 90.0, 95.0, 0.0], _FOURS, _FOURS),
    "far": _far(_UNEVEN),
    "distant": _distant(_UNEVEN),
    "pairs": _batch([1.0, 0.0, 0.0, 0.0, 0.5, 0.25, 1.0, 0.9], [0, 0, 1, 1, 2, 2, 3, 3], _FOURS),
}


@dataclass(frozen=True)
class LossCase:
    """Options of OpenRLHF with their meaning in our words."""

    name: str
    options: dict[str, Any]  # dotted names without dashes; True for a flag
    tricks: dict[str, Any]
    batch: str = "uneven"
    since: str = ""  # the releases at which the options have this meaning
    until: str = ""
    words: str = "openrlhf"  # what our refusal contains at the other releases; "" where ours computes something there
    results: tuple[str, ...] = ("gradient", "loss")
    dtype: str = "float64"  # in which ours is computed; float32 where rounding decides
    spelled: dict[str, dict[str, Any]] = field(default_factory=dict)  # other options from a release on

    def asked(self, release: str) -> dict[str, Any]:
        """Return the case for the process of a release, or a refusal where it has another meaning."""
        if not _within(release, self.since, self.until):
            return {"name": self.name, "outside": True}
        options = self.options
        for first, others in self.spelled.items():
            if _order(release) >= _order(first):
                options = others
        if _order(release) < _order("0.10.2"):
            options = {OLD_NAMES.get(name, name): value for name, value in options.items()}
        if _order(release) < _order("0.6.0.post1") and "kl_estimator" in options:
            estimator = options["kl_estimator"]
            if estimator == "k2":
                return {"name": self.name, "outside": True}
            options = {name: value for name, value in options.items() if name != "kl_estimator"}
            options |= {"use_kl_estimator_k3": True} if estimator == "k3" else {}
        return {"name": self.name, "batch": self.batch, "options": options, "results": self.results}


def _order(release: str) -> tuple[int, ...]:
    numbers = release.replace(".post", ".").split(".")
    return tuple(map(int, numbers))


def _within(release: str, since: str, until: str) -> bool:
    at = _order(release)
    return (not since or at >= _order(since)) and (not until or at <= _order(until))


_SIGNAL: Final = ("advantages",)
_BOTH: Final = ("advantages", "gradient", "loss")
_EST: Final = "algo.advantage.estimator"
_CORRECT: Final = "algo.advantage.is_correction"
_RAW_NORM: Final = {_EST: "group_norm"}
_NONE: Final = {"algo.kl.init_coef": 0.0}
_NORM: Final = {**_RAW_NORM, **_NONE}
_DR: Final = {_EST: "dr_grpo", **_NONE}
_WIDE: Final = {"reward.clip_range": [-1000.0, 1000.0]}
_CENTERED: Final[dict[str, Any]] = {"group_mean": {}}
_K1: Final = {**_DR, "algo.kl.use_loss": True, "algo.kl.init_coef": 0.1}
_KL: Final = {"coef": 0.1}


def _weights(level: str, mode: str, low: float, high: float) -> dict[str, Any]:
    return {
        **_DR,
        f"{_CORRECT}_level": level,
        f"{_CORRECT}_mode": mode,
        f"{_CORRECT}_threshold": [low, high],
    }


def _enabled(kind: str, low: float, high: float) -> dict[str, Any]:
    found = {**_DR, f"{_CORRECT}_enable": True, f"{_CORRECT}_threshold": [low, high]}
    return {**found, f"{_CORRECT}_type": kind} if kind else found


CASES: Final = (
    LossCase("group_norm", _NORM, {"group_norm": {}}, words="group_norm", results=_BOTH),
    LossCase("group_norm of eight", _NORM, {"group_norm": {}}, "eight", words="group_norm", results=_SIGNAL),
    LossCase("rloo of eight", {_EST: "rloo", **_NONE}, {"rloo": {}}, "eight", since="0.8.5", results=_SIGNAL),
    LossCase("group_norm of pairs", _NORM, {"group_norm": {}}, "pairs", words="group_norm", results=_SIGNAL),
    LossCase("group_norm of shaped rewards", _NORM, {"group_norm": {}}, "shaped", words="group_norm", results=_SIGNAL),
    LossCase(
        "group_norm of equal rewards",
        {**_NORM, **_WIDE},
        {"group_norm": {}},
        "equal rewards",
        words="group_norm",
        results=_SIGNAL,
        dtype="float32",
    ),
    LossCase(
        "group_norm of equal rewards, bounded",
        _NORM,
        {"group_norm": {}, "advantage_clip": {"low": -10.0, "high": 10.0}},
        "equal rewards",
        words="group_norm",
        results=_SIGNAL,
        dtype="float32",
    ),
    LossCase("dr_grpo", _DR, _CENTERED, words="group_mean", since="0.6.3.post2", results=_BOTH),
    LossCase(
        "dr_grpo, bounded",
        {**_DR, "reward.clip_range": [-5.0, 20.0]},
        {**_CENTERED, "advantage_clip": {"low": -5.0, "high": 20.0}},
        "large rewards",
        words="group_mean",
        since="0.6.3.post2",
        results=_SIGNAL,
    ),
    LossCase(
        "reinforce_baseline",
        {_EST: "reinforce_baseline", **_NONE},
        {**_CENTERED, "token_whitening": {}},
        words="group_mean",
        results=_BOTH,
    ),
    LossCase(
        "reinforce_baseline of shaped rewards",
        {_EST: "reinforce_baseline", **_NONE},
        {**_CENTERED, "token_whitening": {}},
        "shaped",
        words="group_mean",
        results=_SIGNAL,
    ),
    LossCase(
        "reinforce_baseline without deviation",
        {_EST: "reinforce_baseline", "algo.advantage.no_std_norm": True, **_NONE},
        {**_CENTERED, "token_whitening": {"std": "none"}},
        results=_SIGNAL,
    ),
    LossCase(
        "rloo",
        {_EST: "rloo", **_NONE},
        {"rloo": {}},
        since="0.8.5",
        words="whitens after rloo",
        results=_SIGNAL,
    ),
    LossCase(
        "rloo, whitened",
        {_EST: "rloo", **_NONE},
        {"rloo": {}, "token_whitening": {}},
        until="0.8.4",
        words="does not whiten after rloo",
        results=_SIGNAL,
    ),
    LossCase(
        "reinforce",
        {_EST: "reinforce", **_NONE},
        {"token_whitening": {}},
        results=_SIGNAL,
    ),
    LossCase(
        "reinforce of shaped rewards",
        {_EST: "reinforce", **_NONE},
        {"token_whitening": {}},
        "shaped",
        results=_SIGNAL,
    ),
    LossCase(
        "flash_reinforce",
        {_EST: "flash_reinforce", **_NONE},
        {"batch_mean": {}},
        words="batch_mean",
        results=_SIGNAL,
    ),
    *(
        LossCase(
            f"reinforce with {estimator} in the reward",
            {_EST: "reinforce", "algo.kl.init_coef": 0.1, "algo.kl.estimator": estimator},
            {"kl_to_go": {**_KL, "estimator": estimator}, "token_whitening": {}},
            "distant",
            results=("gradient",),
        )
        for estimator in ("k1", "k2")
    ),
    LossCase(
        "dr_grpo with k3 in the reward",
        {_EST: "dr_grpo", "algo.kl.init_coef": 1e-4, "algo.kl.estimator": "k3"},
        {**_CENTERED, "kl_to_go": {"coef": 1e-4, "estimator": "k3"}},
        "distant",
        words="group_mean",
        results=("gradient",),
        since="0.6.3.post2",
    ),
    LossCase(
        "packed samples",
        {_EST: "group_norm", "ds.packing_samples": True, **_NONE},
        {"group_norm": {}, "token_mean": {}},
        words="group_norm",
    ),
    LossCase(
        "token mean of one micro-batch", _NORM, {"group_norm": {}, "token_mean": {}}, "whole", since="0.7.0", words=""
    ),
    LossCase(
        "mean of responses",
        {**_NORM, "actor.loss_agg_mode": "seq-mean-token-mean"},
        {"group_norm": {}, "sequence_mean": {}},
        since="0.11.2",
        words="",
    ),
    LossCase(
        "mean of responses without a choice",
        _NORM,
        {"group_norm": {}, "sequence_mean": {}},
        until="0.6.4",
        words="",
    ),
    LossCase("a ratio far off", _NORM, {"group_norm": {}}, "far", words="group_norm"),
    LossCase(
        "clip of 0.1",
        {**_DR, "actor.eps_clip": 0.1},
        {**_CENTERED, "clip": {"clip_ratio_low": 0.1, "clip_ratio_high": 0.1}},
        since="0.6.3.post2",
        words="group_mean",
    ),
    LossCase(
        "clip-higher",
        {**_DR, "actor.eps_clip_low_high": [0.15, 0.28]},
        {**_CENTERED, "clip": {"clip_ratio_low": 0.15, "clip_ratio_high": 0.28}},
        since="0.8.2",
    ),
    LossCase(
        "dual clip",
        {**_DR, "actor.dual_clip": 1.5},
        {**_CENTERED, "dual_clip": {"dual_clip": 1.5}},
        since="0.8.6",
    ),
    LossCase(
        "gspo",
        {**_DR, "actor.policy_loss_type": "gspo", "actor.eps_clip_low_high": [0.2, 0.3]},
        {**_CENTERED, "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.3}},
        since="0.8.8",
    ),
    LossCase(
        "gspo with a weight",
        {
            **_DR,
            "actor.policy_loss_type": "gspo",
            f"{_CORRECT}_enable": True,
            f"{_CORRECT}_threshold": 2.0,
        },
        {**_CENTERED, "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2}, "truncated_is": {"cap": 2.0}},
        since="0.8.9",
        until="0.8.9.post1",
    ),
    *(
        LossCase(
            f"{estimator} as a loss",
            {**_K1, "algo.kl.estimator": estimator},
            {**_CENTERED, "kl_loss": {**_KL, "estimator": estimator}},
            "distant",
            since="0.7.2",
            words="",
        )
        for estimator in ("k1", "k2")
    ),
    LossCase(
        "k3 as a loss",
        {**_K1, "algo.kl.init_coef": 1e-4, "algo.kl.estimator": "k3"},
        {**_CENTERED, "kl_loss": {"coef": 1e-4, "estimator": "k3"}},
        "distant",
        since="0.7.2",
        words="",
    ),
    *(
        LossCase(
            f"group_norm with {estimator} as a loss over responses",
            {**_NORM, "algo.kl.use_loss": True, "algo.kl.init_coef": 0.1, "algo.kl.estimator": estimator},
            {"group_norm": {}, "kl_loss": {**_KL, "estimator": estimator}},
            until="0.6.4",
            since=first,
            words="",
        )
        for estimator, first in (("k1", "0.6.0"), ("k2", "0.6.0.post1"), ("k3", "0.6.0"))
    ),
    *(
        LossCase(
            f"{estimator} with the unbiased gradient",
            {**_K1, "algo.kl.estimator": estimator, "algo.kl.unbiased_gradient": True},
            {**_CENTERED, "kl_loss": {**_KL, "estimator": estimator, "gradient": "k2"}},
            "distant",
            since="0.11.1",
        )
        for estimator in ("k1", "k2", "k3")
    ),
    LossCase(
        "entropy",
        {**_DR, "actor.entropy_coef": 0.05},
        {**_CENTERED, "entropy_bonus": {"coef": 0.05}},
        since="0.7.2",
    ),
    LossCase(
        "weights up to 2",
        {**_DR, f"{_CORRECT}_enable": True, f"{_CORRECT}_threshold": 2.0},
        {**_CENTERED, "truncated_is": {"cap": 2.0, "floor": 0.0, "outside": "truncate"}},
        since="0.8.9",
        spelled={
            "0.9.1": _enabled("", 0.0, 2.0),
            "0.9.3": _enabled("tis", 0.0, 2.0),
            "0.11.2": _weights("token", "clip", 0.0, 2.0),
        },
    ),
    LossCase(
        "weights where they are turned on",
        {**_DR, f"{_CORRECT}_enable": True},
        {**_CENTERED, "truncated_is": {}},
        since="0.8.9",
        spelled={"0.11.2": {**_DR, f"{_CORRECT}_level": "token"}},
    ),
    LossCase(
        "weights within bounds",
        _enabled("tis", 0.5, 5.0),
        {**_CENTERED, "truncated_is": {"cap": 5.0, "floor": 0.5, "outside": "truncate"}},
        since="0.9.1",
        spelled={
            "0.9.1": _enabled("", 0.5, 5.0),
            "0.9.3": _enabled("tis", 0.5, 5.0),
            "0.11.2": _weights("token", "clip", 0.5, 5.0),
        },
    ),
    LossCase(
        "weights dropped outside",
        _enabled("icepop", 0.5, 5.0),
        {**_CENTERED, "truncated_is": {"cap": 5.0, "floor": 0.5, "outside": "drop"}},
        since="0.9.1",
        spelled={
            "0.9.1": _enabled("", 0.5, 5.0) | {"use_icepop": True},
            "0.9.3": _enabled("icepop", 0.5, 5.0),
            "0.11.2": _weights("token", "mask", 0.5, 5.0),
        },
    ),
    LossCase(
        "responses dropped by their mean weight",
        _enabled("seq-mask-tis", 0.5, 2.0),
        {**_CENTERED, "truncated_is": {"level": "sequence", "cap": 2.0, "floor": 0.5, "outside": "drop"}},
        since="0.9.3",
        spelled={
            "0.9.3": _enabled("mis", 0.5, 2.0),
            "0.9.4": _enabled("seq-mask-tis", 0.5, 2.0),
            "0.11.2": _weights("seq", "mask", 0.5, 2.0),
        },
    ),
    LossCase(
        "overlong penalty",
        {**_DR, "reward.overlong_buffer_len": 3.0, "reward.overlong_penalty_factor": 0.5},
        {**_CENTERED, "soft_overlong": {"cache": 3, "limit": 6, "weight": 0.5}},
        since="0.8.7",
        words="",
        results=_SIGNAL,
    ),
)
