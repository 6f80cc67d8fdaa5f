"""Display of runs and studies in MLflow: names, description, prepared view, data sets.

Nothing here identifies a run: commands find runs by the tags of ``harness.tracking.tags``.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlencode

from harness.records import CONTROL_AXIS, CONTROL_OFF, DATA_PREFIX
from harness.tracking.tags import EXPERIMENT_TAG_LIMIT, SEED, escape_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.records import RunHead, RunRecord, Study


NOTE: Final = "mlflow.note.content"  # the description that MLflow shows above a study's runs
VIEW: Final = "mlflow.sharedViewState"  # start of a tag with a view; links name the view by the rest
WRITTEN_LINE: Final = "*Written by the sweep. Remove this line, and sweeps leave your words alone.*"

CELL_NAME: Final = "cell"  # the tag by which the view groups runs
KIND: Final = {"mlflow.experimentKind": "custom_model_development"}  # the pages of training, not those of prompts

_RUN: Final = "attributes.`Run Name`"
_NAME_LIMIT: Final = 200  # characters before the seed; MLflow's names end at 250
_CURVES: Final = ("eval/accuracy", "rollout/accuracy", "reward/mean", "response/length", "policy/entropy")
_DECIDING: Final = "deciding"  # id of the section of charts that is open
# Sections of the other charts, which MLflow adds by the first part of a metric's name. Closed ones cost no request.
_CLOSED: Final = (
    *("advantage", "auc", "best", "cost", "data", "eval", "final", "fired", "groups", "mismatch", "parity", "policy"),
    *("probability", "response", "reward", "rollout", "seconds", "start", "train", "update", "verifier"),
)


def cell_name(head: RunHead, study: Study | None = None) -> str:
    """Return a readable name of a cell: its arm, then its context.

    Args:
        head: Description of a run of the cell.
        study: The study of the run; None for a run outside a grid, whose labels all belong to its arm.

    Returns:
        Words such as "group small_base easy". Two cells may have the same name.

    """
    arms, contexts = _axes(study) if study else (tuple(head.labels), ())
    words = [head.labels[axis] for axis in (*arms, *contexts) if axis in head.labels and axis != CONTROL_AXIS]
    if (control := head.labels.get(CONTROL_AXIS, CONTROL_OFF)) != CONTROL_OFF:
        words.insert(0, control)
    if study is None and "model" not in head.labels:
        words += _setting(head.config)
    return " ".join(words)[:_NAME_LIMIT]


def run_name(head: RunHead, study: Study | None = None) -> str:
    """Return a readable name of a run: ``cell_name``, then its seed."""
    return f"{cell_name(head, study)} s{head.seed}".strip()


def describe_study(studies: Sequence[Study]) -> str:
    """Describe a study in Markdown: its question, its baseline and how to read it.

    Args:
        studies: The same grid under each of its profiles; at least one.

    Returns:
        The text, whose last line is ``WRITTEN_LINE``.

    """
    first = studies[0]
    parts = [f"**Question.** {first.question}", _HOW.format(score=escape_name(first.metric)), *map(_shape, studies)]
    text = "\n\n".join(parts)
    return f"{text[: EXPERIMENT_TAG_LIMIT - len(WRITTEN_LINE) - 2]}\n\n{WRITTEN_LINE}"


def build_view(study: Study, named: bool = True) -> dict[str, str]:
    """Return the experiment tag with the study's view: columns, groups and charts.

    Args:
        study: The study.
        named: Whether all of its runs have the tag ``CELL_NAME``; otherwise groups are named by all axes.

    Returns:
        Tag name -> value; empty where the view is too long for a tag.

    """
    # As the Share button of MLflow's pages stores it: the state of its page, deflated. Links name it by its key.
    text = json.dumps(_state(study, named), separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    value = f"deflate;{packed}"
    return {f"{VIEW}.{_share_key(study)}": value} if len(value) <= EXPERIMENT_TAG_LIMIT else {}


def study_page(pages: str, number: str, study: Study | None = None, charts: bool = False) -> str:
    """Return the address of a study's runs in MLflow's pages.

    Args:
        pages: The address of MLflow's pages.
        number: MLflow's id of the experiment.
        study: The study whose prepared view the experiment has; None opens MLflow's own view.
        charts: Whether the link opens the charts rather than the table.

    Returns:
        The address.

    """
    page = f"{pages.rstrip('/')}/#/experiments/{number}/runs"
    if study is None:
        return page
    mode = {"compareRunsMode": "CHART"} if charts else {}
    return f"{page}?{urlencode({'viewStateShareKey': _share_key(study), **mode})}"


def _axes(study: Study) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the axes that are compared with a baseline, and the axes of the context."""
    crossed = [axis for axis in study.axes if axis != CONTROL_AXIS]
    arms = tuple(axis for axis in crossed if axis in study.baseline)
    return arms, tuple(axis for axis in crossed if axis not in study.baseline)


def _setting(config: Mapping[str, Any]) -> list[str]:
    """Return the names of model and problems for a run outside a grid."""
    model, data = config.get("model", {}), config.get("data", {})
    path = PurePath(str(model.get("path", "")).rpartition(":")[2]).name
    file = PurePath(data.get("path") or "").name
    return [word for word in (path, file or "+".join(data.get("difficulties", ()))) if word]


def _shape(study: Study) -> str:
    arms, contexts = _axes(study)
    lines = [
        f"**Profile {study.profile}.** {len(study.cells)} cells, seeds {', '.join(map(str, study.seeds))}.",
        *(f"- arm `{axis}`: {_labels(study, axis)}; baseline `{study.baseline[axis]}`" for axis in arms),
        *(f"- context `{axis}`: {_labels(study, axis)}" for axis in contexts),
    ]
    if study.controls:
        lines.append(f"- controls, whose effect is known: {', '.join(f'`{each.name}`' for each in study.controls)}")
    if study.margin is not None:
        lines.append(f"- margin of equivalence: {study.margin:g}")
    return "\n".join([lines[0], "", *lines[1:]])


