"""Run one installed release of verl on batches of ours; a process of its own, with verl on its path.

Reads cases as JSON from standard input and writes a list of results, one per case. The functions that compute numbers
are verl's own: ``compute_advantage``, ``apply_kl_penalty``, the rollout correction, and ``update_policy`` of the actor
up to 0.7.1 or ``ppo_loss`` of the engine from 0.8.0. The model is replaced by a table of log-probs, whose gradient is
what is recorded. Packages that only a GPU needs are replaced by empty modules.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
from importlib import import_module
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch

_EMPTY = ("flash_attn", "peft", "vllm", "sglang", "liger_kernel")

_RENAMED = {"AutoModelForVision2Seq": "AutoModelForImageTextToText"}  # verl up to 0.7.0 imports it and does not call it


class _Empty(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds empty modules in place of packages that need a GPU."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        wanted = name.partition(".")[0] in _EMPTY
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if wanted else None

    def create_module(self, spec: Any) -> types.ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__version__ = "0.0"  # type: ignore[attr-defined]


class _EmptyModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=name)


class LacksOptionError(Exception):
    """The release has no such option or value."""


def _config(options: dict[str, Any], base: dict[str, Any]) -> Any:
    """Return the release's own configuration with the options set; a name that it lacks is refused as Hydra does."""
    omegaconf = import_module("omegaconf")
    root = os.path.join(os.path.dirname(import_module("verl").__file__ or ""), "trainer", "config")
    composed = os.path.join(root, "_generated_ppo_trainer.yaml")
    config = omegaconf.OmegaConf.load(composed if os.path.exists(composed) else os.path.join(root, "ppo_trainer.yaml"))
    with omegaconf.open_dict(config):
        config.actor_rollout_ref.rollout.name = "vllm"
    omegaconf.OmegaConf.set_struct(config, True)
    if options.get("algorithm.adv_estimator") == "gdpo":
        with omegaconf.open_dict(config):
            config.algorithm.gdpo_reward_keys = ["reward"]
    for name, value in base.items():  # what a release lacks, it does anyway
        if omegaconf.OmegaConf.select(config, name, default=_Empty) is not _Empty:
            omegaconf.OmegaConf.update(config, name, value)
    for name, value in options.items():
        if omegaconf.OmegaConf.select(config, name, default=_Empty) is _Empty:
            raise LacksOptionError(name)
        omegaconf.OmegaConf.update(config, name, value)
    return config


def _protocol(batch: dict[str, Any]) -> Any:
    """Return the batch as verl's DataProto, with each reward on the last token of its response."""
    data = import_module("verl.protocol").DataProto
    mask = torch.tensor(batch["response_mask"])
    rows, width = mask.shape
    scores = torch.zeros(rows, width)
    for row, reward in enumerate(batch["rewards"]):
        filled = mask[row].nonzero()
        scores[row, int(filled[-1]) if len(filled) else -1] = reward
    tensors = {
        "prompts": torch.zeros(rows, 1, dtype=torch.long),
        "responses": torch.zeros(rows, width, dtype=torch.long),
        "input_ids": torch.zeros(rows, width + 1, dtype=torch.long),
        "position_ids": torch.zeros(rows, width + 1, dtype=torch.long),
        "attention_mask": torch.cat([torch.ones(rows, 1, dtype=torch.long), mask], dim=1),
        "response_mask": mask,
        "token_level_scores": scores,
        "old_log_probs": torch.tensor(batch["old_log_probs"]),
        "row": torch.arange(rows),
    }
    for ours, theirs in (("ref_log_probs", "ref_log_prob"), ("sampler_log_probs", "rollout_log_probs")):
        if ours in batch:
            tensors[theirs] = torch.tensor(batch[ours])
    names = {"uid": np.array(batch["group"], dtype=object), "reward": np.array(batch["rewards"], dtype=object)}
    return data.from_dict(tensors=tensors, non_tensors=names)


def _advantages(data: Any, config: Any) -> Any:
    """Add rewards and advantages as verl's trainer does."""
    trainer, core = import_module("verl.trainer.ppo.ray_trainer"), import_module("verl.trainer.ppo.core_algos")
    algorithm, actor = config.algorithm, config.actor_rollout_ref.actor
    in_reward = algorithm.use_kl_in_reward if "use_kl_in_reward" in algorithm else not actor.get("use_kl_loss", False)
    if in_reward and "ref_log_prob" in data.batch:
        controller = core.FixedKLController(algorithm.kl_ctrl.kl_coef)
        try:
            data, _ = trainer.apply_kl_penalty(data, kl_ctrl=controller, kl_penalty=algorithm.kl_penalty)
        except NotImplementedError as error:
            raise LacksOptionError(f"algorithm.kl_penalty: {error}") from error
    else:
        data.batch["token_level_rewards"] = data.batch["token_level_scores"]
    names = trainer.compute_advantage.__code__.co_varnames
    extra: dict[str, Any] = {}
    if "norm_adv_by_std_in_grpo" in algorithm:
        extra["norm_adv_by_std_in_grpo"] = algorithm.norm_adv_by_std_in_grpo
    if "config" in names:
        extra["config"] = algorithm
    if algorithm.adv_estimator == "gae":
        raise LacksOptionError("an estimator without a critic")
    try:
        return trainer.compute_advantage(data, adv_estimator=algorithm.adv_estimator, gamma=1.0, lam=1.0, **extra)
    except (KeyError, NotImplementedError, ValueError) as error:  # 0.1 reads the values of a critic
        raise LacksOptionError(f"algorithm.adv_estimator: {error}") from error


