"""Run slime's own functions, from rewards to the loss of its Megatron actor, and record the numbers.

    python -m tools.peers slime [PATH OR ADDRESS OF THE REPOSITORY]

Reward normalization of the rollout manager, advantages, and ``loss_function`` with the log-probs given in place of a
model. Megatron's process groups are those of one process; its division by the number of tokens is done here. SGLang,
Ray, Megatron's model and the optimizer are not run.
"""

from __future__ import annotations

from argparse import Namespace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import torch

from tools.peers.small_batches import WIDTH, make_batches
from tools.peers.snapshots import Snapshot, answer, by_sample, mask_of, padded, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = ("ray", "sglang", "megatron", "slime.backends.sglang_utils")
NOTE: Final = "reward normalization, advantages and loss_function; process groups of one process, no model, no Megatron"

_ESTIMATOR: Final = "advantage-estimator"
_PER_TOKEN: Final = {"calculate-per-token-loss": True}
_PLAIN: Final[dict[str, dict[str, Any]]] = {"group_norm": {}, "token_mean": {}}
_PLUS: Final = {_ESTIMATOR: "reinforce_plus_plus", "normalize-advantages": True, **_PER_TOKEN}


def cases() -> list[dict[str, Any]]:
    """Return every case: options of slime, the same in our words, and the batch."""
    return [*_advantages(), *_losses(), *_terms()]


def _advantages() -> list[dict[str, Any]]:
    centered = {"disable-grpo-std-normalization": True}
    baseline = {_ESTIMATOR: "reinforce_plus_plus_baseline"}
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "grpo": ({}, {"group_norm": {}}),
        "without std": (centered, {"group_mean": {}}),
        "raw": ({"disable-rewards-normalization": True}, {}),
        "baseline": ({**baseline, "normalize-advantages": True}, {"group_mean": {}, "token_whitening": {}}),
        "whitened": ({"normalize-advantages": True}, {"group_norm": {}, "token_whitening": {}}),
    }
    found = [_case(f"{name} on far", options, tricks, "far") for name, (options, tricks) in kinds.items()]
    found += [
        _case(f"{name} on {batch}", *kinds[name], batch, dtype="float32", only=["advantages"])
        for name in ("grpo", "without std")
        for batch in ("constant", "unequal", "pairs")
    ]
    return found


def _losses() -> list[dict[str, Any]]:
    removed = {"remove_sample": "truncated"}
    high = {"eps-clip": 0.1, "eps-clip-high": 0.28}
    ours = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}
    return [
        _case("token mean", _PER_TOKEN, _PLAIN, "far"),
        _case("removed samples, token mean", {**_PER_TOKEN, **removed}, {**_PLAIN, "overlong_filter": {}}, "truncated"),
        _case("removed samples", removed, {"group_norm": {}, "overlong_filter": {}}, "truncated"),
        _case("clip range", {**high, **_PER_TOKEN}, {**_PLAIN, "clip": ours}, "far"),
        _case("dual clip", {"eps-clip-c": 3.0, **_PER_TOKEN}, {**_PLAIN, "dual_clip": {}}, "far"),
        _case("gspo", {_ESTIMATOR: "gspo", **high}, {"group_norm": {}, "gspo": ours}, "far"),
        _case("gspo, token mean", {_ESTIMATOR: "gspo", **high, **_PER_TOKEN}, {**_PLAIN, "gspo": ours}, "near"),
        _case(
            "cispo", {_ESTIMATOR: "cispo", **high, **_PER_TOKEN}, {**_PLAIN, "cispo": {"low": 0.9, "high": 1.28}}, "far"
        ),
        _case("tis", {"use-tis": True, **_PER_TOKEN}, {**_PLAIN, "truncated_is": {"cap": 2.0}}, "far"),
        _case(
            "tis with a floor",
            {"use-tis": True, "tis-clip": 1.5, "tis-clip-low": 0.5, **_PER_TOKEN},
            {**_PLAIN, "truncated_is": {"cap": 1.5, "floor": 0.5}},
            "far",
        ),
        _case(
            "icepop",
            {
                "use-tis": True,
                "tis-clip": 2.0,
                "tis-clip-low": 0.5,
                "custom-tis-function-path": "slime.backends.megatron_utils.loss.icepop_function",
                **_PER_TOKEN,
            },
            {**_PLAIN, "truncated_is": {"cap": 2.0, "floor": 0.5, "outside": "drop"}},
            "far",
        ),
    ]


def _terms() -> list[dict[str, Any]]:
    found = [_case("entropy", {"entropy-coef": 0.01, **_PER_TOKEN}, {**_PLAIN, "entropy_bonus": {"coef": 0.01}}, "far")]
    for kind, ours in (
        ("k1", {"estimator": "k1"}),
        ("k2", {"estimator": "k2"}),
        ("k3", {"estimator": "k3"}),
        ("low_var_kl", {"estimator": "k3", "value_bound": 10.0}),
    ):
        options = {"use-kl-loss": True, "kl-loss-coef": 0.1, "kl-loss-type": kind, **_PER_TOKEN}
        found.append(_case(f"KL loss {kind}", options, {**_PLAIN, "kl_loss": {"coef": 0.1, **ours}}, "far"))
        weighted = {"coef": 0.1, "gradient": "ratio", **ours}
        found.append(
            _case(
                f"KL loss {kind} times the ratio",
                {**options, "use-unbiased-kl": True},
                {**_PLAIN, "kl_loss": weighted},
                "far",
            )
        )
    for kind in ("k1", "k2", "k3"):
        found.append(
            _case(
                f"KL to go {kind}",
                {**_PLUS, "kl-coef": 0.05, "kl-loss-type": kind},
                {"kl_to_go": {"coef": 0.05, "estimator": kind}, "token_whitening": {}, "token_mean": {}},
                "near",
                only=["advantages", "gradient"],
            )
        )
    return found


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "options": dict(options), "tricks": dict(tricks), "batch": batch, **more}


