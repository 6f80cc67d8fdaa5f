"""Plan, run or tune a grid: ``python -m sweeps plan|run|tune grid=norm_ablation``."""

from __future__ import annotations

import os
import sys

from harness.schema import SchemaError
from sweeps.arguments import USAGE, parse
from sweeps.tune_arguments import TUNE, TUNE_USAGE, parse_tune

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def main(words: list[str]) -> int:
    """Do it, or say in one message what is wrong. Returns the exit code."""
    if {"-h", "--help"} & set(words):
        print(TUNE_USAGE if words[0] == TUNE else f"{USAGE}\n\n{TUNE_USAGE}")
        return OK
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch reads it: two runs at once beat one on two threads
    from harness.data.errors import DataError  # noqa: PLC0415 - nothing is imported for --help
    from harness.store_errors import StoreError  # noqa: PLC0415
    from sweeps.errors import SweepError  # noqa: PLC0415

    try:
        return _do(words)
    except (SchemaError, SweepError, DataError) as error:
        print(error, file=sys.stderr)
        return WRONG
    except StoreError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted before anything ran", file=sys.stderr)
        return INTERRUPTED


def _do(words: list[str]) -> int:
    from rich.console import Console  # noqa: PLC0415

    from sweeps.grid import read_grid  # noqa: PLC0415
    from sweeps.library import find_grid  # noqa: PLC0415
    from sweeps.report import print_header  # noqa: PLC0415

    if words[:1] == [TUNE]:
        from sweeps.tune import tune  # noqa: PLC0415

        return tune(parse_tune(words[1:]), Console(file=sys.stdout, highlight=False))
    command, arguments = parse(words)
    grid = read_grid(find_grid(arguments.grid), arguments.profile, arguments.seeds)
    console = Console(file=sys.stdout, highlight=False)
    print_header(console, grid)
    console.file.flush()  # a pipe would hold it back
    from sweeps import driver  # noqa: PLC0415 - torch takes a second; the header is on the screen meanwhile

    return {"plan": driver.plan, "run": driver.run}[command](grid, arguments, console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
