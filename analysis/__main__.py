"""``python -m analysis COMMAND``: what the store holds, for people. Starts no run."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from analysis.frame import runs_frame
from analysis.mixture import mixture
from analysis.output import write
from analysis.tables import Table, study_table
from harness.results import results_folder
from harness.schema import SchemaError, suggest
from harness.store import Store
from harness.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from harness.records import Study

OPTIONS: Final = ("grid", "profile", "results", "mixed")
# Commands with words of their own.
OWN: Final = {
    "trace": ("cell", "results"),
    "guide": ("model", "length", "rewards", "aligned", "budget", "profile", "results", "mixed"),
}
USAGE: Final = """\
usage: python -m analysis COMMAND [grid=NAME] [profile=NAME] [results=DIR] [mixed=1]

  tables    write results/tables/NAME.PROFILE.md, .csv and .tex: scores, verdicts and what goes with them
  figures   write results/figures/NAME.PROFILE.svg and .png, and learning curves over steps and tokens
  summary   print a short table on the terminal
  replay    write table and figure of each replay under results/runs/replay (make replay)
  takeaways write results/tables/takeaways.PROFILE.*: the paper's claims, judged on all grids (also by tables)
  guide     what to do in a case: model= length= [rewards=] [aligned=] [budget=HOURS]; without words guide.PROFILE.md
  trace     print what stands behind a number: cell=TABLE/LABEL,LABEL/COLUMN
  report    write all of it as one page, results/report.html or report.NAME.PROFILE.html

