"""Exit codes of commands, and the one message on standard error where a command fails."""

import os
import sys
from collections.abc import Callable, Iterable
from typing import Final

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
STOPPED: Final = "stopped; run the same command again to resume"


def ended(command: Callable[[], int], interrupted: str | None = STOPPED) -> int:
    """Run a command and turn its errors into a message and an exit code.

    Args:
        command: the work; it returns its exit code.
        interrupted: the message that Ctrl-C prints; nothing where None.

    Returns:
        The exit code: 2 for bad input, 1 where the store or the disk refuses, 130 for Ctrl-C, else the command's.

    """
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        if interrupted:
            print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except (ValueError, RuntimeError, LookupError) as error:
        if (known := _exit_code(error)) is None:
            raise
        print(error, file=sys.stderr)
        return known
    return code


def printed(lines: Iterable[object]) -> int:
    """Print each line as soon as it is available and return the exit code 0."""
    for line in lines:
        print(line)
    return OK


def _exit_code(error: Exception) -> int | None:
    """Return the exit code of an error that a message explains, or None for a bug."""
    from harness.common import SchemaError  # noqa: PLC0415
    from harness.data import DataError  # noqa: PLC0415 - nothing is imported for --help
    from harness.models import ModelError  # noqa: PLC0415
    from harness.tracking import StoreError  # noqa: PLC0415
    from sweeps.launch import SweepError  # noqa: PLC0415
    from tricks import TrickError  # noqa: PLC0415

    if isinstance(error, StoreError):
        return FAILED
    usage = getattr(sys.modules.get("analysis.commands"), "UsageError", SchemaError)
    return WRONG if isinstance(error, (SchemaError, SweepError, DataError, ModelError, TrickError, usage)) else None
