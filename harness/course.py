"""A run under way: training with its evaluations, which can be saved after any step and taken up again."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from harness.checkpoint import random_state
from harness.checkpoint.export import MODEL
from harness.checkpoint.trace import Trace
from harness.divergence import Diverged, placed
from harness.engines import crew
from harness.evaluate import evaluate, metrics
from harness.practice import practice
from harness.statistics.token_text import token_text
from harness.train import StepReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.config import ExperimentConfig
    from harness.outcomes import Evaluations
    from harness.problems.source import Material


class Course:
    """What ``execute`` follows. ``saved`` is the folder of a checkpoint of an equal run."""

    def __init__(self, config: ExperimentConfig, read: Material, saved: Path | None = None) -> None:
        self._config = config
        self.trace = Trace.load(saved) if saved else Trace()
        self.practice = practice(config, read.tiers, saved)
        self.trace.usage.add(crew.spent)
        self._exams = self.practice.prompts.exams(read.held_out)
        if saved:
            random_state.restore(saved)

    def reports(self) -> Iterator[StepReport]:
        """Yield the reports of all steps; those before a checkpoint come at once. Step 0 is the first evaluation.

        Raises Diverged, with its step and the way out, where numbers are no longer finite.
        """
        yield from tuple(self.trace.reports)
        yield from self._placed(self._trained())

    def _trained(self) -> Iterator[StepReport]:
        if not self.trace.reports:
            unknown = {"data/unknown": self.practice.prompts.unknown(self._exams)}
            yield self._kept(StepReport(0, self._evaluated("start") | self._dropped() | unknown))
        for report in self.practice.reports:
            found = report.metrics | self._dropped()
            if self._evaluates(report.step):
                found |= self._evaluated("final" if report.step == self._config.steps else f"step {report.step}")
            yield self._kept(StepReport(report.step, found))

    def _placed(self, reports: Iterator[StepReport]) -> Iterator[StepReport]:
        """Yield the reports. Where the run diverges, say in which step and what to change."""
        try:
            yield from reports
        except Diverged as error:
            raise placed(error, len(self.trace.reports), self._config) from error

    def save(self, folder: Path) -> None:
        """Write a checkpoint of the step whose report came last into an empty folder."""
        (folder / MODEL).write_text(json.dumps(asdict(self._config.model)), encoding="utf-8")
        self.practice.save(folder, self.trace.reports[-1].step)
        self.trace.save(folder)
        random_state.save(folder)

    def clipped_tokens(self) -> str:
        """The file of what the bounds held back so far."""
        return self.practice.learner.clipped_tokens().to_json(partial(token_text, self.practice.tokenizer))

    def _kept(self, report: StepReport) -> StepReport:
        self.trace.reports.append(report)
        return report

    def _evaluates(self, step: int) -> bool:
        every = self._config.eval.every
        return step == self._config.steps or (every > 0 and step % every == 0)

    def _evaluated(self, moment: str) -> dict[str, float]:
        found: Evaluations = {exam.benchmark: evaluate(self.practice.sampler, exam) for exam in self._exams}
        self.trace.moments[moment] = found
        return metrics(found)

    def _dropped(self) -> dict[str, float]:
        return {"data/too_long": float(self.practice.prompts.too_long)}