def run(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return advantages, loss and gradient of one update."""
    _one_process()
    loss = import_module("slime.backends.megatron_utils.loss")
    arguments, lengths = _arguments(options, document), document["lengths"]
    rewards = _rewards(arguments, document)
    masks = [
        torch.full((length,), float(not (cut and "remove_sample" in options)))
        for length, cut in zip(lengths, document["truncated"], strict=True)
    ]
    leaf = padded(document["log_probs"], WIDTH).requires_grad_()
    batch = {
        "rewards": rewards,
        "response_lengths": lengths,
        "total_lengths": [length + 1 for length in lengths],
        "loss_masks": masks,
        "rollout_mask_sums": [mask.sum() for mask in masks],
        "unconcat_tokens": [],
        **{key: _rows(document[name], lengths) for key, name in _POLICIES.items()},
    }
    loss.compute_advantages_and_returns(arguments, batch)
    current = [row[:length] for row, length in zip(leaf, lengths, strict=True)]
    entropy = _rows(document["entropies"], lengths)
    given = {"log_probs": current, "entropy": entropy}
    loss.__dict__["get_log_probs_and_entropy"] = lambda *_, **__: (None, given)
    value, count, _ = loss.loss_function(arguments, batch, 1, len(lengths), torch.zeros(1, 1, 1))
    value = value / count  # as Megatron does with the tokens of all micro-batches
    (gradient,) = torch.autograd.grad(value, leaf)
    found = {"loss": value.item(), "gradient": trimmed(gradient, lengths)}
    advantages = padded([row.tolist() for row in batch["advantages"]], WIDTH)
    if all(bool(mask.all()) for mask in masks):
        return found | {"advantages": by_sample(advantages, lengths)}
    return found | {"mask": mask_of([int(mask.sum()) for mask in masks], WIDTH).int().tolist()}


_POLICIES: Final = {
    "log_probs": "old_log_probs",
    "ref_log_probs": "ref_log_probs",
    "rollout_log_probs": "sampler_log_probs",
}


def _rows(rows: Sequence[Sequence[float]], lengths: Sequence[int]) -> list[torch.Tensor]:
    return [torch.tensor(row[:length], dtype=torch.float64) for row, length in zip(rows, lengths, strict=True)]


def _one_process() -> None:
    """Give Megatron's and torch's process groups one process."""
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo", store=torch._C._distributed_c10d.HashStore(), rank=0, world_size=1)
    import_module("megatron.core").mpu = SimpleNamespace(  # type: ignore[attr-defined]
        is_pipeline_last_stage=lambda: True,
        get_context_parallel_group=lambda: None,
        get_context_parallel_world_size=lambda: 1,
        get_data_parallel_world_size=lambda **_: 1,
        get_data_parallel_group=lambda **_: torch.distributed.group.WORLD,
    )


def _arguments(options: Mapping[str, Any], document: Mapping[str, Any]) -> Namespace:
    """Return slime's arguments: its defaults with the given options."""
    given = {name.replace("-", "_"): value for name, value in options.items()}
    clip = given.get("eps_clip", 0.2)
    values: dict[str, Any] = {
        "advantage_estimator": "grpo",
        "rewards_normalization": not given.pop("disable_rewards_normalization", False),
        "grpo_std_normalization": not given.pop("disable_grpo_std_normalization", False),
        "n_samples_per_prompt": document["group"].count(document["group"][0]),
        "rollout_batch_size": len(set(document["group"])),
        "normalize_advantages": False,
        "kl_coef": 0.0,
        "kl_loss_type": "k1",
        "use_kl_loss": False,
        "use_unbiased_kl": False,
        "entropy_coef": 0.0,
        "gamma": 1.0,
        "lambd": 1.0,
        "eps_clip": 0.2,
        "eps_clip_high": clip,
        "eps_clip_c": None,
        "tis_clip": 2.0,
        "tis_clip_low": 0,
        "loss_type": "policy_loss",
        "calculate_per_token_loss": False,
        "reward_key": None,
        "rollout_top_p": 1.0,
    }
    absent = ("custom_advantage_function_path", "custom_tis_function_path", "custom_pg_loss_reducer_function_path")
    off = ("use_rollout_logprobs", "use_opd", "use_opsm", "get_mismatch_metrics", "use_tis", "allgather_cp")
    values |= dict.fromkeys(absent) | dict.fromkeys((*off, "recompute_loss_function"), False)
    return Namespace(**(values | given))


def _rewards(arguments: Namespace, document: Mapping[str, Any]) -> list[float]:
    """Return what the rollout manager makes of the rewards."""
    manager = import_module("slime.ray.rollout").RolloutManager
    samples = [SimpleNamespace(get_reward_value=lambda _, reward=reward: reward) for reward in document["rewards"]]
    holder = SimpleNamespace(custom_reward_post_process_func=None, args=arguments)
    found: list[float] = manager._post_process_rewards(holder, samples)[1]
    return found


def record(words: Sequence[str]) -> Path:
    """Record the numbers of every case and return the file."""
    snapshot = Snapshot("slime", "THUDM/slime", "624b824", Path(__file__), NOTE)
    return snapshot.record(words, cases(), make_batches())


if __name__ == "__main__":
    answer(run, "slime", ABSENT)
