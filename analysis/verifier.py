"""What a table says of the verifier that scored its runs: how often it errs, by ``make audit``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.audit.counts import wilson
from harness.audit.report import NAME, Report
from harness.data.benchmarks import BENCHMARKS
from harness.results import is_reference, own_or_reference, results_folder, shown
from harness.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from harness.audit.counts import Count


def verifier_note(runs: pd.DataFrame, folder: Path | None = None) -> Iterator[str]:
    """Yield a note where any of the runs was scored by the verifier.

    It is from ``verifier.json`` in ``folder``, which is the results folder where none is given, else in the reference.
    """
    if _scored(runs):
        yield _note(_file(folder or results_folder()))


def borrowed(runs: pd.DataFrame, folder: Path) -> str | None:
    """Return a line that names the file behind the note where it is that of the reference, else None."""
    file = _file(folder)
    if not (_scored(runs) and is_reference(file)):
        return None
    return f"how often the verifier errs: from {shown(file)}, for {folder / file.name} is missing (`make audit`)"


def _file(folder: Path) -> Path:
    return own_or_reference(folder, f"{NAME}.json")


def _scored(runs: pd.DataFrame) -> bool:
    names = [name for name in runs if {*BENCHMARKS} & {*str(name).split("/")}]  # such as "final/math500/avg@8"
    return bool(runs[names].notna().any(axis=None))


def _note(file: Path) -> str:
    try:
        found = Report.from_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"How often the verifier of real mathematics errs is not known: {file} is missing (`make audit`)."
    except (OSError, SchemaError, json.JSONDecodeError, UnicodeDecodeError):
        return f"How often the verifier of real mathematics errs is not known: {file} is no audit (`make audit`)."
    return _errors(found.verifier.total, found)


def _errors(total: Count, found: Report) -> str:
    changed = {"yes": " with changes", "unknown": ", with or without changes"}.get(found.dirty, "")
    return (
        "The verifier of real mathematics errs too: on labelled pairs of our own it rewards "
        f"{_share(total.false_positives, total.wrong)} wrong answers and refuses "
        f"{_share(total.false_negatives, total.right)} right ones (95 % intervals after Wilson; "
        f"commit {found.commit[:10]}{changed}, `make audit`). It was mended on these pairs: on others it may err more."
    )


def _share(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{part} of {whole} [{100 * low:.1f} %, {100 * high:.1f} %]"
