"""The killable process of a reward: a line of JSON in, ``[problem, answer, response]``; a line out.

The first line out is ``["ready"]``, or ``["error", what]`` where the function cannot be had. Each answer is ``["score",
number]``, ``["error", what]`` for an exception or a result that is no score, or ``["memory"]``. It imports nothing but
the standard library and the function, and ends with its standard input.
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import os
import resource
import signal
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.rewards.contract import ARGUMENTS, RESULT

if TYPE_CHECKING:
    from collections.abc import Callable

_MEGABYTE: Final = 1 << 20
_ROUNDING: Final = 1e-9  # by which a sum of parts may miss 0 or 1
_SHOWN: Final = 200


class _WrongError(Exception):
    """A fault of a reward function or of what it returns."""


def main(cpu_seconds: float, memory_mb: int, target: str, root: str, file: str) -> None:
    """Answer requests until there are no more."""
    if sys.platform != "darwin":  # which has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb * _MEGABYTE, memory_mb * _MEGABYTE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    requests, replies = _pipes()
    with requests, replies:

        def reply(*words: Any) -> None:
            print(json.dumps(words), file=replies, flush=True)

        try:
            function = _load(target, root, file)
        except BaseException as error:  # whatever a module raises
            reply("error", _what(error, root))
            return
        reply("ready")
        for line in requests:
            words = _asked(function, dict(zip(ARGUMENTS, json.loads(line), strict=True)), cpu_seconds, root)
            reply(*words)
            if words[0] == "memory":
                return  # what was being held is in no known state


def _pipes() -> tuple[Any, Any]:
    """Keep standard input and output for the parent: what the function reads or prints is neither."""
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
    except (TypeError, ValueError):  # of some built-in functions
        return
    try:
        signature.bind(**dict.fromkeys(ARGUMENTS, ""))
    except TypeError as error:
        raise _WrongError(
            f"{target}{signature} cannot be called with {', '.join(f'{one}=...' for one in ARGUMENTS)}: {error}"
        ) from None


def _asked(function: Callable[..., Any], arguments: dict[str, str], cpu_seconds: float, root: str) -> tuple[Any, ...]:
    # After so many seconds of CPU the kernel ends this process, whatever it is doing: SIGPROF has no handler.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        return "score", _score(function(**arguments))
    except MemoryError:
        return ("memory",)
    except BaseException as error:  # whatever a function raises, SystemExit too
        return "error", _what(error, root)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _score(value: Any) -> float:
    number = value
    if not isinstance(value, (bool, int, float)):
        item = getattr(value, "item", None)  # of a number of numpy's or torch's
        number = item() if callable(item) and getattr(value, "size", 1) == 1 else None
    if isinstance(number, bool):
        return float(number)
    if not isinstance(number, (int, float)):
        raise _WrongError(f"returned {_named(value)}; {RESULT}")
    if not -_ROUNDING <= number <= 1 + _ROUNDING or math.isnan(number):
        raise _WrongError(f"returned {number!r}; {RESULT}")
    return min(max(float(number), 0.0), 1.0)


def _named(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _what(error: BaseException, root: str) -> str:
    """Word the error in a line, with the last place in the user's own code."""
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
