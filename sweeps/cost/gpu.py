"""Estimate the cost of a run on GPUs: seconds, GPU-hours, memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Final

from sweeps.cost.alternatives import suggest_alternatives
from sweeps.cost.inputs import DEVICES, FITTED, SAMPLER_SHARE, START_SECONDS, Cluster, ModelShape, find_shape
from sweeps.cost.memory import Memory, estimate_memory, explain_unfit
from sweeps.cost.setup import plan_setup, resize_request, resource_request
from sweeps.cost.step_time import StepTime, estimate_step_time, generation_seconds
from sweeps.cost.work import (
    Lengths,
    ResponseLengths,
    Work,
    count_eval_responses,
    count_evaluations,
    count_sampled_batches,
    find_evaluation_limit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from harness.config import ExperimentConfig
    from harness.records import RunRecord


DEFAULTS: Final = {"gpu": Cluster(1, 8, DEVICES["H100"]), "gpu_small": Cluster(1, 1, DEVICES["H100"])}  # by profile
PROMPT_TOKENS: Final = 150.0  # a problem with the system prompt and chat template; 100 to 130 in NeMo-RL's runs


@dataclass(frozen=True, slots=True)
class GpuCost:
    """The cost of one run on its part of a cluster."""

    part: Cluster
    seconds: float
    step: StepTime
    memory: Memory
    length: float  # expected mean tokens per response
    unfit: str | None  # why it does not fit, or None
    instead: tuple[str, ...]  # settings or clusters with which it would fit

    @property
    def gpu_seconds(self) -> float:
        """The GPU-seconds of the run: wall seconds times GPUs."""
        return self.seconds * self.part.gpus


def choose_run_part(cluster: Cluster, asked: float) -> Cluster:
    """Return the GPUs of one run: as many as it asks for, by default one node.

    It never has more than the cluster.
    """
    gpus = min(int(asked) or cluster.per_node, cluster.gpus)
    per_node = min(gpus, cluster.per_node)
    return Cluster(-(-gpus // per_node), per_node, cluster.device)


def gpu_cost(
    config: ExperimentConfig, cluster: Cluster, lengths: ResponseLengths, drawn: float = 1.0, pace: float = 1.0
) -> GpuCost | None:
    """Estimate the cost of a run.

    Args:
        config: the settings of the run
        cluster: the GPUs that are available
        lengths: the response lengths of recorded runs
        drawn: batches sampled per step
        pace: the ratio of recorded to estimated seconds

    Returns:
        The cost, or None where the shape of the model is not known.

    """
    shape = find_shape(config.model.path)
    if shape is None:
        return None
    plain = asdict(config)
    part, work = (
        choose_run_part(cluster, config.backend.num_gpus),
        describe_step_work(config, lengths.mean(plain), drawn),
    )
    held, reason, others = _fit(config, shape, part)
    share = held.sampler / part.device.memory
    step = estimate_step_time(shape, part, work, share or SAMPLER_SHARE)
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
    """Return the memory of a run, the reason why it does not fit, and alternatives that fit."""
    said = resource_request(config)
    wanted = resize_request(said, part)
    held = estimate_memory(shape, part, wanted.tokens, wanted.recompute, plan_setup(shape, part, wanted))
    reason = explain_unfit(held, wanted.longest)
    return held, reason, suggest_alternatives(shape, part, said) if reason else ()


def describe_step_work(config: ExperimentConfig, length: float, drawn: float = 1.0) -> Work:
    """Return the work of one step of a run.

    Args:
        config: the settings of the run
        length: the expected mean tokens per response
        drawn: batches sampled per step

    Returns:
        The work.

    """
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
    """Return the seconds of all evaluations of a run."""
    limit = find_evaluation_limit(config)
    mean, samples = lengths.mean(config, limit), config["eval"]["samples"]
    held_out = Work(count_eval_responses(config), samples, PROMPT_TOKENS, Lengths(mean, limit))
    return count_evaluations(config) * generation_seconds(shape, part, held_out, FITTED, share or SAMPLER_SHARE)


REDRAWN: Final = 2.0  # batches per step with dynamic sampling, if half of the groups have equal rewards; a guess


@dataclass(frozen=True, slots=True)
class GpuSpeed:
    """The assumptions of an estimate before any run, corrected by recorded runs."""

    cluster: Cluster
    lengths: ResponseLengths
    draws: float  # batches per step with dynamic sampling
    pace: float  # ratio of recorded to estimated wall seconds
    runs: int  # number of recorded runs

    @classmethod
    def of(cls, records: Sequence[RunRecord], configs: Mapping[str, ExperimentConfig], cluster: Cluster) -> GpuSpeed:
        """Return the speed that recorded runs suggest.

        Args:
            records: the recorded runs; they count as runs on this cluster
            configs: the planned configurations by cell id
            cluster: the GPUs that are available

        Returns:
            The speed. Only recorded runs of planned cells change its ``pace``.

        """
        done = [record for record in records if record.status == "finished"]
        many = [draws for record in done if (draws := count_sampled_batches(record)) > 1]
        plain = cls(cluster, ResponseLengths.of(done), fmean(many) if many else REDRAWN, 1.0, len(done))
        costs = {record.run_id: plain.cost(configs[record.cell_id]) for record in done if record.cell_id in configs}
        ratios = [record.wall_seconds / cost.seconds for record in done if (cost := costs.get(record.run_id))]
        pace = geometric_mean(ratios) if ratios else 1.0
        return cls(cluster, plain.lengths, plain.draws, pace, len(ratios))

    def cost(self, config: ExperimentConfig) -> GpuCost | None:
        """Return the cost of one run, or None where the model's shape is not known."""
        draws = self.draws if config.update_rule().resampling else 1.0
        return gpu_cost(config, self.cluster, self.lengths, draws, self.pace)

    @property
    def source(self) -> str:
        """The source of the estimate, in words."""
        if self.runs:
            return f"from {self.runs} recorded run{'s' * (self.runs > 1)}, assumed to hold for this cluster"
        return "from the cost model of docs/guides/planning.md; no run is recorded yet"
