"""Empty modules in place of packages that a function needs to import and never calls."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Names(type):
    """Every attribute of an empty class is an empty class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Empty


class Empty(metaclass=_Names):
    """An empty class; called with one function or class, as a decorator is, it returns that."""

    def __new__(cls, *given: Any, **named: Any) -> Any:
        """Return the only argument if it can be called, else an instance."""
        return given[0] if len(given) == 1 and not named and callable(given[0]) else super().__new__(cls)

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take anything."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Return the first argument, as a decorator with settings does."""
        return given[0] if given else Empty()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Empty()


class _Module(ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Empty


class _Finder(MetaPathFinder, Loader):
    def __init__(self, names: Sequence[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        found = fullname.partition(".")[0] in self.names
        return ModuleSpec(fullname, self, is_package=True) if found else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def install_empty_modules(names: Sequence[str]) -> None:
    """Answer imports of these packages and their modules with empty modules, even if they are installed."""
    sys.meta_path.insert(0, _Finder(names))
