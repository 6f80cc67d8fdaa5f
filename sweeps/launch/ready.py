"""Check engines, models and data before a sweep starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engines.deepspeed import refuse_deepspeed
from harness.engines.vllm import refuse_missing_vllm
from harness.rollouts import list_remarks, read_run_problems
from sweeps.launch.environment import SweepError, read_cluster_address
from sweeps.plan import format_way_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.config import ExperimentConfig
    from sweeps.plan import Plan, PlannedRun


def read_data(runs: Iterable[PlannedRun]) -> tuple[str, ...]:
    """Return the data cards of all runs and the remarks on the user's own files, each once.

    Raises DataError for the data, or SchemaError for a setting.
    """
    kinds: dict[tuple[object, ...], list[ExperimentConfig]] = {}
    for run in runs:
        kinds.setdefault((run.config.data, str(run.config.eval), run.config.reward), []).append(run.config)
    told = dict[str, None]()
    for configs in kinds.values():
        read = read_run_problems(configs[0])
        told |= dict.fromkeys(card.text() for card in read.described().values())
        fits = {(config.model, config.rollout): config for config in configs}
        told |= dict.fromkeys(remark for config in fits.values() for remark in list_remarks(config, read))
    return tuple(told)


def refuse_unready(plan: Plan) -> None:
    """Refuse runs that this machine cannot execute.

    Raises SchemaError for engines that are not installed, SweepError for runs that would run out of memory. Nodes of a
    cluster have their own environments, which are checked when a run starts there.
    """
    for run in plan.to_run:
        if run.config.backend.vllm and not read_cluster_address():
            refuse_missing_vllm()
        if not read_cluster_address():
            refuse_deepspeed(run.config)
        cost = plan.costs.get(run.cell_id)
        if cost and cost.unfit and run.config.backend.num_gpus:
            raise SweepError(
                f"{run.run_id} does not fit on {cost.part}: {cost.unfit}; {format_way_out(cost.instead)}; if the "
                "cluster "
                "has other GPUs, name them, as in CLUSTER=8xH200"
            )
