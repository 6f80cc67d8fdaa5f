"""Commands for studies of many runs: ``sweep``, ``plan`` and ``tune``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option, Typer

from harness.common import suggest
from liteppo.endings import ended
from liteppo.words import Command, OverridesCommand, WordError, grid_names, profiles, sweep_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sweeps import SweepOptions
    from sweeps.grid import Grid

BEFORE: Final = "interrupted before any run started"
OPTIONS: Final = ("grid", "profile", "full", "seeds", "twins", "cluster", "effect", "results")

Words = Annotated[
    list[str] | None,
    Argument(
        metavar="[GRID | NAME=VALUE,VALUE...]",
        help="A grid of sweeps/grids or a YAML file (smoke), or the axes of an ad-hoc grid.",
        autocompletion=sweep_words,
        show_default=False,
    ),
]
ProfileOption = Annotated[
    str, Option(metavar="NAME", help="Profile of the grid; laptop always exists.", autocompletion=profiles)
]
Full = Annotated[bool, Option("--full", help="Cross all axes; by default only the quick slices run.")]
Seeds = Annotated[str | None, Option(metavar="0-5", help="Replace the grid's seeds, such as 0,1 or 0-5.")]
Twins = Annotated[str, Option(metavar="keep|once", help="once: run only the first of equivalent cells.")]
ClusterOption = Annotated[
    str | None, Option(metavar="8xH100", help="Plan for these GPUs, such as 2x8xH100; profile gpu: 8xH100.")
]
Effect = Annotated[
    str | None,
    Option(metavar="0.03", help="Print the seeds that detect a difference of this size, in the metric's unit."),
]
Results = Annotated[str | None, Option(metavar="DIR", help="Folder of results; by default RESULTS_DIR or results.")]

EXAMPLES: Final = """\
Examples:
  liteppo {command} norm_ablation --profile laptop --seeds 0-5
  liteppo {command} grid=norm_ablation profile=laptop seeds=0-5
  liteppo {command} preset=grpo,liteppo optim.lr=3e-4,1e-3 steps=20 --seeds 0-5

The last one is an ad-hoc grid: a setting with several values is an axis, and
its first value is the baseline. Without seeds it takes 0-5.

Environment: RAY_ADDRESS, a cluster as host:port; CLUSTER_WAIT, the minutes
to wait for a new node if no node is large enough for a run; MLFLOW_TRACKING_URI,
a tracking server; RESULTS_DIR; LAUNCH=inline, no Ray, for debuggers."""

TUNE_EXAMPLE: Final = """\
Example:
  liteppo tune p8_overlong --knob lr --trials 12 --at filter=on

