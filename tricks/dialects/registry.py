"""The dialects by name. A dialect's rows are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tricks.dialects.dialect import Dialect

# Modules of this package; each has its dialect under its own name in capitals.
_NAMES: Final = (
    "verl",
    "trl",
    "roll",
    "openrlhf",
    "areal",
    "nemo_rl",
    "open_instruct",
    "oat",
    "prime_rl",
    "slime",
    "ms_swift",
    "skyrl",
    "trl_async",
)


class _Dialects(Mapping[str, "Dialect"]):
    """The dialects, each imported at its first use."""

    def __init__(self, newest: bool) -> None:
        self._newest = newest  # with the rows of the newest release alone
        self._found: dict[str, Dialect] = {}

    def __getitem__(self, name: str) -> Dialect:
        if name not in _NAMES:
            raise KeyError(name)
        if name not in self._found:
            dialect: Dialect = getattr(import_module(f"tricks.dialects.{name}"), name.upper())
            self._found[name] = dialect.newest() if self._newest else dialect
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in _NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


ALL_RELEASES: Final[Mapping[str, Dialect]] = _Dialects(newest=False)  # with the rows of every release
DIALECTS: Final[Mapping[str, Dialect]] = _Dialects(newest=True)
