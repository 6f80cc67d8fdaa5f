"""Estimate the cost of a run on GPUs: seconds, GPU-hours, memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Final

from sweeps.cost.alternatives import alternatives
from sweeps.cost.hardware import DEVICES, FITTED, SAMPLER_SHARE, START_SECONDS, Cluster
from sweeps.cost.laptop import limit_of_evaluation
from sweeps.cost.memory import Memory, memory, unfit
from sweeps.cost.models import ModelShape, find_shape
from sweeps.cost.setup import resource_request, setup, sized
from sweeps.cost.step_time import StepTime, generation_seconds, step_time
from sweeps.cost.work import Lengths, ResponseLengths, Work, answers, drawn, evaluations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from harness.config.experiment import ExperimentConfig
    from harness.records.record import RunRecord


DEFAULTS: Final = {"gpu": Cluster(1, 8, DEVICES["H100"]), "gpu_small": Cluster(1, 1, DEVICES["H100"])}  # by profile
PROMPT_TOKENS: Final = 150.0  # a problem with the system prompt and the chat's marks; 100 to 130 in NeMo-RL's runs


@dataclass(frozen=True, slots=True)
class GpuCost:
    """One run on the part of a cluster that it takes."""

    part: Cluster
    seconds: float
    step: StepTime
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
    said = resource_request(config)
    wanted = sized(said, part)
    held = memory(shape, part, wanted.tokens, wanted.recompute, setup(shape, part, wanted))
    reason = unfit(held, wanted.longest)
    return held, reason, alternatives(shape, part, said) if reason else ()


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


REDRAWN: Final = 2.0  # batches a step of dynamic sampling, if half of the groups are all right or all wrong; a guess


@dataclass(frozen=True, slots=True)
class GpuSpeed:
    """What is known before anything has run, and what recorded runs add."""

    cluster: Cluster
    lengths: ResponseLengths
    draws: float  # batches a step under dynamic sampling
    pace: float  # wall seconds of recorded runs against the model's
    runs: int  # recorded runs behind it

    @classmethod
    def of(cls, records: Sequence[RunRecord], configs: Mapping[str, ExperimentConfig], cluster: Cluster) -> GpuSpeed:
        """``configs``: of the planned cells, by id. Recorded runs of these are taken for runs on this cluster."""
        done = [record for record in records if record.status == "finished"]
        many = [draws for record in done if (draws := drawn(record)) > 1]
        plain = cls(cluster, ResponseLengths.of(done), fmean(many) if many else REDRAWN, 1.0, len(done))
        costs = {record.run_id: plain.cost(configs[record.cell_id]) for record in done if record.cell_id in configs}
        ratios = [record.wall_seconds / cost.seconds for record in done if (cost := costs.get(record.run_id))]
        pace = geometric_mean(ratios) if ratios else 1.0
        return cls(cluster, plain.lengths, plain.draws, pace, len(ratios))

    def cost(self, config: ExperimentConfig) -> GpuCost | None:
        """Of one run; None where the model's shape is not known."""
        draws = self.draws if config.update_rule().resampling else 1.0
        return gpu_cost(config, self.cluster, self.lengths, draws, self.pace)

    @property
    def source(self) -> str:
        """Where the estimate comes from, in words."""
        if self.runs:
            return f"from {self.runs} recorded run{'s' * (self.runs > 1)}, taken for runs on this cluster"
        return "from the cost model of docs/guides/planning.md; nothing is recorded yet"
