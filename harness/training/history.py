"""History of a run (reports, evaluations, resource use), saved as JSON without loss."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from harness.common.resources import ResourceMeter, ResourceUse
from harness.common.schema import read_json
from harness.records.outcomes import Evaluation, Evaluations
from harness.training.loop import StepReport

if TYPE_CHECKING:
    from pathlib import Path

CURVES: Final = "metrics.jsonl"
_EVALUATIONS, _SPENT = "evaluations.json", "spent.json"


@dataclass(slots=True)
class RunHistory:
    """Reports, evaluations by moment ("start", "step 10", "final"), and resource use of a run."""

    reports: list[StepReport] = field(default_factory=list)
    moments: dict[str, Evaluations] = field(default_factory=dict)
    usage: ResourceMeter = field(default_factory=ResourceMeter)

    def save(self, folder: Path) -> None:
        """Write the history into a folder."""
        moments = {when: {name: _plain(one) for name, one in found.items()} for when, found in self.moments.items()}
        (folder / CURVES).write_text("".join(map(line, self.reports)), encoding="utf-8")
        (folder / _EVALUATIONS).write_text(json.dumps(moments), encoding="utf-8")
        (folder / _SPENT).write_text(json.dumps(asdict(self.usage.spent())), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; resource use continues from the saved value."""
        lines = (folder / CURVES).read_text(encoding="utf-8").splitlines()
        moments = json.loads((folder / _EVALUATIONS).read_text(encoding="utf-8"))
        spent = read_json(ResourceUse, (folder / _SPENT).read_text(encoding="utf-8"))
        return cls(
            [_report(json.loads(text)) for text in lines],
            {when: {name: _evaluation(one) for name, one in found.items()} for when, found in moments.items()},
            ResourceMeter(spent),
        )


def line(report: StepReport) -> str:
    """Return a step as a line of the metrics file."""
    return json.dumps({"step": report.step, **report.metrics}) + "\n"


def _report(read: dict[str, Any]) -> StepReport:
    return StepReport(read.pop("step"), read)


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    return {name: np.array(getattr(evaluation, name), dtype=object).tolist() for name in Evaluation.__slots__}


def _evaluation(read: dict[str, Any]) -> Evaluation:
    """Return the evaluation with arrays of shape (N, k)."""
    kinds: dict[str, type] = {
        "right": np.bool_,
        "truncated": np.bool_,
        "lengths": np.int64,
        "answers": object,
        "reasons": object,
    }
    if read.get("scores") is not None:
        kinds["scores"] = np.float64
    arrays: dict[str, Any] = {name: np.array(read[name], dtype=kind) for name, kind in kinds.items()}
    return Evaluation(tuple(read["problem_ids"]), **arrays)
