"""Estimate the duration of runs on this machine, from recorded runs or from constants."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Any, Final

from sweeps.cost import (
    ResponseLengths,
    count_sampled_batches,
    estimate_cpu_seconds,
    find_evaluation_limit,
    read_recorded_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.config import ExperimentConfig
    from harness.records import RunRecord

START_SECONDS: Final = 15.0  # start of Ray and imports of its workers, once per sweep
_LARGE: Final = 1.7  # pace of the large embedded model relative to the small one
_SMOL: Final = 300.0  # pace of SmolLM2-135M relative to the small one
_ENGINES: Final = 15.0  # pace of vLLM and DeepSpeed on a CPU relative to PyTorch's engines, for a model of 1 MB
EMBEDDED_MEMORY: Final = 0.8e9  # bytes of a run of an embedded model with the default settings
_ENGINES_MEMORY: Final = 3.3e9  # the same with one vLLM engine and two DeepSpeed ranks
_BESIDE: Final = " on vLLM"  # suffix of a model's name where engines run outside the run's process
REDRAWN: Final = 1.3  # batches per step with dynamic sampling; 1.06 and 1.17 on the embedded base models


@dataclass(frozen=True, slots=True)
class RunSpeed:
    """The ratio of recorded CPU seconds to the cost model, and other data of recorded runs.

    The ratios are given by model and engines.
    """

    paces: Mapping[str, float]
    lengths: ResponseLengths
    draws: Mapping[str, float]  # batches per step with dynamic sampling
    memory: Mapping[str, float]  # peak bytes of a run
    runs: int  # number of recorded runs

    @classmethod
    def of(cls, records: Iterable[RunRecord]) -> RunSpeed:
        """Return the speed of the finished runs; failed runs say nothing about length."""
        done = [record for record in records if record.status == "finished"]
        lengths = ResponseLengths.of(done)
        return cls(
            paces={model: geometric_mean(_pace(record, lengths) for record in runs) for model, runs in _by_model(done)},
            lengths=lengths,
            draws={model: fmean(many) for model, runs in _by_model(done) if (many := list(_redrawn(runs)))},
            memory={model: max(run.peak_memory_mb for run in runs) * 1e6 for model, runs in _by_model(done)},
            runs=len(done),
        )

    def seconds(self, config: ExperimentConfig) -> float:
        """Return the expected seconds of one run on otherwise idle cores."""
        plain = asdict(config)
        held_out = self.lengths.mean(plain, find_evaluation_limit(plain))
        standard = estimate_cpu_seconds(plain, self.lengths.mean(plain), held_out, self.drawn(config))
        return standard * self._pace_of(_kind(plain)) / max(config.backend.num_cpus, 1.0)

    def drawn(self, config: ExperimentConfig) -> float:
        """Return the expected number of batches sampled per step."""
        if config.update_rule().resampling is None:
            return 1.0
        return self.draws.get(_kind(asdict(config)), REDRAWN)

    def memory_of(self, config: ExperimentConfig) -> float | None:
        """Return the peak memory of a run of this model in bytes, or None if unknown.

        It is recorded or, for an embedded model, a measured constant.
        """
        measured = _ENGINES_MEMORY if config.backend.vllm else EMBEDDED_MEMORY
        embedded = measured if config.model.path.startswith("builtin:") else None
        return self.memory.get(_kind(asdict(config)), embedded)

    def _pace_of(self, model: str) -> float:
        relative = [pace / _size(known) for known, pace in self.paces.items()]
        fallback = geometric_mean(relative) if relative else 1.0
        return self.paces.get(model, fallback * _size(model))

    @property
    def source(self) -> str:
        """The source of the estimate, in words."""
        if self.runs:
            return f"from {self.runs} recorded run{'s' * (self.runs > 1)}"
        return "from constants measured on another machine; no run is recorded yet"


def makespan(seconds: Sequence[float], slots: int) -> float:
    """Return the seconds until the last run ends, if the longest runs start first."""
    ends = [0.0] * max(slots, 1)
    for length in sorted(seconds, reverse=True):
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)


def _by_model(records: Iterable[RunRecord]) -> list[tuple[str, list[RunRecord]]]:
    found: dict[str, list[RunRecord]] = {}
    for record in records:
        found.setdefault(_kind(record.config), []).append(record)
    return list(found.items())


def _pace(record: RunRecord, lengths: ResponseLengths) -> float:
    config: Mapping[str, Any] = record.config
    length = read_recorded_length(record) or lengths.mean(config)
    held_out = fmean(record.scores.get(f"{moment}/length", length) for moment in ("start", "final"))
    return max(record.cpu_seconds, 1e-3) / estimate_cpu_seconds(config, length, held_out, count_sampled_batches(record))


def _redrawn(records: Iterable[RunRecord]) -> list[float]:
    return [many for many in map(count_sampled_batches, records) if many > 1]


def _kind(config: Mapping[str, Any]) -> str:
    """Return the key of runs that share one pace: the model and its engines."""
    path: str = config["model"]["path"]
    return path + _BESIDE if config.get("backend", {}).get("vllm") else path


def _size(kind: str) -> float:
    model = kind.removesuffix(_BESIDE)
    size = _SMOL if model == "smol" else _LARGE if "large" in model else 1.0
    return size if model == kind else _ENGINES * size