def _correct(data: Any, config: Any) -> None:
    """Add the weights of the rollout correction where it is on."""
    algorithm = config.algorithm
    if algorithm.get("rollout_is_threshold", None) is not None and algorithm.rollout_is:
        weigh = import_module("verl.trainer.ppo.mismatch_helper").compute_rollout_importance_weights
        keys = (
            "rollout_is_level",
            "rollout_is_mode",
            "rollout_is_threshold",
            "rollout_is_threshold_lower",
            "rollout_is_veto_threshold",
        )
        found, _ = weigh(
            old_log_prob=data.batch["old_log_probs"],
            rollout_log_prob=data.batch["rollout_log_probs"],
            response_mask=data.batch["response_mask"],
            **{key: algorithm[key] for key in keys},
        )
        data.batch["rollout_is_weights"] = found.batch["rollout_is_weights"]
    correction = algorithm.get("rollout_correction", None)
    if correction is not None and correction.rollout_is is not None:
        weigh = import_module("verl.trainer.ppo.rollout_corr_helper").compute_rollout_correction_weights
        gap = data.batch["old_log_probs"] - data.batch["rollout_log_probs"]
        threshold = correction.rollout_is_threshold
        given = {"rollout_is": correction.rollout_is, "rollout_is_threshold": threshold}
        try:
            found, _ = weigh(log_ratio=gap, response_mask=data.batch["response_mask"], **given)
        except TypeError as error:  # a lower bound in a word, before 0.8.0
            raise LacksOptionError(f"rollout_is_threshold: {error}") from error
        data.batch["rollout_is_weights"] = found


def _actor_config(config: Any) -> Any:
    actor = config.actor_rollout_ref.actor
    if "_target_" not in actor:
        return actor
    return import_module("verl.utils.config").omega_conf_to_dataclass(actor)


def _update_by_actor(data: Any, config: Any, batch: dict[str, Any], named: bool) -> dict[str, Any]:
    """Return the gradient of one mini-batch by ``DataParallelPPOActor.update_policy``."""
    module = import_module("verl.workers.actor.dp_actor")
    tensordict = import_module("tensordict").TensorDict
    tensordict.cuda = lambda self, *_: self
    torch.cuda.current_device = lambda: "cpu"  # type: ignore[assignment,return-value]
    for name, nothing in (("memory_allocated", 0), ("memory_reserved", 0), ("mem_get_info", (0, 0))):
        setattr(torch.cpu, name, lambda *_, nothing=nothing: nothing)
    log_probs = torch.tensor(batch["log_probs"], requires_grad=True)
    entropies = torch.tensor(batch["entropies"], requires_grad=True) if "entropies" in batch else None
    actor = object.__new__(module.DataParallelPPOActor)
    actor.__dict__.update(_parameters={}, _buffers={}, _modules={}, training=True)
    found: dict[str, Any] = {}

    def forward(micro_batch: Any, *_: Any, **__: Any) -> Any:
        rows = micro_batch["row"]
        now = log_probs[rows]
        spread = torch.zeros_like(now) if entropies is None else entropies[rows]
        if named:  # 0.7.1 returns the parts by name
            return {"log_probs": now, "entropys": spread}
        return spread, now

    def step() -> Any:
        if found:  # the second pass, which is there so that the actor does not take the batch as on policy
            return torch.tensor(0.0)
        found["gradient"] = log_probs.grad.tolist()  # type: ignore[union-attr]
        if entropies is not None and entropies.grad is not None:
            found["entropy_gradient"] = entropies.grad.tolist()
        return torch.tensor(0.0)

    settings = _actor_config(config)
    actor.config = settings
    actor.actor_module, actor.actor_optimizer = MagicMock(), MagicMock()
    actor.ulysses_sequence_parallel_size, actor.scaler, actor.device_name = 1, None, "cpu"
    actor.use_prefix_grouper = False
    actor._forward_micro_batch, actor._optimizer_step = forward, step
    for name in ("get_device_id", "get_torch_device"):
        if hasattr(module, name):
            setattr(module, name, (lambda: "cpu") if name == "get_device_id" else MagicMock())
    if hasattr(module, "get_torch_device"):
        module.get_torch_device().current_device.return_value = "cpu"
    _with_rows(data)
    data.meta_info.update(temperature=1.0, multi_turn=True)
    data.batch["loss_mask"] = data.batch["attention_mask"]
    actor.update_policy(data)
    return found


