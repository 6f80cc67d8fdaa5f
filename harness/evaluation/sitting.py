"""Sits exams chunk by chunk. What is done is on disk, so that a sitting that was stopped goes on where it was."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING, Final

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.evaluate import answer
from harness.outcomes import Evaluation, Evaluations, join
from harness.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.engines.protocols import Sampler
    from harness.evaluate import Exam

PARTS: Final = "parts"  # the folder of the chunks, until all of them are there


def sit(sampler: Callable[[], Sampler], exams: Sequence[Exam], folder: Path) -> Evaluations:
    """The evaluation of each exam; ``sampler`` is called when something is left to be asked."""
    ready: list[Sampler] = []
    found: Evaluations = {}
    with _progress() as progress:
        for exam in exams:
            bar, done = progress.add_task(exam.benchmark, total=len(exam.tasks), note=""), list[Evaluation]()
            for number, part in enumerate(exam.parts()):
                path = folder / PARTS / f"{exam.benchmark}.{number}.parquet"
                if not path.exists():
                    ready = ready or [sampler()]
                    write(path, _stored(answer(ready[0], part)))
                done.append(Evaluation.of(pd.read_parquet(path)))
                right = join(done).right.mean()
                progress.update(bar, advance=len(part.tasks), note=f"accuracy {right:.3f}")
            found[exam.benchmark] = join(done)
    return found


def clear(folder: Path) -> None:
    """Remove the chunks: their outcomes are in one file now."""
    shutil.rmtree(folder / PARTS, ignore_errors=True)


def _stored(evaluation: Evaluation) -> bytes:
    buffer = io.BytesIO()
    evaluation.frame().to_parquet(buffer, index=False)
    return buffer.getvalue()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), BarColumn(bar_width=None))
    return Progress(
        *columns, TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=Console(file=sys.stderr)
    )
