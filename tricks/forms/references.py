"""Follow references between options, ``${a.b}``, and the plain resolvers that frameworks register."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tricks.forms.reading import Given, Options
from tricks.forms.values import read_yaml_word

_REFERENCE: Final = re.compile(r"\$\{([^{}$]*)\}")
_LONGEST: Final = 10_000  # characters of a value in which references were put
_LARGEST: Final = 1_000  # values in a list in which references were put
_MOST: Final = 100_000  # references followed in one configuration
_PASSES: Final = 20  # references in references
_MISSING: Final = object()
_HELD: Final = re.compile("\x00([0-9]+)\x01")


def resolve_references(options: Options) -> None:
    """Put values in place of references to other options; note those that stay open.

    A value that is nothing but an open reference is no value: it is left out. In a longer text, such as a path, the
    reference stays as it is written.
    """
    resolver = _Resolver({each.name: each for each in options.given()})
    for given in options.given():
        if not _holds_reference(given.value):
            continue
        if block := resolver.block(given):
            options.drop(given.name)
            for name, value in block:
                options.add(name, value, given.place)
            continue
        value, opened = resolver.resolve(given.value, given.name)
        if value is _MISSING:
            options.drop(given.name)
            options.note(f"{given.place}: {given.name} is {opened[0]}, which is not in this text; write the value")
        else:
            options.replace(given.name, value)


def _holds_reference(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_holds_reference, parts))


class _Resolver:
    def __init__(self, given: dict[str, Given]) -> None:
        self._given = given
        self._done: dict[str, Any] = {}
        self._under_way: set[str] = set()
        self._budget = _MOST
        self._blocks: dict[str, list[str]] | None = None  # by the dotted name of the block

    def block(self, given: Given) -> list[tuple[str, Any]]:
        """Return the options of the block that a value refers to as a whole, under its own name."""
        found = _REFERENCE.fullmatch(given.value.strip()) if isinstance(given.value, str) else None
        if found is None or found[1] in self._given or ":" in found[1]:
            return []
        if self._blocks is None:
            self._blocks = _blocks(self._given)
        name = _absolute(found[1].strip(), given.name)
        inside = self._blocks.get(name, [])
        self._budget -= len(inside)
        if self._budget < 0 or given.name == name or given.name.startswith(f"{name}."):
            return []
        leaves = [
            (f"{given.name}{each[len(name) :]}", self.resolve(self._given[each].value, each)[0]) for each in inside
        ]
        return [(each, value) for each, value in leaves if value is not _MISSING]

    def resolve(self, value: Any, owner: str) -> tuple[Any, list[str]]:
        """Return a value without references, or _MISSING, and the references that stay open."""
        if isinstance(value, list):
            parts = [self.resolve(part, owner) for part in value]
            opened = [reference for _, found in parts for reference in found]
            kept = [before if part is _MISSING else part for (part, _), before in zip(parts, value, strict=True)]
            return (kept if _size(kept) < _LARGEST else value), opened
        if isinstance(value, dict):
            found = {key: self.resolve(part, owner) for key, part in value.items()}
            opened = [reference for _, each in found.values() for reference in each]
            return {key: value[key] if part is _MISSING else part for key, (part, _) in found.items()}, opened
        return self._text(value, owner) if isinstance(value, str) else (value, [])

    def _text(self, text: str, owner: str) -> tuple[Any, list[str]]:
        """Replace the innermost references first, until none changes."""
        held: list[Any] = []
        opened: list[str] = []

        def put(found: re.Match[str]) -> str:
            self._budget -= 1
            inside = _restore(found[1], held) if "\x00" in found[1] else found[1]
            value = self._look_up(inside, held, owner) if self._budget > 0 else _MISSING
            if value is _MISSING:
                opened.append(f"${{{inside}}}")
                value = f"${{{inside}}}"
            held.append(value)
            return f"\x00{len(held) - 1}\x01"

        before = text
        text = text.replace("\x00", "").replace("\x01", "")
        for _ in range(_PASSES if len(text) < _LONGEST else 0):
            text, changes = _REFERENCE.subn(put, text)
            if not changes:
                break
        if whole := _HELD.fullmatch(text):
            value = held[int(whole[1])]
            return (_MISSING, opened) if opened and value == opened[-1] else (value, opened)
        restored = _restore(text, held)
        return (before if len(restored) > _LONGEST else restored), opened

    def _look_up(self, inside: str, held: list[Any], owner: str) -> Any:
        name, colon, rest = inside.partition(":")
        if colon:
            return self._call(name.strip(), rest, owner)
        return self._option(_absolute(name.strip(), owner))

    def _option(self, name: str) -> Any:
        if name in self._done:
            return self._done[name]
        if name in self._under_way or name not in self._given or len(self._under_way) > 50:
            return _MISSING
        self._under_way.add(name)
        value, _ = self.resolve(self._given[name].value, name)
        self._under_way.discard(name)
        self._done[name] = value
        return value

    def _call(self, name: str, rest: str, owner: str) -> Any:
        parts = [part.strip() for part in rest.split(",")]
        match name:
            case "oc.select":
                value = self._option(_absolute(parts[0], owner))
                return read_yaml_word(parts[1]) if value is _MISSING and len(parts) == 2 else value
            case "oc.env":
                return read_yaml_word(parts[1]) if len(parts) == 2 else _MISSING
            case "mul" | "add" | "sum" | "sub" | "div" | "max" | "min":
                return _compute(name, [read_yaml_word(part) for part in parts])
            case _:
                return _MISSING


def _blocks(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the options of each block, for blocks of at most four parts."""
    found: dict[str, list[str]] = {}
    for name in names:
        parts = name.split(".", 5)
        for count in range(1, min(len(parts), 5)):
            found.setdefault(".".join(parts[:count]), []).append(name)
    return found


def _size(value: Any, most: int = _LARGEST) -> int:
    """Return how many values a list holds, counted up to ``most``."""
    count, waiting = 0, [value]
    while waiting and count < most:
        found = waiting.pop()
        count += 1
        waiting.extend(found if isinstance(found, list) else found.values() if isinstance(found, dict) else ())
    return count


def _compute(name: str, numbers: list[Any]) -> Any:
    if len(numbers) != 2 or any(type(number) not in (int, float) or abs(number) > 1e30 for number in numbers):
        return _MISSING
    if name == "div":
        return _divide(*numbers)
    return _OPERATIONS[name](*numbers)


def _divide(one: float, other: float) -> Any:
    if other == 0:
        return _MISSING
    return one // other if type(one) is type(other) is int and one % other == 0 else one / other


_OPERATIONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "mul": operator.mul,
    "add": operator.add,
    "sum": operator.add,
    "sub": operator.sub,
    "max": max,
    "min": min,
}


def _absolute(name: str, owner: str) -> str:
    """Return the full name of a reference such as ``.b`` or ``..c.d`` inside of the option ``owner``."""
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    parts = owner.split(".")
    return ".".join([*parts[: max(0, len(parts) - dots)], name[dots:]])


def _restore(text: str, held: list[Any]) -> str:
    parts = {number: _written(held[int(number)]) for number in set(_HELD.findall(text))}
    length = sum(len(parts[number]) for number in _HELD.findall(text))
    return _HELD.sub(lambda found: parts[found[1]], text) if length <= _LONGEST else "x" * (_LONGEST + 1)


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
