"""Import torch at its first use, not where a trick is named.

Tricks are named, checked and translated without torch, which takes a second to import. The modules of tricks therefore
write ``from tricks.tensors import torch``. The name stands for a module whose attributes are those of torch. The first
access of an attribute keeps it, so that later ones cost as much as with the real module.
"""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch as torch  # noqa: PLC0414 - other modules import the name from here

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def _deferred(name: str) -> ModuleType:
    """Return a module that imports the one of that name when an attribute is read."""
    module = ModuleType(name, f"Stands for {name} until an attribute is read.")

    def read(attribute: str) -> Any:
        if attribute.startswith("__") and attribute != "__version__":  # tools that inspect modules need no torch
            return object.__getattribute__(module, attribute)
        found = getattr(import_module(name), attribute)
        setattr(module, attribute, found)
        return found

    module.__getattr__ = read  # type: ignore[method-assign]  # PEP 562
    return module


if not TYPE_CHECKING:
    torch = _deferred("torch")


def without_gradient(function: _Function) -> _Function:
    """Return the function so that it computes without gradient, as ``torch.no_grad()`` does."""

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        with torch.no_grad():
            return function(*given, **named)

    return called  # type: ignore[return-value]
