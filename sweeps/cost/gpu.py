"""What one run costs on GPUs: seconds, GPU-hours, memory, and whether it fits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from sweeps.cost.constants import FITTED, SAMPLER_SHARE, START_SECONDS
from sweeps.cost.generation import generation_seconds
from sweeps.cost.hardware import DEVICES, Cluster
from sweeps.cost.instead import instead
from sweeps.cost.laptop import limit_of_evaluation
from sweeps.cost.lengths import Lengths
from sweeps.cost.memory import Memory, memory, unfit
from sweeps.cost.models import ModelShape, find_shape
from sweeps.cost.setup import asked, setup, sized
from sweeps.cost.step import Step, step_time
from sweeps.cost.work import Work, answers, evaluations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from harness.config import ExperimentConfig
    from sweeps.cost.response_lengths import ResponseLengths

DEFAULTS: Final = {"gpu": Cluster(1, 8, DEVICES["H100"]), "gpu_small": Cluster(1, 1, DEVICES["H100"])}  # by profile
PROMPT_TOKENS: Final = 150.0  # a problem with the system prompt and the chat's marks; 100 to 130 in NeMo-RL's runs


@dataclass(frozen=True, slots=True)
class GpuCost:
    """One run on the part of a cluster that it takes."""

    part: Cluster
    seconds: float
    step: Step
    memory: Memory
    length: float  # expected mean tokens of a response
    unfit: str | None  # why it does not fit
    instead: tuple[str, ...]  # with which settings, or on what, it would

    @property
    def gpu_seconds(self) -> float:
        """Seconds times GPUs."""
        return self.seconds * self.part.gpus


def part_of(cluster: Cluster, asked: float) -> Cluster:
    """The GPUs of one run: as many as it asks for, else a node, and no more than there are."""
    gpus = min(int(asked) or cluster.per_node, cluster.gpus)
    per_node = min(gpus, cluster.per_node)
    return Cluster(-(-gpus // per_node), per_node, cluster.device)


def gpu_cost(
    config: ExperimentConfig, cluster: Cluster, lengths: ResponseLengths, drawn: float = 1.0, pace: float = 1.0
) -> GpuCost | None:
    """The cost of a run, or None where the model's shape is not known. ``pace``: of recorded runs against the model."""
    shape = find_shape(config.model.path)
    if shape is None:
        return None
    plain = asdict(config)
    part, work = part_of(cluster, config.backend.num_gpus), work_of(config, lengths.mean(plain), drawn)
    held, reason, others = _fit(config, shape, part)
    share = held.sampler / part.device.memory
    step = step_time(shape, part, work, share or SAMPLER_SHARE)
    return GpuCost(
        part=part,
        seconds=pace * (START_SECONDS + config.steps * step.seconds + _evaluating(plain, shape, part, lengths, share)),
        step=step,
        memory=held,
        length=work.lengths.mean,
        unfit=reason,
        instead=others,
    )


def _fit(config: ExperimentConfig, shape: ModelShape, part: Cluster) -> tuple[Memory, str | None, tuple[str, ...]]:
    """What a run holds, why it does not fit, and what would."""
    said = asked(config)
    wanted = sized(said, part)
    held = memory(shape, part, wanted.tokens, wanted.recompute, setup(shape, part, wanted))
    reason = unfit(held, wanted.longest)
    return held, reason, instead(shape, part, said) if reason else ()


def work_of(config: ExperimentConfig, length: float, drawn: float = 1.0) -> Work:
    """What a step of this run asks for, with responses of this mean length."""
    rollout, optim = config.rollout, config.optim
    return Work(
        responses=rollout.prompts_per_batch * rollout.group_size,
        group=rollout.group_size,
        prompt=PROMPT_TOKENS,
        lengths=Lengths(length, rollout.max_response_length),
        updates=optim.updates_per_rollout,
        epochs=optim.epochs,
        recompute=optim.gradient_checkpointing,
        reference="ref_log_probs" in config.update_rule().needs,
        drawn=drawn,
    )


def _evaluating(
    config: Mapping[str, Any], shape: ModelShape, part: Cluster, lengths: ResponseLengths, share: float
) -> float:
    """Seconds of all evaluations of a run."""
    limit = limit_of_evaluation(config)
    mean, samples = lengths.mean(config, limit), config["eval"]["samples"]
    held_out = Work(answers(config), samples, PROMPT_TOKENS, Lengths(mean, limit))
    return evaluations(config) * generation_seconds(shape, part, held_out, FITTED, share or SAMPLER_SHARE)
