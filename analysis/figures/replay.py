"""The tables and heat maps of replays."""

from __future__ import annotations

import csv
from io import StringIO
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.figures.study import saved
from analysis.study import LAPTOP_WARNING
from analysis.tables import write_result
from harness.common import choose_command
from harness.records import REPLAY_FOLDER, Replay
from harness.tracking import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from harness.records import ArmResult


KINDS: Final = {"paper": "trick of the paper", "peer": "other trick", "preset": "preset"}
_TITLES: Final = ("rule", "kind", "cosine", "norm ratio", "sign flips", "tokens changed")
_NOTES: Final = (
    "Cosine and norm ratio: the rule's gradient against the baseline's. Cosine 1 with another norm is another length "
    "of the step and nothing else; a dash stands where a rule has no gradient on this batch.",
    "Sign flips: share of the coordinates in which the baseline has a gradient and the rule one of the other sign.",
    "Tokens changed: share of sampled tokens whose gradient the trick changes or which it takes out of a denominator, "
    "exactly 0 where it did not fire; of a trick that draws groups anew, tokens of the groups it would replace.",
    "A trick is added to the baseline alone; a preset is whole. Groups that dynamic sampling refuses are left out.",
)


def render_replay_markdown(replay: Replay) -> str:
    """Return a replay as Markdown: the batch, one row per rule, notes and sources."""
    rows = [_TITLES, ("---", "---", *("---:",) * 4), *(_row(replay, arm) for arm in replay.arms)]
    rows += [(title, "", f"— {because}", "", "", "") for title, because in replay.refused.items()]
    above = [f"# replay ({replay.name})", *_warning(replay), _lead(replay)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join((*above, table, "\n".join(f"- {note}" for note in (*_NOTES, *_origin(replay))))) + "\n"


def render_replay_csv(replay: Replay) -> str:
    """Return a replay as CSV with six significant digits; a missing number is an empty field."""
    numbers = [
        (arm.name, arm.kind, *map(_digits, (arm.cosine, arm.norm_ratio, arm.sign_flips, arm.fired)))
        for arm in replay.arms
    ]
    return _csv([("rule", "kind", "cosine", "norm_ratio", "sign_flips", "tokens_changed"), *numbers])


def render_pairwise_csv(replay: Replay) -> str:
    """Return the cosine similarity of each pair of rules as CSV."""
    names = [format_arm_title(arm) for arm in replay.arms]
    rows = [(name, *map(_digits, row)) for name, row in zip(names, replay.cosines, strict=True)]
    return _csv([("rule", *names), *rows])


def format_arm_title(arm: ArmResult) -> str:
    """Return a unique name of a rule; some tricks and presets have the same name."""
    return f"preset {arm.name}" if arm.kind == "preset" else arm.name


def _row(replay: Replay, arm: ArmResult) -> tuple[str, ...]:
    baseline = arm.kind == "preset" and arm.name == replay.baseline
    numbers = (_shown(number) for number in (arm.cosine, arm.norm_ratio, arm.sign_flips, arm.fired))
    return f"`{arm.name}`" + (" (baseline)" if baseline else ""), KINDS[arm.kind], *numbers


def _shown(number: float | None) -> str:
    if number is None:
        return "—"
    return f"{number:.0e}" if 0 < number < 0.0005 else f"{number:.3f}" if number else "0"


def _warning(replay: Replay) -> Iterator[str]:
    if replay.name == "laptop":
        yield f"**{LAPTOP_WARNING}**"


def _lead(replay: Replay) -> str:
    facts = "; ".join(f"{name} {_fact(value)}" for name, value in replay.batch.items())
    return (
        f"The gradient of every rule on one frozen batch of rollouts, with respect to {replay.coordinates:,} "
        f"{replay.gradient_of}, against that of `{replay.baseline}`. The batch: {facts}."
    )


def _fact(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _origin(replay: Replay) -> Iterator[str]:
    yield f"From: {', '.join(f'{name} {value}' for name, value in replay.origin.items())}."
    dirty = " with changes" if replay.provenance.get("dirty") == "yes" else ""
    commit, torch = (replay.provenance.get(name, "unknown") for name in ("commit", "torch"))
    yield f"Commit {commit[:10]}{dirty}, torch {torch}. One batch and one seed, hence no interval."


def _digits(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _csv(rows: list[tuple[str, ...]]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


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