def _with_rows(data: Any) -> None:
    """Let ``select`` keep the number of each row, which the table of log-probs is read with."""
    select = type(data).select

    def keep(self: Any, batch_keys: Any = None, *args: Any, **kwargs: Any) -> Any:
        return select(self, batch_keys=[*batch_keys, "row"], *args, **kwargs)  # noqa: B026

    type(data).select = keep


def _update_by_engine(data: Any, config: Any, batch: dict[str, Any]) -> dict[str, Any]:
    """Return the gradient of one mini-batch by ``ppo_loss``, summed over micro-batches as the engine does."""
    module, utils = import_module("verl.workers.utils.losses"), import_module("verl.utils.tensordict_utils")
    tensordict = import_module("tensordict").TensorDict
    log_probs = torch.tensor(batch["log_probs"], requires_grad=True)
    entropies = torch.tensor(batch["entropies"], requires_grad=True) if "entropies" in batch else None
    module.no_padding_2_padding = lambda tensor, _: tensor
    settings, total = _actor_config(config), torch.zeros(())
    mask, rows = data.batch["response_mask"], len(batch["rewards"])
    keys = ("response_mask", "old_log_probs", "advantages", "rollout_is_weights", "ref_log_prob")
    number = torch.tensor(batch["micro_batch"])
    for micro in number.unique():
        chosen = (number == micro).nonzero().flatten()
        part = {key: data.batch[key][chosen] for key in keys if key in data.batch}
        given = tensordict(part, batch_size=[len(chosen)])
        utils.assign_non_tensor(given, dp_size=1, batch_num_tokens=int(mask.sum()), global_batch_size=rows)
        output = {"log_probs": log_probs[chosen]}
        if entropies is not None and settings.entropy_coeff != 0:
            output["entropy"] = entropies[chosen]
        loss, _ = module.ppo_loss(settings, output, given)
        total = total + loss
    total.backward()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = {"gradient": log_probs.grad.tolist(), "loss": total.item()}  # type: ignore[union-attr]
    if entropies is not None and entropies.grad is not None:
        found["entropy_gradient"] = entropies.grad.tolist()
    return found


def _plain(found: Any, data: Any) -> list[Any]:
    """Return one number per response where all its tokens have the same, else the rows."""
    mask = data.batch["response_mask"].bool()
    first = mask.int().argmax(dim=1, keepdim=True)
    numbers = found.gather(1, first)
    alike = bool(((found == numbers) | ~mask).all())
    rows: list[Any] = (numbers[:, 0] if alike else found).tolist()
    return rows


def _run(case: dict[str, Any], batch: dict[str, Any], release: str) -> dict[str, Any]:
    newer = tuple(int(part) for part in release.split(".")[:2]) >= (0, 8)
    options = dict(case["options"])
    rows, micro = len(batch["rewards"]), batch["micro_batch"].count(batch["micro_batch"][0])
    if "only" not in case:
        options["actor_rollout_ref.actor.ppo_mini_batch_size"] = rows
        options["actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu"] = micro
        if batch["micro_batch"] != sorted(batch["micro_batch"]) or rows % micro:
            raise ValueError("micro-batches of verl are of one size and in order")
    config = _config(options, case["base"])
    data = _advantages(_protocol(batch), config)
    found = data.batch["advantages"]
    if "only" in case:
        return {"advantages": _plain(found, data)}
    _correct(data, config)
    try:
        if newer:
            result = _update_by_engine(data, config, batch)
        else:
            result = _update_by_actor(data, config, batch, named=release == "0.7.1")
    except (NotImplementedError, ValueError, import_module("hydra.errors").InstantiationException) as error:
        raise LacksOptionError(f"{type(error).__name__}: {error}") from error
    if not np.isfinite(np.array(result["gradient"])).all():
        raise LacksOptionError("the gradient is NaN")
    return result


def main() -> None:
    """Answer the cases of standard input."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]  # a module of ours is named verl too
    sys.meta_path.insert(0, _Empty())
    transformers = import_module("transformers")
    for name, newer in _RENAMED.items():
        if not hasattr(transformers, name):
            setattr(transformers, name, getattr(transformers, newer))
    asked = json.load(sys.stdin)
    answers: list[dict[str, Any]] = []
    for case in asked["cases"]:
        try:
            answers.append(_run(case, asked["batches"][case["batch"]], asked["release"]))
        except LacksOptionError as error:
            answers.append({"lacks": str(error)})
    print("\n" + json.dumps(answers))


if __name__ == "__main__":
    main()
