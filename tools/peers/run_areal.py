"""Run cases on AReaL's own actor; the request and the answer are JSON.

The modules are loaded from the wheel without running the ``__init__`` of its packages, which import the engines. The
engine's weighing of micro-batches by their tokens is applied by hand; here an update is one micro-batch.
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor

sys.path[0] = str(Path(__file__).resolve().parents[2])  # not this folder, which has files named as the packages are

from tools.peers.empty_modules import install_empty_modules  # noqa: E402

_EMPTY: Final = (
    *("aiohttp", "colorlog", "datasets", "einops", "fastapi", "hydra", "nvidia_smi", "openai", "peft", "pynvml", "ray"),
    *("requests", "sglang", "swanlab", "tensorboardX", "torchdata", "transformers", "uvloop", "vllm", "wandb", "PIL"),
    *("numba", "pybase64", "trackio", "torchao", "aiofiles", "prettytable", "tabulate", "etcd3", "cookiecutter"),
)
_SHELLS: Final = (
    "areal",
    "areal.api",
    "areal.engine",
    "areal.engine.fsdp_utils",
    "areal.utils",
    "areal.trainer",
    "areal.trainer.ppo",
)
_LEFT_OUT: Final = ("areal.infra", "areal.experimental", "areal.utils.perf_tracer")


class _Stub(ModuleType):
    """A module of the framework that the numbers do not need."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _passed


def _passed(*given: Any, **_: Any) -> Any:
    """Return a function or class as a decorator does, whatever the settings."""
    return given[0] if given and callable(given[0]) else _passed


def load_modules(folder: Path) -> None:
    """Make the framework's modules importable without its engines."""
    install_empty_modules(_EMPTY)
    for name in _SHELLS:
        shell = ModuleType(name)
        shell.__path__ = [str(folder.joinpath(*name.split(".")))]
        sys.modules[name] = shell
    for name in (
        *_LEFT_OUT,
        "areal.experimental.training_service",
        "areal.experimental.training_service.controller",
        "areal.experimental.training_service.controller.controller",
        "areal.infra.platforms",
        "areal.infra.rpc",
        "areal.infra.rpc.serialization",
    ):
        sys.modules[name] = _Stub(name)
    sys.modules["areal.api"].TrainEngine = object  # type: ignore[attr-defined]
    for name in ("TrainController",):
        setattr(sys.modules["areal.infra"], name, object)
    sys.modules["areal.experimental.training_service.controller.controller"].GatewayTrainController = object  # type: ignore[attr-defined]


def make_config(settings: dict[str, Any]) -> Any:
    """Return the actor's configuration with these settings, as its own dataclasses check them."""
    cli_args = import_module("areal.api.cli_args")

    known = {"reward_norm": cli_args.NormConfig, "adv_norm": cli_args.NormConfig}
    known["rejection_sampling"] = cli_args.RejectionSamplingConfig
    made = {
        name: known[name](**value) if name in known and value is not None else value for name, value in settings.items()
    }
    return cli_args.PPOActorConfig(backend="fsdp:d1p1t1", **made)


