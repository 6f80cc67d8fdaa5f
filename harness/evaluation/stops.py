"""How a command ends: done, refused in one message, failed for want of a disk, or stopped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.data.errors import DataError
from harness.divergence import Diverged
from harness.engines.engine_errors import EngineError, ParityError
from harness.memory import out_of_memory
from harness.models.locate import ModelError
from harness.schema import SchemaError
from tricks.api import TrickError

if TYPE_CHECKING:
    from collections.abc import Callable


def stopped(command: Callable[[], None]) -> int:
    """Run it; the exit code is 0, 2 for bad input, 1 for a failure such as a full disk, 130 for Ctrl-C."""
    try:
        command()
    except (SchemaError, TrickError, ModelError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, Diverged, EngineError, ParityError) as error:
        advice = "; check the weights of the model, or set model.dtype=float32" if isinstance(error, Diverged) else ""
        print(f"{error}{advice}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        print(out_of_memory(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    return 0
