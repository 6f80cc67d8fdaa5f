"""Record ms-swift's numbers: its own advantages and loss, with log-probs of ours in place of the model's.

    python -m tools.peers ms_swift [RELEASE...]

The methods of GRPOTrainer are run as released; the model's forward pass gives the batch's log-probs. The division by
the accumulation steps, which transformers' Trainer does, is done here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from tools.peers.common import merge_releases, round_numbers, write_recorded
from tools.peers.sources import constants, load_functions, read_member, wheel_of
from tools.peers.swift_batches import CONSTANT, FAR, RIGHT_AND_WRONG, SIXTEEN, UNEQUAL
from tricks.dialects import find_dialect
from tricks.io import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

RELEASES: Final = find_dialect("ms_swift").known_releases
_TRAINERS: Final = ("swift/rlhf_trainers/grpo_trainer.py", "swift/trainers/rlhf_trainer/grpo_trainer.py")
_ADVANTAGE: Final = "swift/rl_core/advantage.py"
_STATISTICS: Final = ("swift/utils/torch_utils.py", "swift/rlhf_trainers/utils.py")
BATCHES: Final = {
    "unequal": UNEQUAL,
    "far": FAR,
    "right_and_wrong": RIGHT_AND_WRONG,
    "constant": CONSTANT,
    "sixteen": SIXTEEN,
}

DEFAULTS: Final[Mapping[str, Any]] = {
    "advantage_estimator": "grpo",
    "scale_rewards": "group",
    "kl_in_reward": False,
    "beta": 0.0,
    "loss_type": "grpo",
    "epsilon": 0.2,
    "epsilon_high": None,
    "delta": None,
    "importance_sampling_level": "token",
    "overlong_filter": False,
    "rollout_importance_sampling_mode": None,
    "rollout_importance_sampling_threshold": 2.0,
}
_SINCE: Final = {"dapo": "3.11.0", "cispo": "3.11.0", "gdpo": "4.0.0", "rollout": "3.11.0"}


CANCELS: Final = 0.02  # below it the loss is mostly the rounding of a sum that cancels
_NORMS: Final = ("grpo, group", "grpo, batch", "grpo, none", "grpo, gdpo", "rloo", "reinforce_plus_plus")
_UNSAID: Final = "-"  # an option that our words do not tell from another


class RefusedError(Exception):
    """A release that has no such option."""


def cases() -> Iterator[dict[str, Any]]:
    """Yield the cases: options of ms-swift and the same in our words."""
    yield from _advantage_cases()
    yield from _loss_cases()


def _advantage_cases() -> Iterator[dict[str, Any]]:
    norms: dict[tuple[str, str], dict[str, Any]] = {
        ("grpo", "group"): {"group_norm": {}},
        ("grpo", "batch"): {"group_mean_batch_std": {}},
        ("grpo", "none"): {"group_mean": {}},
        ("grpo", "gdpo"): {"group_norm": {}, "token_whitening": {"weights": "sequence"}},
        ("rloo", "group"): {"rloo": {"std": "group"}},
        ("rloo", "batch"): {"rloo": {"std": "batch"}},
        ("rloo", "none"): {"rloo": {}},
        ("rloo", "gdpo"): {"group_norm": {}, "token_whitening": {"weights": "sequence"}},
        ("reinforce_plus_plus", "group"): {"group_norm": {}},
        ("reinforce_plus_plus", "batch"): {"group_mean_batch_std": {"about": "group"}},
        ("reinforce_plus_plus", "none"): {"group_mean": {}},
        ("reinforce_plus_plus", "gdpo"): {"group_mean": {}},
    }
    for (estimator, scale), tricks in norms.items():
        options = {"advantage_estimator": estimator, "scale_rewards": scale}
        for batch in (
            "unequal",
            "right_and_wrong",
            "constant",
            *(("sixteen",) if estimator == "grpo" and scale != "none" else ()),
        ):
            said = "gdpo" if estimator != "reinforce_plus_plus" else _UNSAID
            yield _case(f"{estimator}, {scale}, {batch}", options, {**tricks, "sequence_mean": {}}, batch, said)
    in_reward = {"advantage_estimator": "rloo", "scale_rewards": "none", "kl_in_reward": True, "beta": 0.04}
    yield _case("KL in the reward", in_reward, {"rloo": {}, "kl_reward": {"coef": 0.04}, "sequence_mean": {}}, "far")


def _loss_cases() -> Iterator[dict[str, Any]]:
    means: dict[str, dict[str, Any]] = {
        "grpo": {"sequence_mean": {}},
        "bnpo": {"token_mean": {"scope": "micro_batch"}},
        "dr_grpo": {"constant_length": {}},
        "dapo": {"token_mean": {}},
    }
    norm: dict[str, Any] = {"group_norm": {}}
    bounds = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}
    for loss, mean in means.items():
        said = "no loss over the tokens" if loss == "dapo" else ""
        for filtered in (False, True):
            more: dict[str, Any] = {"overlong_filter": {}} if filtered else {}
            name = f"{loss}{', overlong' if filtered else ''}"
            yield _case(
                name, {"loss_type": loss, "overlong_filter": filtered}, {**norm, **mean, **more}, "unequal", said
            )
        options = {"loss_type": loss, "importance_sampling_level": "sequence", "epsilon": 0.1, "epsilon_high": 0.28}
        yield _case(f"{loss}, sequence", options, {**norm, **mean, "gspo": bounds}, "unequal", said)
        yield _case(
            f"{loss}, KL", {"loss_type": loss, "beta": 0.04}, {**norm, **mean, "kl_loss": {"coef": 0.04}}, "far", said
        )
    options = {"epsilon": 0.1, "epsilon_high": 0.28, "delta": 2.0}
    yield _case("delta", options, {**norm, "clip": {**bounds, "dual_clip": 2.0}, "sequence_mean": {}}, "far")
    said = "no loss over the tokens"
    yield _case("cispo", {"loss_type": "cispo"}, {**norm, "cispo": {}, "token_mean": {}}, "far", said)
    options = {"loss_type": "cispo", "epsilon_high": 5.0}
    yield _case("cispo, 5", options, {**norm, "cispo": {"high": 5.0}, "token_mean": {}}, "far", said)
    for level in ("token", "sequence"):
        for mode, outside in (("truncate", "truncate"), ("mask", "drop")):
            options = {
                "rollout_importance_sampling_mode": f"{level}_{mode}",
                "rollout_importance_sampling_threshold": 1.1,
            }
            weight = {"level": level, "outside": outside, "cap": 1.1}
            tricks = {**norm, "truncated_is": weight, "kl_loss": {"coef": 0.04}, "sequence_mean": {}}
            yield _case(
                f"{level}_{mode}", {**options, "beta": 0.04}, tricks, "unequal", "rollout_importance_sampling_mode"
            )


def _case(
    name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str, said: str = ""
) -> dict[str, Any]:
    return {
        "name": name,
        "options": dict(options),
        "preset": "vanilla_ppo",
        "tricks": dict(tricks),
        "updates_per_rollout": 1,
        "batch": batch,
        "dtype": "float32",
        "tolerance": 2e-6,
        "refused": said,
    }


def numbers(case: Mapping[str, Any], wheel: Path, release: str) -> dict[str, Any]:
    """Return the advantages, the loss and its gradient that a release computes for a case."""
    options = {**DEFAULTS, **case["options"]}
    _refuse_missing(options, release)
    document = read_document(json.dumps(BATCHES[case["batch"]]).encode(), torch.float32)
    trainer = Trainer(wheel, options, document)
    advantages = trainer.advantages()
    if case["name"].startswith(_NORMS):
        return {"advantages": round_numbers(advantages.tolist())}
    leaf = document.log_probs.clone().requires_grad_()
    losses = [trainer.loss(leaf, advantages, rows) for rows in trainer.windows]
    loss = sum(losses[1:], losses[0]) / len(losses)
    (gradient,) = torch.autograd.grad(loss, leaf)
    found = {"gradient": round_numbers(gradient.tolist())}
    return found if abs(loss.item()) < CANCELS else {"loss": round_numbers(loss.item()), **found}


def _refuse_missing(options: Mapping[str, Any], release: str) -> None:
    asked = {options["loss_type"], options["scale_rewards"]}
    asked |= {"rollout"} if options["rollout_importance_sampling_mode"] else set()
    for name in asked & set(_SINCE):
        if RELEASES.index(release) < RELEASES.index(_SINCE[name]):
            raise RefusedError(name)


class Trainer:
    """The trainer of a release on one process, with a forward pass that gives the log-probs of a batch."""

    def __init__(self, wheel: Path, options: Mapping[str, Any], document: Any) -> None:
        self.document, self.options, self.rollouts = document, options, document.rollouts
        self.own = SimpleNamespace(**self._state(), **self._settings())
        space: dict[str, Any] = {"torch": torch, "logger": SimpleNamespace(info=print, warning=print)}
        space |= {"gather": _same, "gather_object": _same, "nanmin": _same, "nanmax": _same}
        space |= {"nanstd": torch.nanmean}  # up to 3.12.6 for the log alone
        for member in _STATISTICS:
            if (text := read_member(wheel, member)) is not None:
                load_functions(text, space, only=("nanstd",))
        if (text := read_member(wheel, _ADVANTAGE)) is not None:
            load_functions(text, space)
        space["RewardMetrics"] = SimpleNamespace
        text = next(found for member in _TRAINERS if (found := read_member(wheel, member)) is not None)
        space |= constants(text)
        for name in load_functions(text, space, of="GRPOTrainer"):
            if name not in ("_get_per_token_logps_and_entropies", "_compute_rollout_offpolicy_metrics"):
                setattr(self.own, name, MethodType(space[name], self.own))
        self.own._compute_rollout_offpolicy_metrics = lambda *_: {}
        self.own._compute_is_correction_metrics = lambda *_: {}
        self.batched = "grpo_batch" in text

    @property
    def windows(self) -> list[Tensor]:
        """The rows of each micro-batch."""
        numbers = self.document.micro_batch
        if numbers is None:
            return [torch.arange(len(self.rollouts.rewards))]
        return [(numbers == each).nonzero().flatten() for each in torch.unique(numbers)]

    def advantages(self) -> Tensor:
        """Return the advantages (B,) of the whole batch."""
        rewards = self.rollouts.rewards[:, None]
        samples = [SimpleNamespace()] * len(rewards)
        batch = {
            "old_per_token_logps": self.rollouts.old_log_probs,
            "ref_per_token_logps": self.rollouts.ref_log_probs,
            "completion_mask": self.rollouts.response_mask,
        }
        found: Tensor = self.own._compute_advantages(samples, rewards, [self._packed(batch)])
        return found

    def loss(self, leaf: Tensor, advantages: Tensor, rows: Tensor) -> Tensor:
        """Return the loss of one micro-batch before transformers divides it."""
        rollouts, mask = self.rollouts, self.rollouts.response_mask[rows]
        self.own._get_per_token_logps_and_entropies = lambda *_, **__: (leaf[rows], None)
        batch = {
            "completion_mask": mask,
            "truncated_mask": rollouts.truncated[rows],
            "advantages": advantages[rows][:, None].expand(mask.shape) if self.batched else advantages[rows],
            "old_per_token_logps": rollouts.old_log_probs[rows],
            "ref_per_token_logps": rollouts.ref_log_probs[rows],
            "rollout_per_token_logps": rollouts.sampler_log_probs[rows],
            "num_items_in_batch": rollouts.response_mask.sum().float(),
            "input_ids": mask.long(),
            "teacher_per_token_logps": None,
        }
        packed = self._packed(batch)
        given = (packed,) if not self.batched else ({}, packed["grpo_batch"])
        found: Tensor = self.own._compute_loss_and_metrics(None, *given)[0]
        return found

    def _packed(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        return {"grpo_batch": SimpleNamespace(**batch)} if self.batched else dict(batch)

    def _state(self) -> dict[str, Any]:
        one = {"device": "cpu", "num_processes": 1, "process_index": 0, "gather_for_metrics": _same}
        group = int(self.rollouts.group.bincount().max())
        return {
            "accelerator": SimpleNamespace(**one),
            "model": SimpleNamespace(training=True),
            "template": SimpleNamespace(padding_free=False),
            "num_generations": group,
            "num_generations_eval": group,
            "dynamic_num_samples": False,
            "reward_weights": torch.ones(1),
            "reward_func_names": ["reward"],
            "current_gradient_accumulation_steps": len(self.windows),
            "max_completion_length": self.rollouts.max_response_length,
            "_metrics": defaultdict(lambda: defaultdict(list)),
            "_logs": {"rewards": defaultdict(list)},
            "model_accepts_loss_kwargs": False,
            "compute_loss_func": None,
            "chord_sft_iterator": None,
            "_has_teacher": False,
        }

    def _settings(self) -> dict[str, Any]:
        given = dict(self.options)
        high = given["epsilon"] if given["epsilon_high"] is None else given["epsilon_high"]
        args = SimpleNamespace(
            delta=given.pop("delta"), top_entropy_quantile=1.0, log_entropy=False, gradient_accumulation_steps=None
        )
        return {
            **given,
            "epsilon_low": given["epsilon"],
            "epsilon_high": high,
            "args": args,
            "compute_entropy": False,
            "off_policy_sequence_mask_delta": None,
            "log_rollout_offpolicy_metrics": False,
            "disable_rollout_importance_sampling": False,
            "sdar_loss_coef": 0.0,
        }


def _same(value: Any, *_: Any) -> Any:
    return value


def record(releases: Sequence[str] = ()) -> Path:
    """Record the numbers of the releases, by default of all known ones, and return the file."""
    order = list(releases) or list(RELEASES)
    found = []
    for case in cases():
        said = case.pop("refused")
        by_release: dict[str, Any] = {}
        for release in order:
            try:
                by_release[release] = numbers(case, wheel_of("ms-swift", release), release)
            except RefusedError:
                by_release[release] = {"refused": said}
        known = {release: found for release, found in by_release.items() if found.get("refused") != _UNSAID}
        found.append({**case, "releases": merge_releases(known, RELEASES)})
    environment = {"torch": torch.__version__, "transformers": "its division by the accumulation steps is done by hand"}
    head = {"framework": "ms_swift", "made_by": "python -m tools.peers ms_swift", "environment": environment}
    return write_recorded("ms_swift", {**head, "batches": BATCHES, "cases": found})
