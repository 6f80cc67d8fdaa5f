"""Batches and cases that released versions of verl are run on.

A case pairs options of verl with our words for the same rule. ``absent`` says what our refusal must contain in the
releases that lack an option or fail.
"""

from __future__ import annotations

import random
from typing import Any, Final

_ACTOR: Final = "actor_rollout_ref.actor"
_ESTIMATOR: Final = "algorithm.adv_estimator"


def _rows(draw: random.Random, mask: list[list[int]], width: float, base: list[list[float]] | None) -> list[Any]:
    start = base or [[-1.5] * len(row) for row in mask]
    return [
        [round(number + draw.uniform(-width, width), 4) for number in row] for row in start
    ]  # padding has numbers too, which nothing may read


def _batch(seed: int, rewards: list[float], group: list[str], mask: list[list[int]], **gaps: float) -> dict[str, Any]:
    """Return a batch whose log-ratios are drawn within ``moved``, and so on for the reference and the sampler."""
    draw = random.Random(seed)
    old = _rows(draw, mask, 1.0, None)
    found: dict[str, Any] = {
        "rewards": rewards,
        "group": group,
        "response_mask": mask,
        "log_probs": _rows(draw, mask, gaps.get("moved", 0.5), old),
        "old_log_probs": old,
        "ref_log_probs": _rows(draw, mask, gaps.get("ref", 0.8), old),
        "entropies": _rows(draw, mask, 0.5, [[0.75] * len(row) for row in mask]),
        "micro_batch": [0] * (len(rewards) // 2) + [1] * (len(rewards) // 2),
    }
    if "sampler" in gaps:
        found["sampler_log_probs"] = _rows(draw, mask, gaps["sampler"], old)
    return found


def _lengths(*lengths: int) -> list[list[int]]:
    return [[1] * length + [0] * (max(lengths) - length) for length in lengths]


_MIXED: Final = ["a", "a", "a", "a", "b", "b"]
_GAPPED: Final = [[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 1, 0], [0, 1, 1, 0, 1, 1], [1, 0, 1, 1, 0, 1]]

BATCHES: Final[dict[str, dict[str, Any]]] = {
    "plain": _batch(1, [1.0, 0.0, 0.25, 0.0, 1.0, 0.0], _MIXED, _lengths(5, 2, 3, 4, 5, 1)),
    "long": _batch(2, [1.0, 0.0, 0.0, 1.0], ["x", "y", "x", "y"], _lengths(1, 2, 7, 8), moved=0.3),
    "far": _batch(3, [1.0, -1.0, 0.5, 0.0, 0.0, 1.0], _MIXED, _lengths(4, 4, 3, 2, 4, 3), moved=25.0, ref=25.0),
    "large": _batch(4, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0], _MIXED, _lengths(3, 4, 2, 4, 1, 3), moved=2.0, ref=6.0),
    "empty": _batch(5, [1.0, 0.0, 0.0, 1.0, 1.0, 0.0], _MIXED, _lengths(4, 0, 3, 2, 4, 1)),
    "hollow": _batch(6, [1.0, 0.0, 0.0, 1.0], ["x", "x", "y", "y"], _lengths(3, 2, 0, 0)),
    "gap": _batch(7, [1.0, 0.0, 0.5, 0.0], ["x", "x", "y", "y"], _GAPPED),
    "alone": _batch(8, [1.0, 0.0, 0.5, 1.0], ["x", "y", "y", "z"], _lengths(3, 2, 4, 1)),
    "equal": _batch(9, [0.1, 0.1, 0.1, 0.7, 0.3, 0.3], ["a", "a", "a", "b", "b", "b"], _lengths(3, 2, 4, 1, 2, 3)),
    "sampler": _batch(10, [1.0, 0.0, 0.25, 0.0, 1.0, 0.0], _MIXED, _lengths(5, 2, 3, 4, 5, 1), sampler=1.2),
    "sampler far": _batch(11, [1.0, 0.0, 0.25, 0.0, 1.0, 0.0], _MIXED, _lengths(5, 2, 3, 4, 5, 1), sampler=12.0),
}

_PARTS: Final = {"entropies": ("plain",), "ref_log_probs": ("plain", "far", "large", "gap")}  # where they are used
for _part, _used in _PARTS.items():
    for _name in BATCHES.keys() - set(_used):
        del BATCHES[_name][_part]

Case = dict[str, Any]
Words = dict[str, dict[str, Any] | None]


def _estimator(name: str, options: dict[str, Any], tricks: Words, absent: str, batches: str) -> list[Case]:
    """Return cases that record advantages alone; our loss does not matter."""
    with_kl = "algorithm.kl_ctrl.kl_coef" in options
    base = {"algorithm.use_kl_in_reward": True} if with_kl else {"algorithm.kl_ctrl.kl_coef": 0.0}
    return [
        {
            "name": f"{name}, {batch}",
            "base": base,
            "options": options,
            "tricks": {"token_mean": {}, **tricks},
            "batch": batch,
            "only": "advantages",
            "absent": absent,  # what our refusal says
        }
        for batch in batches.split(", ")
    ]


