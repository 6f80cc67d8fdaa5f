"""Build a grid from Hydra words: ``preset=grpo,liteppo optim.lr=3e-4,1e-3 steps=8``.

A word with several values is an axis, and its first value is the baseline. A word with one value holds for all cells.
The grid is checked, planned, recorded and resumed like a written one; its name is derived from its words.
"""

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from hashlib import sha256
from typing import Final

from harness.common import SchemaError, suggest
from harness.config import ExperimentConfig, list_config_groups, split_sweep_override
from harness.records import AD_HOC_PREFIX
from sweeps.grid.file import LAPTOP, GridFile
from sweeps.grid.grid import Grid, build_grid

SEEDS: Final = (0, 1, 2, 3, 4, 5)  # with fewer seeds every verdict is exploratory
METRIC: Final = "final/accuracy"
_LONGEST: Final = 60  # characters of the axes in a name
_ON_OFF: Final = {"{}": "on", "null": "off"}  # labels of a trick with its default settings, and without it


def build_ad_hoc_grid(
    words: Sequence[str], profile: str = LAPTOP, seeds: tuple[int, ...] | None = None, options: Sequence[str] = ()
) -> Grid:
    """Build the grid of the words.

    Args:
        words: Hydra overrides; those with several values are the axes.
        profile: a profile of ``profiles.yaml``, or laptop.
        seeds: in place of the six from 0.
        options: the names of the command's own options, which a misspelled word may mean.

    Returns:
        A grid named after its axes and a digest of all words.

    Raises:
        SchemaError: naming the word that is wrong.

    """
    for word in words:
        _refuse_unknown(word, options)
    parsed = [split_sweep_override(word) for word in words]
    keys = [key.lstrip("+") for key, _ in parsed]
    if repeated := next((key for key, count in Counter(keys).items() if count > 1), None):
        raise SchemaError(f"{repeated}: given twice; keep one, with all values")
    swept = {key: values for key, values in parsed if len(values) > 1}
    if not swept:
        raise SchemaError(
            f"{' '.join(words)}: no axis; give a setting several values, as in preset=grpo,liteppo, or start one "
            f"run: {shlex.join(['liteppo', 'run', *words])}"
        )
    common = tuple(word for word, (key, _) in zip(words, parsed, strict=True) if key not in swept)
    axes = dict(zip(_axis_names(list(swept)), (_labels(*axis) for axis in swept.items()), strict=True))
    command = shlex.join(["liteppo", "sweep", *words])
    written = GridFile(
        question=f"What {'do' if len(axes) > 1 else 'does'} {' and '.join(axes)} change? `{command}`",
        metric=METRIC,
        feeds=("study",),
        axes=axes,
        baseline={axis: next(iter(labels)) for axis, labels in axes.items()},
        seeds=SEEDS,
        overrides=common,
    )
    try:
        return replace(build_grid(_name(swept, common, axes), written, profile, seeds), words=tuple(words))
    except SchemaError as error:
        raise SchemaError("\n".join(f"command line: {line}" for line in str(error).splitlines())) from None


def _refuse_unknown(word: str, options: Sequence[str]) -> None:
    """Raise SchemaError where the first part of a key is no setting.

    The word may be a misspelled option.
    """
    key, equals, _ = word.lstrip("+~").partition("=")
    first, known = key.partition(".")[0], {*list_config_groups(), *(part.name for part in fields(ExperimentConfig))}
    if not equals and not word.startswith("~"):
        raise SchemaError(f"{word}: write a setting as NAME=VALUE, with commas between the values of an axis")
    if first not in known:
        raise SchemaError(f"{first}: no such argument; {suggest(first, {*known, *options})}")


def _axis_names(keys: Sequence[str]) -> list[str]:
    """Return ``lr`` for ``optim.lr``, or the whole key where several axes end in the same word."""
    plain = [key.lstrip("+") for key in keys]
    last = Counter(key.rpartition(".")[2] for key in plain)
    return [key.replace(".", "_") if last[end := key.rpartition(".")[2]] > 1 else end for key in plain]


def _labels(key: str, values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the overrides of each label. Raises SchemaError where a value occurs twice."""
    whole_trick = key.lstrip("+").count(".") == 1 and key.lstrip("+").startswith("tricks.")
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        label = _ON_OFF.get(value, value) if whole_trick else value
        label = re.sub(r"[^\w.+:-]+", "_", label.replace("\\", "")).strip("_") or f"value_{len(found)}"
        if (f"{key}={value}",) == found.get(label):
            raise SchemaError(f"{key}: the value {value} appears twice; leave one out")
        found[label if label not in found else f"{label}_{len(found)}"] = (f"{key}={value}",)
    return found


def _name(swept: Mapping[str, Sequence[str]], common: Sequence[str], axes: Mapping[str, object]) -> str:
    """Return a name derived from the axes, the values and the common words.

    The order of the common words does not matter.
    """
    content = json.dumps([[[key.lstrip("+"), *values] for key, values in swept.items()], sorted(common)])
    return f"{AD_HOC_PREFIX}{'_'.join(axes)[:_LONGEST]}_{sha256(content.encode()).hexdigest()[:8]}"