class ActorRun:
    """A batch with its configuration: advantages first, then the loss of one update."""

    def __init__(self, document: dict[str, Any], settings: dict[str, Any]) -> None:
        actor = import_module("areal.trainer.ppo.actor")

        self.module, self.config = actor, make_config(settings)
        self.lengths: list[int] = document["lengths"]
        self.width = max(self.lengths) + 2  # one token of prompt, one of padding
        self.rewards = torch.tensor(document["rewards"])
        names = ("log_probs", "old_log_probs", "sampler_log_probs", "ref_log_probs")
        self.rows = {name: self._padded(document[name]) for name in names}
        self.actor = actor.PPOActor(self.config, SimpleNamespace())

    def _padded(self, rows: list[list[float]]) -> Tensor:
        """Return the log-probs (B, W) at the place before each token, as the engine's forward pass gives them."""
        return torch.tensor([row + [0.0] * (self.width - len(row)) for row in rows])

    def _data(self) -> dict[str, Tensor]:
        places = torch.arange(self.width)
        lengths = torch.tensor(self.lengths)[:, None]
        mask = (places >= 1) & (places <= lengths)
        return {
            "input_ids": torch.zeros(len(lengths), self.width, dtype=torch.long),
            "attention_mask": (places <= lengths).long(),
            "loss_mask": mask.long(),
            "rewards": self.rewards.clone(),
            "logprobs": torch.roll(self.rows["sampler_log_probs"], 1, dims=-1),
            "prox_logp": self.rows["old_log_probs"].clone(),
            "ref_logp": self.rows["ref_log_probs"].clone(),
        }

    def results(self) -> dict[str, Any]:
        """Return advantages, gradient and loss."""
        data = self.actor._compute_advantages(self._data())
        leaf = self.rows["log_probs"].clone().requires_grad_()
        config = self.config
        loss = self.module.grpo_loss_fn(
            leaf,
            torch.zeros_like(leaf),
            data,
            eps_clip=config.eps_clip,
            eps_clip_higher=config.eps_clip_higher,
            c_clip=config.c_clip,
            rejection_sampling=config.rejection_sampling,
            m2_threshold=config.m2_threshold,
            importance_sampling_level=config.importance_sampling_level,
            current_version=0,
            prox_logp_method=config.prox_logp_method,
            use_decoupled_loss=config.use_decoupled_loss,
        )
        loss.backward()
        assert leaf.grad is not None
        wide = max(self.lengths)
        found: dict[str, Any] = {"gradient": leaf.grad[:, :wide].tolist(), "loss": loss.item()}
        rows = [row[:length] for row, length in zip(data["advantages"], self.lengths, strict=True)]
        if all(bool((row == row[0]).all()) for row in rows):  # else padding differs, which nothing reads
            found["advantages"] = [float(row[0]) for row in rows]
        return found


def list_options() -> dict[str, Any]:
    """Return the default of every option of the PPO configuration, by dotted name.

    An option of a section that is null by default has the value ``absent``.
    """
    cli_args = import_module("areal.api.cli_args")

    found: dict[str, Any] = {}
    optional = {
        "actor.reward_norm": cli_args.NormConfig,
        "actor.adv_norm": cli_args.NormConfig,
        "actor.rejection_sampling": cli_args.RejectionSamplingConfig,
        "actor.optimizer": cli_args.OptimizerConfig,
        "ref": cli_args.PPOActorConfig,
        "critic": cli_args.PPOCriticConfig,
        "teacher": cli_args.TeacherConfig,
    }

    def walk(cls: Any, prefix: str, absent: bool) -> None:
        for field in fields(cls):
            name = f"{prefix}{field.name}"
            default = field.default
            if default is MISSING:
                default = None if field.default_factory is MISSING else _made(field.default_factory)
            if is_dataclass(default):
                walk(type(default), f"{name}.", absent)
            elif name in optional:
                found[name] = None
                walk(optional[name], f"{name}.", True)
            else:
                found[name] = "absent" if absent else default if _plain(default) else None

    walk(cli_args.PPOConfig, "", False)
    return found


def _made(factory: Any) -> Any:
    try:
        return factory()
    except (TypeError, ValueError):  # a section with required options
        return factory if is_dataclass(factory) else None


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | dict)


def main() -> None:
    """Read batches and cases from stdin and print the results as one line of JSON."""
    asked = json.load(sys.stdin)
    torch.set_num_threads(1)
    logging.disable()
    load_modules(Path(asked["folder"]))
    if asked.get("options"):
        print(json.dumps(list_options()))
        return
    found = {
        case["name"]: ActorRun(asked["batches"][case["batch"]], case["options"]).results() for case in asked["cases"]
    }
    print(json.dumps({**found, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
