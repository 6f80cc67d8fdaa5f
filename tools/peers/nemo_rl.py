"""Run NeMo-RL's own functions, from rewards to its clipped policy loss, and record the numbers.

    python -m tools.peers nemo_rl [PATH OR ADDRESS OF THE REPOSITORY]

Reward scaling, the advantage estimators, the bounds of advantages, and ``ClippedPGLossFn`` with the log-probs given in
place of a model, for one data-parallel process. Generation, Ray, the workers (DTensor, Megatron) and the optimizer are
not run.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from tools.peers.small_batches import WIDTH, make_batches
from tools.peers.snapshots import Snapshot, answer, by_sample, mask_of, padded, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = (
    "ray", "nemo_rl.algorithms.x_token", "nemo_rl.distributed", "nemo_rl.models", "nemo_rl.data", "nemo_rl.utils",
    "nemo_rl.environments", "nemo_rl.experience", "nemo_rl.data_plane", "nemo_rl.weight_sync",
)  # fmt: skip
NOTE: Final = "reward scaling, advantage estimators and ClippedPGLossFn; one process, no model, no Ray"

_GRPO: Final = "grpo.adv_estimator"
_KL: Final = "loss_fn.reference_policy_kl_penalty"
_NO_KL: Final = {_KL: 0}
_ALL: Final = {f"{_GRPO}.use_leave_one_out_baseline": False}
_UNSCALED: Final = {f"{_GRPO}.normalize_rewards": False}
_PLUS: Final = {f"{_GRPO}.name": "reinforce_plus_plus"}
_TOKENS: Final = {"loss_fn.token_level_loss": True, **_NO_KL}
_SEQUENCES: Final = {"loss_fn.token_level_loss": False, **_NO_KL}
_PLAIN: Final[dict[str, dict[str, Any]]] = {"group_norm": {}, "token_mean": {}}
_GSPO: Final = {**_SEQUENCES, "loss_fn.sequence_level_importance_ratios": True}


def cases() -> list[dict[str, Any]]:
    """Return every case: options of NeMo-RL, the same in our words, and the batch."""
    return [*_advantages(), *_surrogates(), *_weights(), *_terms()]


def _advantages() -> list[dict[str, Any]]:
    whitened: dict[str, Any] = {"token_whitening": {}, "token_mean": {}}
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "others": ({}, {"group_norm": {}}),
        "all": (_ALL, {"group_norm": {"mean": "group", "std": "group"}}),
        "mean of others": (_UNSCALED, {"group_mean": {}}),
        "mean of all": ({**_ALL, **_UNSCALED}, {"group_mean": {"mean": "group"}}),
        "RF++ baseline": (_PLUS, {"group_mean": {}, **whitened}),
        "RF++": ({**_PLUS, f"{_GRPO}.minus_baseline": False}, whitened),
    }
    found = [
        _case(f"{name} on {batch}", {**_TOKENS, **options}, {"token_mean": {}, **tricks}, batch)
        for name, (options, tricks) in kinds.items()
        for batch in ("far",)
    ]
    found += [
        _case(
            f"{name} on {batch}",
            {**_TOKENS, **options},
            {"token_mean": {}, **tricks},
            batch,
            dtype="float32",
            only=["advantages"],
        )
        for name, (options, tricks) in list(kinds.items())[:5]
        for batch in ("unequal", "pairs")
    ]
    scaled = {f"grpo.reward_scaling.{side}_{end}": bound for side in ("source", "target") for end, bound in _ENDS}
    bounds = {"grpo.advantage_clip_low": -0.5, "grpo.advantage_clip_high": 1.0}
    return [
        *found,
        _case("bounds", {**_TOKENS, **bounds}, {**_PLAIN, "advantage_clip": {"low": -0.5, "high": 1.0}}, "far"),
        _case(
            "reward bounds",
            {**_TOKENS, "grpo.reward_scaling.enabled": True, **scaled},
            {**_PLAIN, "reward_clip": {"low": 0.0, "high": 1.0}},
            "far",
        ),
    ]


_ENDS: Final = (("min", 0.0), ("max", 1.0))


def _surrogates() -> list[dict[str, Any]]:
    high = {"loss_fn.ratio_clip_min": 0.1, "loss_fn.ratio_clip_max": 0.28}
    ours = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}
    overlong = {"grpo.overlong_filtering": True}
    return [
        _case("sequence mean", _SEQUENCES, {"group_norm": {}}, "far"),
        _case("clip range", {**_TOKENS, **high}, {**_PLAIN, "clip": ours}, "far"),
        _case("dual clip", {**_TOKENS, "loss_fn.ratio_clip_c": 3.0}, {**_PLAIN, "dual_clip": {}}, "far"),
        _case("cispo", {**_TOKENS, **high, "loss_fn.use_cispo": True}, {**_PLAIN, "cispo": _sides(0.9, 1.28)}, "far"),
        _case("no ratio", {**_TOKENS, "loss_fn.disable_ppo_ratio": True}, {**_PLAIN, "policy_gradient": {}}, "far"),
        _case(
            "ratio of 1",
            {**_TOKENS, "loss_fn.force_on_policy_ratio": True},
            {**_PLAIN, "policy_gradient": {}},
            "far",
            only=["gradient"],
        ),
        _case("gspo", {**_GSPO, **high}, {"group_norm": {}, "gspo": ours, "sequence_mean": {}}, "far"),
        _case("overlong, token mean", {**_TOKENS, **overlong}, {**_PLAIN, "overlong_filter": {}}, "truncated"),
        _case("overlong", {**_SEQUENCES, **overlong}, {"group_norm": {}, "overlong_filter": {}}, "truncated"),
    ]


def _sides(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


def _weights() -> list[dict[str, Any]]:
    ratio = "loss_fn.truncated_importance_sampling"
    found = []
    for kind, low, ours in (
        ("tis", None, {"cap": 2.0}),
        ("tis", 0.5, {"cap": 2.0, "floor": 0.5}),
        ("icepop", 0.5, {"cap": 2.0, "floor": 0.5, "outside": "drop"}),
    ):
        given = {
            "loss_fn.use_importance_sampling_correction": True,
            f"{ratio}_type": kind,
            f"{ratio}_ratio": 2.0,
            f"{ratio}_ratio_min": low,
        }
        name = f"{kind} from {low or 0}"
        found.append(_case(name, {**_TOKENS, **given}, {**_PLAIN, "truncated_is": ours}, "far"))
        gspo = {"group_norm": {}, "gspo": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2}, "sequence_mean": {}}
        found.append(
            _case(
                f"{name} beside GSPO",
                {**_GSPO, **given},
                {**gspo, "truncated_is": {**ours, "level": "sequence"}},
                "near",
            )
        )
    masked = {
        "loss_fn.use_importance_sampling_correction": True,
        f"{ratio}_type": "seq-mask-tis",
        f"{ratio}_ratio": 1.6,
        f"{ratio}_ratio_min": 0.8,
    }
    words = {"cap": 1.6, "floor": 0.8, "outside": "drop", "level": "sequence"}
    return [
        *found,
        _case("seq-mask-tis", {**_TOKENS, **masked}, {**_PLAIN, "truncated_is": words}, "far"),
        _case("seq-mask-tis of means", {**_SEQUENCES, **masked}, {"group_norm": {}, "truncated_is": words}, "near"),
    ]


def _terms() -> list[dict[str, Any]]:
    kind, bounds = "loss_fn.reference_policy_kl_type", ("loss_fn.kl_input_clamp_value", "loss_fn.kl_output_clamp_value")
    found = [
        _case(
            f"KL loss {name} on {batch}",
            {**_TOKENS, _KL: 0.1, kind: name},
            {**_PLAIN, "kl_loss": {"coef": 0.1, "estimator": name}},
            batch,
        )
        for name in ("k1", "k2", "k3")
        for batch in ("far", "apart")
    ]
    return [
        *found,
        _case(
            "KL loss without bounds",
            {**_TOKENS, _KL: 0.1, **dict.fromkeys(bounds)},
            {**_PLAIN, "kl_loss": {"coef": 0.1, "log_ratio_bound": None, "value_bound": None}},
            "far",
        ),
        _case("KL loss of means", {**_SEQUENCES, _KL: 0.1}, {"group_norm": {}, "kl_loss": {"coef": 0.1}}, "far"),
    ]


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "options": dict(options), "tricks": dict(tricks), "batch": batch, **more}


def run(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return advantages, loss and gradient of one update."""
    grpo, functions = import_module("nemo_rl.algorithms.grpo"), import_module("nemo_rl.algorithms.loss.loss_functions")
    lengths, mask = document["lengths"], mask_of(document["lengths"], WIDTH)
    settings = grpo.GRPOConfig(**_section(options, "grpo"))
    config = functions.ClippedPGLossConfig(**_section(options, "loss_fn"))
    rewards = {"total_reward": torch.tensor(document["rewards"])}
    rewards = grpo.scale_rewards(rewards, settings.reward_scaling)["total_reward"]
    prompts = torch.tensor(document["group"])[:, None]
    advantages = grpo._clip_grpo_advantages(_estimator(settings, config)(prompts, rewards, mask), settings)
    dropped = torch.tensor(document["truncated"]) & settings.overlong_filtering
    leaf = padded(document["log_probs"], WIDTH).requires_grad_()
    samples = (~dropped).float()
    value, _ = functions.ClippedPGLossFn(config)(
        leaf,
        {
            "advantages": _shifted(advantages),
            "token_mask": _shifted(mask),
            "sample_mask": samples,
            "prev_logprobs": _shifted(padded(document["old_log_probs"], WIDTH)),
            "generation_logprobs": _shifted(padded(document["sampler_log_probs"], WIDTH)),
            "reference_policy_logprobs": _shifted(padded(document["ref_log_probs"], WIDTH)),
        },
        global_valid_seqs=samples.sum(),
        global_valid_toks=(mask * samples[:, None]).sum(),
    )
    (gradient,) = torch.autograd.grad(value, leaf)
    return {
        "loss": value.item(),
        "gradient": trimmed(gradient, lengths),
        "advantages": by_sample(advantages, lengths),
        **({"mask": (mask * samples[:, None]).int().tolist()} if bool(dropped.any()) else {}),
    }


