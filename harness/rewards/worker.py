"""The separate process of a reward function, which can be killed.

Each input line is the JSON list ``[problem, answer, response]``, and each gets one output line. The first output line
is ``["ready"]``, or ``["error", text]`` where the function cannot be loaded. Later lines are ``["score", number]``,
``["error", text]`` for an exception or a result that is not a score, or ``["memory"]``. The process imports only the
standard library and the function. It ends when its standard input ends.
"""

import importlib
import inspect
import json
import math
import os
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from harness.common import deadline, limit_worker
from harness.rewards.contract import ARGUMENTS, RESULT

_ROUNDING: Final = 1e-9  # how far rounding may move a score beyond 0 or 1
_SHOWN: Final = 200


class _WrongError(Exception):
    """A fault of a reward function or of its result."""


def main(cpu_seconds: float, memory_mb: int, target: str, root: str, file: str) -> None:
    """Answer requests from standard input until it ends.

    Args:
        cpu_seconds: CPU time allowed for one call.
        memory_mb: Memory limit of the process in MB.
        target: The function as "package.module:name".
        root: The folder from which the module is imported.
        file: The source file that the module must come from.

    """
    limit_worker(memory_mb)
    requests, replies = _pipes()
    with requests, replies:

        def reply(*words: Any) -> None:
            print(json.dumps(words), file=replies, flush=True)

        try:
            function = _load(target, root, file)
        except BaseException as error:  # whatever a module raises
            reply("error", _error_line(error, root))
            return
        reply("ready")
        for line in requests:
            words = _call(function, dict(zip(ARGUMENTS, json.loads(line), strict=True)), cpu_seconds, root)
            reply(*words)
            if words[0] == "memory":
                return  # after MemoryError the state of the process is unknown


def _pipes() -> tuple[Any, Any]:
    """Reserve standard input and output for the parent, so that the function cannot use them."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="ascii")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, replies


def _load(target: str, root: str, file: str) -> Callable[..., Any]:
    sys.path.insert(0, root)
    name, _, attribute = target.partition(":")
    found: Any = importlib.import_module(name)
    if (got := getattr(found, "__file__", None)) is None or not Path(got).samefile(file):
        raise _WrongError(f"an import of {name} gives {got}, not {file}; rename the module")
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = get_close_matches(part, dir(found), n=1)
            raise _WrongError(f"{name} has no {attribute}" + (f"; did you mean {close[0]!r}?" if close else ""))
        found = getattr(found, part)
    if not callable(found) or isinstance(found, type):
        raise _WrongError(f"{target} is of type {type(found).__name__}, not a function")
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise _WrongError(f"{target} is asynchronous or a generator; a reward returns its score")
    _refuse_signature(found, target)
    function: Callable[..., Any] = found
    return function


def _refuse_signature(function: Any, target: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return
    try:
        signature.bind(**dict.fromkeys(ARGUMENTS, ""))
    except TypeError as error:
        raise _WrongError(
            f"{target}{signature} cannot be called with {', '.join(f'{one}=...' for one in ARGUMENTS)}: {error}"
        ) from None


def _call(function: Callable[..., Any], arguments: dict[str, str], cpu_seconds: float, root: str) -> tuple[Any, ...]:
    with deadline(cpu_seconds):  # for the message of the function's error, too
        try:
            return "score", _score(function(**arguments))
        except MemoryError:
            return ("memory",)
        except BaseException as error:  # whatever a function raises, SystemExit too
            return "error", _error_line(error, root)


def _score(value: Any) -> float:
    number = value
    if not isinstance(value, (bool, int, float)):
        item = getattr(value, "item", None)  # a NumPy or torch number
        number = item() if callable(item) and getattr(value, "size", 1) == 1 else None
    if isinstance(number, bool):
        return float(number)
    if not isinstance(number, (int, float)):
        raise _WrongError(f"returned {_type_name(value)}; {RESULT}")
    if not -_ROUNDING <= number <= 1 + _ROUNDING or math.isnan(number):
        raise _WrongError(f"returned {number!r}; {RESULT}")
    return min(max(float(number), 0.0), 1.0)


def _type_name(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _error_line(error: BaseException, root: str) -> str:
    """Return one line about an error, with the last position in the user's own code."""
    if isinstance(error, _WrongError):
        return str(error)
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root)]
    where = f" ({os.path.relpath(places[-1].filename, root)}:{places[-1].lineno})" if places else ""
    if isinstance(error, SyntaxError):
        where = f" ({error.filename}:{error.lineno})"
    text = " ".join(str(getattr(error, "msg", error)).split())[:_SHOWN]
    return f"{type(error).__name__}{f': {text}' if text else ''}{where}"


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6])
