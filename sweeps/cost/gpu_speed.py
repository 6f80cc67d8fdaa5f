"""Costs of the runs of a plan on a cluster, corrected by what runs of the same cells took."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Final

from sweeps.cost.gpu import GpuCost, gpu_cost
from sweeps.cost.hardware import Cluster
from sweeps.cost.response_lengths import ResponseLengths, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.config import ExperimentConfig
    from harness.records import RunRecord

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
        return "from the cost model of docs/planning.md; nothing is recorded yet"
