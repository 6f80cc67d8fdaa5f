"""``python -m analysis replay``: tables and figures of every replay that was left under results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.output import write
from analysis.replay import comma_separated, markdown, pairwise
from analysis.replay_figure import draw
from harness.clone import typed
from harness.replay_report import FOLDER, Replay
from harness.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REPLAY: Final = typed("make replay", "python -m harness.replay")


def write_replays(results: Path) -> Iterator[Path]:
    """Write them all. Raises StoreError where there is none."""
    reports = sorted((results / FOLDER).glob("replay.*.json"))
    if not reports:
        raise StoreError(f"{results / FOLDER} holds no replay yet; make one with `{_REPLAY}`")
    for report in reports:
        yield from _write(_read(report), results)


def _read(path: Path) -> Replay:
    try:
        return Replay.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or the report of another version
        raise StoreError(f"{path}: {str(error).splitlines()[0]}; remove it and run `{_REPLAY}` again") from None


def _write(replay: Replay, results: Path) -> Iterator[Path]:
    tables = {"md": markdown(replay), "csv": comma_separated(replay), "cosines.csv": pairwise(replay)}
    for ending, text in tables.items():
        yield write(results / "tables" / f"replay.{replay.name}.{ending}", text.encode())
    for ending, content in draw(replay).items():
        yield write(results / "figures" / f"replay.{replay.name}.{ending}", content)