It writes results/tuned/GRID.KNOB.yaml, for a person to review (docs/guides/tuning.md).
Environment: RAY_ADDRESS, RESULTS_DIR and LAUNCH, as for sweep."""


def sweep(
    grid: Words = None,
    profile: ProfileOption = "laptop",
    full: Full = False,
    seeds: Seeds = None,
    twins: Twins = "keep",
    cluster: ClusterOption = None,
    effect: Effect = None,
    results: Results = None,
) -> int:
    """Run the unfinished runs of a grid; the same line resumes it.

    Exit code 2 for an invalid grid or option, 1 where a run failed, 130 for Ctrl-C.
    """
    given = (grid, profile, full, seeds, twins, cluster, effect, results)
    return ended(lambda: _do("run", sweep_options(*given)), BEFORE)


def plan(
    grid: Words = None,
    profile: ProfileOption = "laptop",
    full: Full = False,
    seeds: Seeds = None,
    twins: Twins = "keep",
    cluster: ClusterOption = None,
    effect: Effect = None,
    results: Results = None,
) -> int:
    """Print the plan of a sweep: cells, runs, cost and detectable differences. Runs nothing."""
    given = (grid, profile, full, seeds, twins, cluster, effect, results)
    return ended(lambda: _do("plan", sweep_options(*given)), BEFORE)


def tune(
    grid: Annotated[
        str, Argument(metavar="GRID", help="A grid of sweeps/grids, or a YAML file.", autocompletion=grid_names)
    ] = "",
    knob: Annotated[
        str, Option(metavar="lr|clip_ratio_high", help="The setting: optim.lr, or that of clip_higher.")
    ] = "",
    profile: ProfileOption = "laptop",
    trials: Annotated[str, Option(metavar="N", help="Values to try for each model.")] = "12",
    low: Annotated[
        str | None, Option(metavar="X", help="Low end; lr: a tenth of the grid's, clip_ratio_high: 0.1.")
    ] = None,
    high: Annotated[
        str | None, Option(metavar="X", help="High end; lr: ten times the grid's, clip_ratio_high: 0.5.")
    ] = None,
    steps: Annotated[str | None, Option(metavar="N", help="Steps of each trial; by default those of the grid.")] = None,
    seeds: Annotated[
        str, Option(metavar="A,B", help="Two or more seeds that no profile of the grid has.")
    ] = "1001,1002",
    at: Annotated[
        str | None, Option(metavar="AXIS=LABEL,...", help="The cell to tune; by default the first of each model.")
    ] = None,
    results: Results = None,
) -> int:
    """Tune a continuous setting for each model of a grid, before the grid is run."""
    given = {"trials": trials, "low": low, "high": high, "steps": steps, "seeds": seeds, "at": at}
    return ended(lambda: _tune(grid, knob, profile, given, results), BEFORE)


def _tune(grid: str, knob: str, profile: str, given: Mapping[str, str | None], results: str | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - nothing is imported for --help

    from harness.common import results_folder  # noqa: PLC0415
    from sweeps import TuneOptions, read_tune_options  # noqa: PLC0415

    for name, value in (("grid", grid), ("knob", knob)):
        if not value:
            raise WordError(f"{name}: required; write {name}=NAME")
    found = read_tune_options({name: value for name, value in given.items() if value is not None})
    folder = results_folder(results)
    options = TuneOptions(grid=grid, knob=knob, profile=profile, results=folder, **found)
    _use_one_thread()
    from sweeps.tuning import run_tuning as tuned  # noqa: PLC0415 - torch takes a second; refuse before

    return tuned(options, Console(file=sys.stdout, highlight=False))


def _use_one_thread() -> None:
    """Set the number of threads before torch reads it.

    Two simultaneous runs with one thread each are faster than one run with two threads.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def sweep_options(
    grid: list[str] | None,
    profile: str,
    full: bool,
    seeds: str | None,
    twins: str,
    cluster: str | None,
    effect: str | None,
    results: str | None,
) -> SweepOptions:
    """Read the options of ``sweep`` and ``plan`` from text.

    Args:
        grid: the name of a grid, or the words of an ad-hoc grid; none means smoke
        profile: the name of a profile
        full: cross all axes
        seeds: seeds such as 0,1 or 0-5; None means those of the grid
        twins: keep, or once to run the first of equivalent cells
        cluster: GPUs such as 2x8xH100; None means those of the profile
        effect: a difference in the unit of the metric, or None
        results: the folder of results; None means the default

    Returns:
        The checked options.

    Raises:
        SchemaError: an option is invalid; the message names it.

    """
    from harness.common import results_folder  # noqa: PLC0415
    from sweeps import SweepOptions, read_effect, read_seeds, read_twins  # noqa: PLC0415
    from sweeps.cost import parse_cluster  # noqa: PLC0415 - nothing is imported for --help

    named, axes = _split(grid or [])
    return SweepOptions(
        grid=named if named is not None else "smoke",
        words=axes,
        profile=profile,
        full=full,
        seeds=None if seeds is None else read_seeds(seeds),
        twins=read_twins(twins),
        cluster=None if cluster is None else parse_cluster(cluster),
        effect=None if effect is None else read_effect(effect),
        results=results_folder(results),
    )


def _split(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Return the named grid and the words of an ad-hoc grid; only one of the two is given."""
    axes = tuple(word for word in words if _is_override(word))
    named = [word for word in words if not _is_override(word)]
    if len(named) > 1:
        raise WordError(f"{' '.join(named)}: one grid at a time; leave out {named[-1]}")
    if not named or not axes:
        return (named[0] if named else None), axes
    name = axes[0].partition("=")[0]
    if name.lstrip("+~").partition(".")[0] not in _settings():
        raise WordError(f"{name}: no such argument; {suggest(name, OPTIONS)}")
    raise WordError(
        f"{axes[0]}: the grid {named[0]} has its own axes; write it into a grid file, or leave out {named[0]}"
    )


def _is_override(word: str) -> bool:
    return ("=" in word or word.startswith("~")) and not (word.endswith(".yaml") and Path(word).is_file())


def _settings() -> set[str]:
    from harness.config import list_config_groups  # noqa: PLC0415 - nothing is imported for --help

    return {*list_config_groups(), "preset", "emulate", "tricks", "steps", "seed"}


def _do(command: str, options: SweepOptions) -> int:
    from rich.console import Console  # noqa: PLC0415 - nothing is imported for --help

    from sweeps.plan import print_header  # noqa: PLC0415

    _use_one_thread()
    grid = _grid(options)
    console = Console(file=sys.stdout, highlight=False)
    print_header(console, grid)
    console.file.flush()  # a pipe would buffer it
    from sweeps import driver  # noqa: PLC0415 - torch takes a second; the header is on the screen meanwhile

    return {"plan": driver.show_plan, "run": driver.run_sweep}[command](grid, options, console)


def _grid(options: SweepOptions) -> Grid:
    from sweeps.grid import find_grid, read_grid  # noqa: PLC0415

    if not options.words:
        return read_grid(find_grid(options.grid), options.profile, options.seeds)
    from sweeps.grid import build_ad_hoc_grid  # noqa: PLC0415 - Hydra, for ad-hoc grids alone

    return build_ad_hoc_grid(options.words, options.profile, options.seeds, OPTIONS)


def add(app: Typer) -> None:
    """Add the commands of this module."""
    panel = "Studies"
    for name, command in (("sweep", sweep), ("plan", plan)):
        app.command(cls=OverridesCommand, epilog=EXAMPLES.format(command=name), rich_help_panel=panel)(command)
    app.command(cls=Command, epilog=TUNE_EXAMPLE, rich_help_panel=panel)(tune)
