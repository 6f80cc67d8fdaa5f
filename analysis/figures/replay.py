"""Write the tables and heat maps of replays."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.figures.study import saved
from analysis.study.layout import LAPTOP_WARNING
from analysis.study.output import write_result
from analysis.tables.replay import format_arm_title, render_pairwise_csv, render_replay_csv, render_replay_markdown
from harness.common.clone import choose_command
from harness.records.replay import REPLAY_FOLDER, Replay
from harness.tracking.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes


SHOWN: Final = ("paper", "preset")  # all tricks would be too small to read; the CSV file has them
CELL: Final = 0.36  # inches
_STYLE: Final[dict[Any, Any]] = {"font.size": 8, "axes.titlesize": 9}


def draw_replay(replay: Replay) -> dict[str, bytes]:
    """Return the heat map of a replay by file ending; equal replays give equal bytes."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"replay.{replay.name}"}):
        figure = _figure(replay)
        return {"svg": saved(figure, "svg", {"Date": None}), "png": saved(figure, "png", {"Software": None})}


def _figure(replay: Replay) -> Figure:
    places = [place for place, arm in enumerate(replay.arms) if arm.kind in SHOWN]
    names = [format_arm_title(replay.arms[place]) for place in places]
    cosines = [[replay.cosines[row][column] for column in places] for row in places]
    side = CELL * len(names)
    figure = Figure(figsize=(side + 3.2, side + 2.6), layout="constrained")
    axes = figure.subplots()
    known = [[float("nan") if value is None else value for value in row] for row in cosines]
    colors = mpl.colormaps["RdBu_r"].with_extremes(bad="#dddddd")
    image = axes.imshow(known, cmap=colors, vmin=-1, vmax=1)
    _label(axes, names, cosines)
    figure.colorbar(image, ax=axes, shrink=0.6, label="cosine of the gradients")
    figure.suptitle(_title(replay), fontsize=9, ha="left", x=0.01)
    return figure


def _label(axes: Axes, names: Sequence[str], cosines: Sequence[Sequence[float | None]]) -> None:
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    for row, values in enumerate(cosines):
        for column, value in enumerate(values):
            text = "—" if value is None else f"{value:.2f}"
            color = "white" if value is not None and abs(value) > 0.75 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=6, color=color)


def _title(replay: Replay) -> str:
    lines = [f"replay ({replay.name}): which rules pull the same way on one batch of rollouts, {replay.gradient_of}"]
    lines += [LAPTOP_WARNING] if replay.name == "laptop" else []
    return "\n".join(fill(line, 110) for line in lines)


_REPLAY: Final = choose_command("make replay", "python -m harness.replay.compare")


def write_replays(results: Path) -> Iterator[Path]:
    """Write the files of all replays. Raises StoreError if there is none or one is unreadable."""
    reports = sorted((results / REPLAY_FOLDER).glob("replay.*.json"))
    if not reports:
        raise StoreError(f"{results / REPLAY_FOLDER} has no replay yet; make one with `{_REPLAY}`")
    for report in reports:
        yield from _write(_read(report), results)


def _read(path: Path) -> Replay:
    try:
        return Replay.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or the report of another version
        raise StoreError(f"{path}: {str(error).splitlines()[0]}; remove it and run `{_REPLAY}` again") from None


def _write(replay: Replay, results: Path) -> Iterator[Path]:
    tables = {
        "md": render_replay_markdown(replay),
        "csv": render_replay_csv(replay),
        "cosines.csv": render_pairwise_csv(replay),
    }
    for ending, text in tables.items():
        yield write_result(results / "tables" / f"replay.{replay.name}.{ending}", text.encode())
    for ending, content in draw_replay(replay).items():
        yield write_result(results / "figures" / f"replay.{replay.name}.{ending}", content)
