"""What stops a sweep before its first run: engines that are not installed, models that do not fit their GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engines.deepspeed_settings import refuse_deepspeed
from harness.engines.vllm_fit import refuse_missing
from sweeps.cost_report import way_out
from sweeps.environment import address
from sweeps.errors import SweepError

if TYPE_CHECKING:
    from sweeps.plan import Plan


def refuse_unready(plan: Plan) -> None:
    """Raise SchemaError for engines that this machine lacks, SweepError for runs that would run out of memory.

    The nodes of a cluster have environments of their own, which tell when a run starts there.
    """
    for run in plan.to_run:
        if run.config.backend.vllm and not address():
            refuse_missing()
        if not address():
            refuse_deepspeed(run.config)
        cost = plan.costs.get(run.cell_id)
        if cost and cost.unfit and run.config.backend.num_gpus:
            raise SweepError(
                f"{run.run_id} does not fit on {cost.part}: {cost.unfit}; {way_out(cost.instead)}; say CLUSTER=8xH200, "
                "or whatever it is, where the cluster has other GPUs"
            )