Without grid and profile: all that the store holds. 
Runs of different commits or machines make no table unless mixed=1."""


class UsageError(ValueError):
    """A wrong call; the message says the right one."""


def main(arguments: Sequence[str]) -> int:
    """Do what is asked. Exit code 2 for a wrong call, 1 where the store or the disk refuses."""
    if {"-h", "--help"} & set(arguments):
        print(USAGE)
        return 0
    try:
        _do(arguments)
        sys.stdout.flush()
    except (UsageError, SchemaError) as error:
        print(error, file=sys.stderr)
        return 2
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _do(arguments: Sequence[str]) -> None:
    command, options = _parse(arguments)
    results = results_folder(options.get("results"))
    if command in ALONE:
        ALONE[command](results, options)
        return
    store = Store.open(results)
    chosen = _chosen(store, options)
    if command in TOGETHER:
        TOGETHER[command](store, chosen, results, options)
        return
    for study in chosen:
        COMMANDS[command](store, study, results)


def _parse(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    command, *rest = arguments or ("",)
    if command not in (known := (*COMMANDS, *TOGETHER, *ALONE)):
        raise UsageError(f"unknown command {command!r}; {suggest(command, known)}" if command else USAGE)
    options = {}
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name not in (words := OWN.get(command, OPTIONS)):
            raise UsageError(f"unknown argument {argument!r}; {suggest(name, words)}")
        if not (equals and value):
            raise UsageError(f"{name} needs a value, as in {name}=NAME")
        options[name] = value
    return command, options


def _chosen(store: Store, options: Mapping[str, str]) -> list[Study]:
    studies = store.studies()
    _tell_unreadable(store, options)
    if not studies:
        raise StoreError(f"{store.place} holds no study yet; run one with `make sweep GRID=smoke`")
    for option, names in (("grid", {s.name for s in studies}), ("profile", {s.profile for s in studies})):
        if options.get(option, next(iter(names))) not in names:
            raise UsageError(f"no {option} {options[option]!r} in {store.place}; {suggest(options[option], names)}")
    wanted = [
        s for s in studies if s.name == options.get("grid", s.name) and s.profile == options.get("profile", s.profile)
    ]
    if not wanted:
        raise UsageError(f"{options['grid']} has no runs of profile {options['profile']} in {store.place}")
    return wanted


def _tell_unreadable(store: Store, options: Mapping[str, str]) -> None:
    """Raises StoreError where the grid that was asked for is among them."""
    faults = [
        fault
        for (name, profile), fault in store.unreadable().items()
        if options.get("grid", name) == name and options.get("profile", profile) == profile
    ]
    if faults and "grid" in options:
        raise StoreError("\n".join(faults))
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)


def _tables(store: Store, studies: Sequence[Study], results: Path, options: Mapping[str, str]) -> None:
    """Studies whose runs do not belong together are named at the end, when all others are written."""
    mixed = _asked(options, "mixed")
    found = [(study, runs_frame(store.records(study.name))) for study in studies]
    reasons = [None if mixed else mixture(study, runs) for study, runs in found]
    counted = [each for each, reason in zip(found, reasons, strict=True) if not reason]
    written = list(_printed(_table_files(store, counted, results)))
    if "grid" not in options:
        written += _printed(_controls(counted, results))
        written += _takeaways(store, studies, results, options)
    _say_borrowed(counted, results)
    if refused := list(filter(None, reasons)):
        raise StoreError("\n".join(refused))
    _say_left(store, results / "tables", written, options)


def _table_files(store: Store, counted: Sequence[tuple[Study, pd.DataFrame]], results: Path) -> Iterator[Path]:
    from analysis.inference.outcomes import shares_of  # noqa: PLC0415
    from analysis.paper.files import write_tables  # noqa: PLC0415 - matplotlib, a second
    from analysis.study_tables import study_tables  # noqa: PLC0415

    for study, runs in counted:
        for table in study_tables(study, runs, partial(store.history, study.name), shares_of(results, study.name)):
            yield from _write_table(results, table)
    yield from write_tables(store, [study for study, _ in counted], results)


def _printed(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        print(path)
        yield path


def _say_borrowed(counted: Sequence[tuple[Study, pd.DataFrame]], results: Path) -> None:
    from analysis.verifier import borrowed  # noqa: PLC0415

    for line in dict.fromkeys(filter(None, (borrowed(runs, results) for _, runs in counted))):
        print(line, file=sys.stderr)


def _say_left(store: Store, folder: Path, written: Sequence[Path], options: Mapping[str, str]) -> None:
    """Name what earlier calls wrote of runs that are gone, where all that the store holds was written now."""
    from analysis.leftovers import said  # noqa: PLC0415

    everything = not ({"grid", "profile"} & options.keys() or store.unreadable())
    if everything and (line := said(folder, written)):
        print(line, file=sys.stderr)


def _controls(counted: Sequence[tuple[Study, pd.DataFrame]], results: Path) -> Iterator[Path]:
    from analysis.controls_table import controls_table  # noqa: PLC0415

    for profile in sorted({study.profile for study, _ in counted}):
        table = controls_table([(study, runs) for study, runs in counted if study.profile == profile])
        if table is not None:
            yield from _write_table(results, table)


def _write_table(results: Path, table: Table) -> Iterator[Path]:
    from analysis.render import comma_separated, latex, markdown  # noqa: PLC0415

    for ending, render in (("md", markdown), ("csv", comma_separated), ("tex", latex)):
        yield write(results / "tables" / f"{table.name}.{ending}", render(table).encode())


def _takeaways(store: Store, studies: Sequence[Study], results: Path, options: Mapping[str, str]) -> list[Path]:
    from analysis.takeaways.command import write_takeaways  # noqa: PLC0415

    if "grid" in options:
        raise UsageError("takeaways are judged on all grids together; leave grid out")
    return list(_printed(write_takeaways(store, studies, results, _asked(options, "mixed"))))


def _asked(options: Mapping[str, str], name: str) -> bool:
    if options.get(name, "0") not in {"0", "1"}:
        raise UsageError(f"{name}={options[name]}: write {name}=1, or leave it out")
    return options.get(name) == "1"


def _table(store: Store, study: Study) -> Table:
    return study_table(study, runs_frame(store.records(study.name)))


def _figures(store: Store, studies: Sequence[Study], results: Path, options: Mapping[str, str]) -> None:
    from analysis.paper.files import write_figures  # noqa: PLC0415 - matplotlib, a second

    written = [path for study in studies for path in _printed(_study_figures(store, study, results))]
    written += _printed(write_figures(store, studies, results))
    _say_left(store, results / "figures", written, options)


def _study_figures(store: Store, study: Study, results: Path) -> Iterator[Path]:
    from analysis.figures import draw  # noqa: PLC0415 - matplotlib, a second
    from analysis.trajectory.figure import draw_curves  # noqa: PLC0415

    runs, history = runs_frame(store.records(study.name)), partial(store.history, study.name)
    for kind, drawn in (("", draw), ("curves.", draw_curves)):
        for ending, content in drawn(study, runs, history).items():
            yield write(results / "figures" / f"{study.name}.{study.profile}.{kind}{ending}", content)


def _summary(store: Store, study: Study, _results: Path) -> None:
    from analysis.summary import summary  # noqa: PLC0415

    print(summary(_table(store, study), study.baseline))


def _replay(results: Path, _options: Mapping[str, str]) -> None:
    from analysis.replay_files import write_replays  # noqa: PLC0415 - matplotlib, a second

    for path in write_replays(results):
        print(path)


def _trace(results: Path, options: Mapping[str, str]) -> None:
    from analysis.trace.address import TraceError  # noqa: PLC0415
    from analysis.trace.command import trace  # noqa: PLC0415

    try:
        print(trace(Store.open(results), results, options.get("cell", "")))
    except TraceError as error:
        raise UsageError(str(error)) from None


def _guide(results: Path, options: Mapping[str, str]) -> None:
    from analysis.guide.command import guide  # noqa: PLC0415
    from analysis.guide.scenario import ScenarioError  # noqa: PLC0415

    try:
        print(guide(Store.open(results), results, options, _asked(options, "mixed")))
    except ScenarioError as error:
        raise UsageError(str(error)) from None


def _report(store: Store, studies: Sequence[Study], results: Path, options: Mapping[str, str]) -> None:
    from analysis.report.page import Options, page  # noqa: PLC0415

    chosen = Options(claims="grid" not in options, mixed=_asked(options, "mixed"))
    name = ".".join(("report", *(options[part] for part in ("grid", "profile") if part in options), "html"))
    print(write(results / name, page(store, studies, results, chosen).encode()))


COMMANDS: Final = {"summary": _summary}  # study by study
ALONE: Final = {"replay": _replay, "guide": _guide, "trace": _trace}  # not study by study, or without any
TOGETHER: Final[Mapping[str, Callable[[Store, Sequence[Study], Path, Mapping[str, str]], object]]] = {
    "tables": _tables,
    "figures": _figures,
    "takeaways": _takeaways,
    "report": _report,
}  # all chosen studies at once

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