def _advantages() -> list[Case]:
    grpo = {_ESTIMATOR: "grpo"}
    kl: dict[str, Any] = {"algorithm.kl_ctrl.kl_coef": 0.1}
    return [
        *_estimator("grpo", grpo, {"group_norm": {}}, "critic", "plain, long, alone, equal"),
        *_estimator(
            "grpo without std",
            {**grpo, "algorithm.norm_adv_by_std_in_grpo": False},
            {"group_mean": {}},
            "always divides",
            "plain, alone, equal",
        ),
        *_estimator("rloo", {_ESTIMATOR: "rloo"}, {"rloo": {}}, "rloo", "plain, equal"),
        *_estimator(
            "rloo_vectorized",
            {_ESTIMATOR: "rloo_vectorized"},
            {"rloo": {"single": "zero"}},
            "rloo",
            "plain",
        ),
        *_estimator("opo", {_ESTIMATOR: "opo"}, {"group_mean": {"weights": "token"}}, "opo", "plain, long, alone"),
        *_estimator(
            "reinforce_plus_plus",
            {_ESTIMATOR: "reinforce_plus_plus"},
            {"token_whitening": {}},
            "critic",
            "plain, long, gap",
        ),
        *_estimator(
            "reinforce_plus_plus with KL",
            {_ESTIMATOR: "reinforce_plus_plus", **kl},
            {"token_whitening": {}, "kl_to_go": {"coef": 0.1}},
            "critic",
            "plain, gap",
        ),
        *_estimator(
            "reinforce_plus_plus_baseline",
            {_ESTIMATOR: "reinforce_plus_plus_baseline"},
            {"group_mean": {}, "token_whitening": {}},
            "group_mean",
            "plain, long, alone",
        ),
        *_estimator(
            "gdpo", {_ESTIMATOR: "gdpo"}, {"group_norm": {}, "token_whitening": {}}, "group_norm", "plain, long"
        ),
        *_estimator(
            "grpo with KL", {**grpo, **kl}, {"group_norm": {}, "kl_reward": {"coef": 0.1}}, "critic", "plain, far"
        ),
        *_estimator(
            "grpo with k3",
            {**grpo, **kl, "algorithm.kl_penalty": "low_var_kl"},
            {"group_norm": {}, "kl_reward": {"coef": 0.1, "estimator": "k3"}},
            "critic",
            "plain, far",
        ),
        *_estimator(
            "grpo with k2",
            {**grpo, **kl, "algorithm.kl_penalty": "mse"},
            {"group_norm": {}, "kl_reward": {"coef": 0.1, "estimator": "k2"}},
            "critic",
            "plain",
        ),
    ]


def _update(name: str, options: dict[str, Any], tricks: Words, absent: str, batches: str) -> list[Case]:
    """Return cases that record the gradient of one mini-batch under GRPO's advantages."""
    base = {
        _ESTIMATOR: "grpo",
        "algorithm.kl_ctrl.kl_coef": 0.0,
        f"{_ACTOR}.entropy_coeff": 0.0,
        f"{_ACTOR}.ppo_epochs": 2,
    }
    return [
        {
            "name": f"{name}, {batch}",
            "base": base,
            "options": options,
            "tricks": {"group_norm": {}, **tricks},
            "batch": batch,
            "absent": absent,  # what our refusal says
        }
        for batch in batches.split(", ")
    ]


def _losses() -> list[Case]:
    def mode(value: str) -> dict[str, Any]:
        return {f"{_ACTOR}.loss_agg_mode": value}

    def policy(value: str) -> dict[str, Any]:
        return {f"{_ACTOR}.policy_loss.loss_mode": value}

    token, sequence = {"token_mean": {}}, {"sequence_mean": {}}
    low, high = f"{_ACTOR}.clip_ratio_low", f"{_ACTOR}.clip_ratio_high"
    near = {low: 3e-4, high: 4e-4}
    gspo = {"gspo": {}}
    weights = {low: 0.2, high: 0.28}
    return [
        *_update("token-mean", {}, token, "tokens", "plain, long, far, empty, hollow, gap"),
        *_update(
            "seq-mean-token-mean", mode("seq-mean-token-mean"), sequence, "sequence_mean", "plain, long, empty, hollow"
        ),
        *_update(
            "seq-mean-token-sum", mode("seq-mean-token-sum"), {"sequence_sum": {}}, "sequence_sum", "plain, empty"
        ),
        *_update(
            "seq-mean-token-sum-norm",
            mode("seq-mean-token-sum-norm"),
            {"constant_length": {}},
            "constant_length",
            "plain, long, empty",
        ),
        *_update(
            "token-sum",
            mode("token-sum"),
            {"constant_length": {"per_response": False, "length": 1}},
            "constant_length",
            "plain",
        ),
        *_update(
            "clip-higher",
            {low: 0.1, high: 0.3},
            {"clip": {"clip_ratio_low": 0.1, "clip_ratio_high": 0.3}} | token,
            "one clip_ratio",
            "plain",
        ),
        *_update(
            "dual clip",
            {f"{_ACTOR}.clip_ratio_c": 1.5},
            {"dual_clip": {"dual_clip": 1.5}} | token,
            "dual_clip",
            "large",
        ),
        *_update("gspo", policy("gspo") | near, gspo | token, "gspo", "plain, long, empty"),
        *_update(
            "gspo sequence", policy("gspo") | near | mode("seq-mean-token-mean"), gspo | sequence, "gspo", "plain, far"
        ),
        *_update(
            "cispo", policy("cispo") | weights, {"cispo": {"low": 0.8, "high": 1.28}} | token, "cispo", "plain, large"
        ),
        *_update("gpg", policy("gpg"), {"policy_gradient": {}} | token, "policy_gradient", "plain"),
    ]