def _labels(study: Study, axis: str) -> str:
    return ", ".join(f"`{label}`" for label in study.axes[axis])


_HOW: Final = (
    "**How to read it.** `{score}` decides. A run's name is its arm, its context and its seed. A cell is one arm in "
    "one context; compare cells of the same context, and seeds in pairs, since they share their problems. A "
    "difference of two means here is no verdict: `make tables` has the paired tests, their correction and the "
    "intervals."
)


def _share_key(study: Study) -> str:
    return f"liteppo-{escape_name(study.profile).replace(' ', '-')}"


def _state(study: Study, named: bool) -> dict[str, Any]:
    """Return the parts of MLflow's view that differ from its default view."""
    arms, contexts = _axes(study)
    axes = [
        axis for axis in (*arms, *contexts, *((CONTROL_AXIS,) if study.controls else ())) if len(study.axes[axis]) > 1
    ]
    tags = [escape_name(f"axis.{axis}") for axis in axes]
    columns = [
        f"metrics.`{escape_name(study.metric)}`",
        *(f"tags.`{tag}`" for tag in (*tags, SEED)),
        "attributes.`Dataset`",
    ]
    groups = [CELL_NAME] if named else tags
    return {
        "searchFilter": f"tags.profile = '{study.profile}'",
        "orderByKey": columns[0],
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [_RUN, *columns],
        "columnWidths": {_RUN: 380, columns[0]: 120, f"tags.`{SEED}`": 60},
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": tag} for tag in groups],
        },
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [*_charts(study.metric)],
        "compareRunSections": [*_sections()],
        "isAccordionReordered": True,
    }


def _charts(metric: str) -> Iterator[dict[str, Any]]:
    yield _chart("BAR", escape_name(metric))
    trained = [metric.removeprefix("train/")] if metric.startswith("train/") else []
    for name in dict.fromkeys((*trained, *_CURVES)):
        yield _chart("LINE", escape_name(name)) | {"selectedMetricKeys": [escape_name(name)], "useGlobalXaxisKey": True}


def _chart(kind: str, metric: str) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"{_DECIDING}-{kind}-{metric}",
        "metricKey": metric,
        "metricSectionId": _DECIDING,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
    }


def _sections() -> Iterable[dict[str, Any]]:
    yield _section(_DECIDING, "What decides", shown=True)
    for name in (*_CLOSED, "Model metrics", "System metrics"):
        yield _section(f"closed-{name}", name, shown=False)


def _section(uuid: str, name: str, shown: bool) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "display": shown, "isReordered": False, "deleted": False, "isGenerated": False}


HELD_OUT: Final = "held out "  # prefix of a benchmark's name

_ARITHMETIC: Final = "arithmetic"  # generated problems
_DIGITS: Final = 16  # of a digest; MLflow takes 36 at most
_WHOLE: Final = "all"  # the whole source


@dataclass(frozen=True, slots=True)
class DataSet:
    """Problems that a run trains on or is scored on."""

    name: str
    digest: str  # hexadecimal; of the rows if their hash is recorded, else of the settings that select them
    context: Literal["train", "eval"]
    source: str  # JSON: what selects the problems

    @property
    def kind(self) -> str:
        """MLflow's type of the source."""
        return "code"


def list_data_sets(record: RunHead | RunRecord) -> tuple[DataSet, ...]:
    """Return the data sets of a run, those it trains on first.

    The result is empty where the run's settings do not name them.
    """
    return (*_trained_on(record), *_scored_on(record))


def _trained_on(record: RunHead | RunRecord) -> Iterator[DataSet]:
    data = record.config.get("data") or {}
    source, part = data.get("source"), data.get("part", _WHOLE)
    names = [f"{source}/{each}" for each in data.get("difficulties", ())]
    if data.get("path"):  # a user's file is recorded by its name or its path
        names = [name for name in _hashed(record.provenance) if not name.startswith(HELD_OUT)]
    for name in names:
        selected = {"source": source, "problems": name, "part": part}
        shown = name if part == _WHOLE else f"{name}, part {part}"
        yield _data_set(shown, "train", selected, _hashed(record.provenance).get(name))


def _scored_on(record: RunHead | RunRecord) -> Iterator[DataSet]:
    settings, hashes = record.config.get("eval") or {}, _hashed(record.provenance)
    for benchmark in settings.get("benchmarks", ()):
        selected = {"benchmark": benchmark, "problems": settings.get("problems")}
        if benchmark == _ARITHMETIC:
            selected["difficulties"] = record.config.get("data", {}).get("difficulties")
        elif benchmark in settings:  # the size of a benchmark that comes in two
            selected["rows"] = settings[benchmark]
        yield _data_set(f"{HELD_OUT}{benchmark}", "eval", selected, hashes.get(f"{HELD_OUT}{benchmark}"))


def _hashed(provenance: Mapping[str, str]) -> dict[str, str]:
    """Return data set name -> SHA-256 of its rows."""
    return {
        name.removeprefix(DATA_PREFIX): digest for name, digest in provenance.items() if name.startswith(DATA_PREFIX)
    }


def _data_set(
    name: str, context: Literal["train", "eval"], selected: Mapping[str, Any], rows: str | None = None
) -> DataSet:
    source = json.dumps({**selected, **({"sha256": rows} if rows else {})}, sort_keys=True)
    return DataSet(name, sha256(source.encode()).hexdigest()[:_DIGITS], context, source)