def _shifted(rows: torch.Tensor) -> torch.Tensor:
    """Return rows with a first column for the prompt, which the loss cuts off."""
    return torch.cat([torch.zeros_like(rows[:, :1]), rows], dim=1)


def _estimator(settings: Any, config: Any) -> Any:
    module = import_module("nemo_rl.algorithms.advantage_estimator")
    plus = settings.adv_estimator.name == "reinforce_plus_plus"
    chosen = module.ReinforcePlusPlusAdvantageEstimator if plus else module.GRPOAdvantageEstimator
    return chosen(settings.adv_estimator, config).compute_advantage


def _section(options: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return the options below a section as nested mappings."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        first, *path = name.split(".")
        if first == section:
            inner = found
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value
    return found


def record(words: Sequence[str]) -> Path:
    """Record the numbers of every case and return the file."""
    batches = make_batches()
    apart = {
        **batches["near"],
        "ref_log_probs": [[15 * number for number in row] for row in batches["near"]["ref_log_probs"]],
    }
    snapshot = Snapshot("nemo_rl", "NVIDIA-NeMo/RL", "7ea279a", Path(__file__), NOTE)
    return snapshot.record(words, cases(), {**batches, "apart": apart})


if __name__ == "__main__":
    answer(run, "nemo_rl", ABSENT)
