"""One sweep of a study at a time in a results folder."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from harness.lock import BusyError, held
from sweeps.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def study_lock(results: Path, study: str) -> Iterator[None]:
    """Hold ``results/<study>.lock``. Raises SweepError naming the process that holds it, or why it cannot be made."""
    path = results / f"{study}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(held(path))
        except BusyError as holder:
            raise SweepError(f"{study} is being swept already, {holder}; wait for it or stop it") from None
        except OSError as error:
            raise SweepError(
                f"{path} cannot be written: {error.strerror}; make the folder writable or name another with results=DIR"
            ) from None
        yield
