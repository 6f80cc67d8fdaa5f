"""Run ROLL's own functions, from rewards to the loss of its actor worker, and record the numbers.

    python -m tools.peers roll [PATH OR ADDRESS OF THE REPOSITORY]

The functions of a pipeline step are called in its order: sample masks, reward normalization, token rewards, advantages,
and ``loss_func`` of the actor worker with the log-probs given in place of a model. Generation, Ray, the strategies
(Megatron, FSDP2) and the optimizer are not run.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import torch

from tools.peers.small_batches import WIDTH, make_batches
from tools.peers.snapshots import Snapshot, answer, by_sample, mask_of, padded, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = (
    "ray", "tensordict", "roll.distributed", "roll.models", "roll.platforms", "roll.pipeline.base_worker",
    "roll.pipeline.agentic.env", "roll.utils.checkpoint_manager", "roll.utils.context_managers",
)  # fmt: skip
NOTE: Final = "functions of a pipeline step and the worker's loss; no model, no Ray, no Megatron; prompts of one token"

_REINFORCE: Final = {"adv_estimator": "reinforce"}
_NORMS: Final = {
    "group_norm": {"adv_estimator": "grpo"},
    "group_mean": {**_REINFORCE, "norm_mean_type": "group"},
    "group_mean_batch_std": {**_REINFORCE, "norm_mean_type": "group", "norm_std_type": "batch"},
    "batch_norm": {**_REINFORCE, "norm_mean_type": "batch", "norm_std_type": "batch"},
    "batch_mean": {**_REINFORCE, "norm_mean_type": "batch"},
}
_MEANS: Final = {
    "token_mean": "token-mean",
    "sequence_mean": "seq-mean-token-mean",
    "sequence_sum": "seq-mean-token-sum",
    "constant_length": "seq-mean-token-sum-norm",
}
_PLAIN: Final[dict[str, dict[str, Any]]] = {"group_norm": {}, "token_mean": {}}
_GROUP_STD: Final = {**_REINFORCE, "norm_std_type": "batch"}


def cases() -> list[dict[str, Any]]:
    """Return every case: options of ROLL, the same in our words, and the batch."""
    found = [_case(f"{name} on far", options, {name: {}}, "far") for name, options in _NORMS.items()]
    found += [
        _case(f"{name} on constant", options, {name: {}}, "constant") | {"dtype": "float32", "only": ["advantages"]}
        for name, options in _NORMS.items()
    ]
    found.append(_case("batch std alone", _GROUP_STD, {"group_norm": {"mean": "none", "std": "batch"}}, "far"))
    found += [
        _case(
            f"{mean} on {batch}", {**_NORMS["group_norm"], "loss_agg_mode": mode}, {"group_norm": {}, mean: {}}, batch
        )
        for mean, mode in _MEANS.items()
        for batch in ("near",)
    ]
    found += [
        _case(
            f"{mean} with the length mask",
            {**_NORMS["group_norm"], "loss_agg_mode": mode, "max_len_mask": True},
            {"group_norm": {}, mean: {}, "overlong_filter": {}},
            "truncated",
        )
        for mean, mode in _MEANS.items()
    ]
    return found + _terms() + _surrogates()


def _terms() -> list[dict[str, Any]]:
    base, mean = {**_NORMS["group_norm"], "loss_agg_mode": "token-mean"}, _PLAIN
    raw = {**_REINFORCE, "loss_agg_mode": "token-mean", "init_kl_coef": 0.05}
    whitened = {**_NORMS["group_mean"], "whiten_advantages": True, "loss_agg_mode": "token-mean"}
    return [
        _case("KL loss", {**base, "use_kl_loss": True, "kl_loss_coef": 0.1}, {**mean, "kl_loss": {"coef": 0.1}}, "far"),
        _case("entropy", {**base, "entropy_loss_coef": 0.01}, {**mean, "entropy_bonus": {"coef": 0.01}}, "near"),
        _case("whitening", whitened, {"group_mean": {}, "token_whitening": {}, "token_mean": {}}, "far"),
        _case(
            "whitening of kept tokens",
            {**whitened, "max_len_mask": True},
            {"group_mean": {}, "token_whitening": {}, "token_mean": {}, "overlong_filter": {}},
            "truncated",
        ),
        *(
            _case(
                f"KL to go by {penalty}",
                {**raw, "add_token_level_kl": True, "kl_penalty": penalty, "whiten_advantages": True},
                {"kl_to_go": {"coef": 0.05, "estimator": kind}, "token_whitening": {}, "token_mean": {}},
                "near",
            )
            | {"only": ["advantages", "gradient"]}
            for penalty, kind in (("kl", "k1"), ("mse", "k2"))
        ),
        _case("advantage clip", {**base, "advantage_clip": 0.5}, {**mean, "advantage_clip": _sides(0.5)}, "far"),
        _case("reward clip", {**base, "reward_clip": 0.7}, {**mean, "advantage_clip": _sides(0.7)}, "far"),
        _case(
            "difficulty mask",
            {**base, "difficulty_mask": True, "difficulty_low_threshold": 0.0, "difficulty_high_threshold": 1.0},
            {**mean, "zero_variance_filter": {}},
            "solved",
        ),
    ]


def _sides(bound: float) -> dict[str, float]:
    return {"low": -bound, "high": bound}


def _surrogates() -> list[dict[str, Any]]:
    base, mean = {**_NORMS["group_norm"], "loss_agg_mode": "token-mean"}, _PLAIN
    wide = {"use_pg_clip_range": True, "pg_clip_low": 0.1, "pg_clip_high": 0.28}
    ours = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}
    worker = {"actor_train.worker_cls": "roll.pipeline.rlvr.actor_pg_worker.ActorPGWorker"}
    found = []
    for batch in ("far",):
        found += [
            _case(f"clip range on {batch}", {**base, **wide}, {**mean, "clip": ours}, batch),
            _case(
                f"dual clip on {batch}", {**base, "dual_clip_loss": True}, {**mean, "clip": {"dual_clip": 1.4}}, batch
            ),
            _case(
                f"ratio of responses on {batch}",
                {**base, **wide, "importance_sampling": "seq", "loss_agg_mode": "seq-mean-token-mean"},
                {"group_norm": {}, "sequence_mean": {}, "gspo": ours},
                batch,
            ),
            _case(
                f"cispo on {batch}",
                {**base, **worker, "actor_train.pg_variant": "cispo"},
                {**mean, "cispo": {"low": 0.9, "high": 1.1}},
                batch,
            ),
            _case(
                f"tis variant on {batch}",
                {**base, **worker, "actor_train.pg_variant": "tis"},
                {**mean, "cispo": {"low": 0.0, "high": 1.0}},
                batch,
            ),
            _case(
                f"vanilla on {batch}",
                {**base, **worker, "actor_train.pg_variant": "vanilla"},
                {**mean, "policy_gradient": {}},
                batch,
            ),
            *(
                _case(
                    f"weights of {level} on {batch}",
                    {**base, "is_weight": {"enabled": True, "weight_type": level, "upper_bound": 1.2}},
                    {**mean, "truncated_is": {"cap": 1.2, "level": level}},
                    batch,
                )
                for level in ("token", "sequence")
            ),
        ]
    return found


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str) -> dict[str, Any]:
    return {"name": name, "options": dict(options), "tricks": dict(tricks), "batch": batch}


class Data:
    """The parts of ROLL's DataProto that its functions use."""

    def __init__(self, batch: Mapping[str, Any], size: int) -> None:
        self.batch = _Tensors(batch)
        self.meta_info: dict[str, Any] = {}
        self.non_tensor_batch: dict[str, Any] = {}
        self.batch.batch_size = (size,)

    def rename(self, old_keys: str, new_keys: str) -> None:
        """Rename an entry."""
        self.batch[new_keys] = self.batch.pop(old_keys)