def _terms() -> list[Case]:
    def penalty(kind: str) -> dict[str, Any]:
        return {f"{_ACTOR}.use_kl_loss": True, f"{_ACTOR}.kl_loss_coef": 0.1, f"{_ACTOR}.kl_loss_type": kind}

    token = {"token_mean": {}}
    cases = [
        *_update("k3", penalty("low_var_kl"), {"kl_loss": {"coef": 0.1}} | token, "", "plain, far"),
        *_update("k1", penalty("kl"), {"kl_loss": {"coef": 0.1, "estimator": "k1"}} | token, "", "plain"),
        *_update("k2", penalty("mse"), {"kl_loss": {"coef": 0.1, "estimator": "k2"}} | token, "", "far"),
        *_update("k3+", penalty("k3+"), {"kl_loss": {"coef": 0.1, "gradient": "k2"}} | token, "k3+", "plain, large"),
        *_update("entropy", {f"{_ACTOR}.entropy_coeff": 0.01}, {"entropy_bonus": {"coef": 0.01}} | token, "", "plain"),
        *_update(
            "k3 in the sequence mean",
            penalty("low_var_kl") | {f"{_ACTOR}.loss_agg_mode": "seq-mean-token-mean"},
            {"kl_loss": {"coef": 0.1}, "sequence_mean": {}},
            "sequence_mean",
            "plain",
        ),
    ]
    for case in cases:
        case["absent"] = case["absent"] or "critic"
    return cases


def _corrections() -> list[Case]:
    token = {"token_mean": {}}

    def older(mode: str, **bounds: Any) -> dict[str, Any]:
        words = {"rollout_is": True, "rollout_is_mode": mode, **bounds}
        return {f"algorithm.{key}": value for key, value in words.items()}

    def newer(threshold: Any, level: str = "token") -> dict[str, Any]:
        place = "algorithm.rollout_correction"
        return {f"{place}.rollout_is": level, f"{place}.rollout_is_threshold": threshold}

    found = []
    for level in ("token", "sequence"):
        words = {"truncated_is": {"cap": 1.5, "level": level}} | token
        batches = "sampler, sampler far"
        found += _update(f"rollout_is {level}", newer(1.5, level), words, "truncated_is", batches)
        found += _update(
            f"rollout_is_threshold {level}",
            older("truncate", rollout_is_level=level, rollout_is_threshold=1.5),
            words,
            "truncated_is",
            batches,
        )
    drop = {"truncated_is": {"cap": 1.5, "floor": 0.5, "outside": "drop"}} | token
    found += _update("icepop", newer("0.5_1.5"), drop, "truncated_is", "sampler")
    found += _update(
        "mask",
        older("mask", rollout_is_threshold=1.5, rollout_is_threshold_lower=0.5),
        drop,
        "truncated_is",
        "sampler, sampler far",
    )
    near = {f"{_ACTOR}.clip_ratio_low": 3e-4, f"{_ACTOR}.clip_ratio_high": 4e-4}
    gspo = {f"{_ACTOR}.policy_loss.loss_mode": "gspo", f"{_ACTOR}.loss_agg_mode": "seq-mean-token-mean", **near}
    words = {"gspo": {}, "sequence_mean": {}, "truncated_is": {"cap": 1.5}}
    found += _update("gspo with rollout_is", gspo | newer(1.5), words, "gspo", "sampler")
    return found


_NEWER: Final = ("0.6.1", "0.7.0", "0.7.1", "0.8.0", "0.9.0", "0.9.1")


def _spelled_elsewhere(cases: list[Case]) -> list[Case]:
    """Leave out the releases that spell the same tricks with other options."""
    for case in cases:
        other = any("rollout_correction" in name for name in case["options"])
        case["elsewhere"] = ("0.6.0",) if other else ()
        if any(name.startswith("algorithm.rollout_is") for name in case["options"]):
            case["elsewhere"] = _NEWER
    return cases


CASES: Final[list[Case]] = [*_advantages(), *_losses(), *_terms(), *_spelled_elsewhere(_corrections())]
