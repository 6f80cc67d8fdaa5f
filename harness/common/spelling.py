"""Write dataclasses as ``repr`` wrote them when the text was first stored on disk.

Files keep the old class names, whatever the classes are called today.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def spell_value(value: Any, names: Mapping[type[Any], str]) -> str:
    """Return the ``repr`` of a value with the class names that files use.

    Args:
        value: A dataclass of ``names``, a list or tuple, or any other value, whose own ``repr`` is used.
        names: Maps a class to its name in files.

    Returns:
        The text, such as ``Number(value=Fraction(1, 2))``.

    """
    if type(value) in names:
        parts = (f"{field.name}={spell_value(getattr(value, field.name), names)}" for field in fields(value))
        return f"{names[type(value)]}({', '.join(parts)})"
    if type(value) is list:
        return f"[{', '.join(spell_value(part, names) for part in value)}]"
    if type(value) is tuple:
        return f"({', '.join(spell_value(part, names) for part in value)}{',' if len(value) == 1 else ''})"
    return repr(value)
