"""Compare what the code gives now with the fixture, and say in words what differs."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(__file__).parent
SHOWN: Final = 40  # differences that a message lists
ADVICE: Final = (
    "finished runs and other people's files depend on these names: a migration is needed (docs/design.md, 'Names on "
    "disk'); with the migration, or where a name is only new, write the fixture again: python -m tests.golden write"
)


def load(name: str) -> Any:
    """Read one file of the fixture."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def save(name: str, found: Any) -> Path:
    """Write one file of the fixture: sorted, a line each, so that a diff shows what changed."""
    path = FOLDER / f"{name}.json"
    path.write_text(
        json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    return path


def differences(before: Any, now: Any, at: str = "") -> Iterator[str]:
    """Yield a line for each name or value that differs, with the path at which it lies."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            place = f"{at} > {key}" if at else key
            if key not in now:
                yield f"{place}: gone (was {_short(before[key])})"
            elif key not in before:
                yield f"{place}: new ({_short(now[key])})"
            else:
                yield from differences(before[key], now[key], place)
    elif isinstance(before, list) and isinstance(now, list) and before != now:
        gone, new = [one for one in before if one not in now], [one for one in now if one not in before]
        yield from (f"{at}: gone: {_short(one)}" for one in gone)
        yield from (f"{at}: new: {_short(one)}" for one in new)
        if not gone and not new:
            yield f"{at}: another order or number: {_short(before)}, now {_short(now)}"
    elif before != now or type(before) is not type(now):
        yield f"{at}: was {_short(before)}, now {_short(now)}"


def message(name: str, now: Any) -> str:
    """Describe how ``now`` differs from the file of the fixture; empty where it does not."""
    now = json.loads(json.dumps(now, allow_nan=False))  # as it is read back
    found = list(differences(load(name), now))
    if not found:
        return ""
    more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join([f"names on disk changed (tests/golden/{name}.json):", *islice(found, SHOWN), *more, ADVICE])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:157]}..."