class _Tensors(dict[str, Any]):
    batch_size: tuple[int, ...] = ()


def run(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return advantages, loss and gradient of one update."""
    functionals = import_module("roll.utils.functionals")
    config, lengths = _config(options, document), document["lengths"]
    data = _data(document)
    data, _ = functionals.get_sample_level_mask(data, config)
    data, _ = functionals.reward_postprocess(data, config, {})
    control = import_module("roll.utils.kl_controller").FixedKLController(config.init_kl_coef)
    data, _ = functionals.compute_token_reward(data, config, control)
    kept = data.batch["final_response_mask"].clone()
    data = functionals.compute_advantage(
        data,
        config.gamma,
        config.lambd,
        config.adv_estimator,
        config.advantage_clip,
        config.whiten_advantages,
        config.whiten_rewards,
        kept,
        config,
    )
    loss, gradient = _trained(config, options, data, document)
    found = {"loss": loss.item(), "gradient": trimmed(gradient, lengths)}
    if bool(kept.sum() == sum(lengths)):
        return found | {"advantages": by_sample(data.batch["advantages"], lengths)}
    return found | {"mask": kept.int().tolist()}


def _config(options: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """Return ROLL's own configuration with these options."""
    configs = import_module("roll.configs.base_config")
    fields = import_module("roll.pipeline.rlvr.rlvr_config").RLVRConfig.__dataclass_fields__
    defaults = {
        name: field.default if field.default_factory.__class__.__name__ == "_MISSING_TYPE" else field.default_factory
        for name, field in fields.items()
    }
    plain = {key: value for key, value in options.items() if "." not in key and key != "is_weight"}
    config = SimpleNamespace(**(defaults | {"enable_old_logprobs_recompute": True} | plain))
    weights = configs.TrainInferISWeightConfig(**options.get("is_weight", {}))
    config.train_infer_correction = configs.TrainInferCorrectionConfig(is_weight=weights)
    size = len(document["rewards"]) // len(set(document["group"]))
    config.actor_infer = SimpleNamespace(generating_args=SimpleNamespace(num_return_sequences=size))
    named = {key.rpartition(".")[2]: value for key, value in options.items() if key.startswith("actor_train.")}
    config.actor_train = SimpleNamespace(**named)
    config.reference_configs = {"default": None}
    return config


def _data(document: Mapping[str, Any]) -> Data:
    """Return the batch after generation: a prompt of one token before each response."""
    size, lengths = len(document["rewards"]), document["lengths"]
    mask = mask_of(lengths, WIDTH)
    rewards = torch.tensor(document["rewards"])
    return Data(
        {
            "response_level_rewards": rewards,
            "scores": rewards.clone(),
            "attention_mask": torch.cat([torch.ones(size, 1), mask], dim=1).long(),
            "response_mask": torch.cat([torch.zeros(size, 1), mask], dim=1).long(),
            "position_ids": torch.arange(WIDTH + 1)[None, :].expand(size, -1),
            "responses": torch.zeros(size, WIDTH),
            "input_ids": torch.zeros(size, WIDTH + 1),
            "old_log_probs": padded(document["old_log_probs"], WIDTH),
            "ref_log_probs": padded(document["ref_log_probs"], WIDTH),
            "infer_logprobs": padded(document["sampler_log_probs"], WIDTH),
        },
        size,
    )


def _trained(config: Any, options: Mapping[str, Any], data: Data, document: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the loss of the actor worker and its gradient with respect to the log-probs."""
    place = options.get("actor_train.worker_cls", "roll.pipeline.rlvr.actor_worker.ActorWorker")
    module, _, name = place.rpartition(".")
    worker_class = getattr(import_module(module), name)
    worker = worker_class.__new__(worker_class)
    leaf = padded(document["log_probs"], WIDTH).requires_grad_()
    entropies = padded(document["entropies"], WIDTH)
    worker.__dict__ |= {
        "pipeline_config": config,
        "logger": SimpleNamespace(info=print, warning=print),
        "strategy": SimpleNamespace(op_compute_log_probs=lambda **_: leaf, op_compute_entropy=lambda **_: entropies),
        "get_old_log_probs_with_cache": lambda batch, _: batch.batch["old_log_probs"],
        "_pg_config_cache": {},
        **dict.fromkeys(("_pg_variant_logged", "_topr_sample_logged", "_cispo_config_logged"), True),
    }
    corrections = import_module("roll.utils.train_infer_corrections")
    data.meta_info["loss_mask_keys"] = ["response_mask", "final_response_mask"]
    data, _ = corrections.apply_train_infer_correction_to_batch(
        config, data, update_mask_keys=data.meta_info["loss_mask_keys"]
    )
    masks = {
        "response_mask": data.batch["response_mask"][:, 1:],
        "final_response_mask": data.batch["final_response_mask"],
    }
    data.meta_info["batch_num_tokens"] = {key: mask.sum() for key, mask in masks.items()}
    data.meta_info["global_valid_samples"] = {key: mask.any(dim=-1).sum() for key, mask in masks.items()}
    loss, _ = worker_class.loss_func(worker, data, None)
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss, gradient


def record(words: Sequence[str]) -> Path:
    """Record the numbers of every case and return the file."""
    solved = {**make_batches()["near"], "rewards": [1.0] * 4 + [0.0] * 4 + [1.0, 0.0, 0.0, 1.0]}
    snapshot = Snapshot("roll", "alibaba/ROLL", "8eb27cc", Path(__file__), NOTE)
    return snapshot.record(words, cases(), {"solved": solved})


if __name__ == "__main__":
    answer(run, "roll", ABSENT)
