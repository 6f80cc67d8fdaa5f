"""The options that a configuration gives, with their places, and notes on what could not be read."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tricks.api import TrickError

MOST_CHARACTERS: Final = 500_000  # longer texts are no configurations
MOST_OPTIONS: Final = 20_000  # an alias of an alias of an alias ... would give billions
DEEPEST: Final = 60  # levels of nested lists, blocks and quotes
LONGEST_NAME: Final = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Given:
    """One option as the user writes it."""

    name: str  # dotted, as written, without the dashes of a flag and the + of an override
    value: Any  # None, bool, int, float, str, or a list or an empty mapping of these
    place: str  # such as "line 12" or "argument 3"


@dataclass(frozen=True, slots=True)
class FormReading:
    """The options of a configuration in the order of the text; each name once, the value that holds."""

    form: str
    given: tuple[Given, ...]
    notes: tuple[str, ...]  # what could not be read: place, fact and way out
    program: str = ""  # that a command starts: a module, a script, or words such as "trl grpo"


@dataclass(frozen=True, slots=True)
class FormHints:
    """A caller's knowledge of the configurations of its framework."""

    programs: tuple[str, ...] = ()  # of the trainer: verl.trainer.main_ppo, grpo_fast.py, trl grpo; the first is best
    constructors: tuple[str, ...] = ()  # classes of options in Python, such as GRPOConfig
    variables: Mapping[str, str] = field(default_factory=dict)  # of the environment of a shell script
    find: Callable[[str], str | None] | None = None  # the text of a file that the configuration names

    def text_of(self, name: str) -> str | None:
        """Return the text of a file that the configuration names, or None where it is not there."""
        found = self.find(name) if self.find and name else None
        return clean(found) if found is not None and len(found) <= MOST_CHARACTERS else None


NO_HINTS: Final = FormHints()


class Options:
    """Options and notes while a text is read. Of two options with one name the later one holds."""

    def __init__(self) -> None:
        self._given: dict[str, Given] = {}
        self._notes: dict[str, None] = {}
        self._full = False

    def add(self, name: str, value: Any, place: str) -> None:
        """Add an option; a mapping with content becomes one option per entry, with dotted names."""
        for path, leaf in flatten(name, value):
            if earlier := self._given.pop(path, None):
                self.note(
                    f"{place}: {path} is given a second time; this one holds, {shorten(earlier.value)} at "
                    f"{earlier.place} does not; keep one"
                )
            if len(self._given) >= MOST_OPTIONS:
                self._stop(place)
                return
            if len(path) > LONGEST_NAME:
                self.note(f"{place}: a name of {len(path)} characters, {path[:40]} ...; no option has such a name")
                continue
            self._given[path] = Given(path, leaf, place)

    def add_below(self, reading: FormReading, place: str) -> None:
        """Add the options and notes of another file, in which ``place`` names it; options that are there hold."""
        own = list(self._given.values())
        names = {each.name for each in own}
        below = [replace(each, place=f"{each.place} of {place}") for each in reading.given if each.name not in names]
        self._given = {each.name: each for each in [*below, *own]}
        for text in reading.notes:
            self.note(f"{place}, {text}")

    def remove(self, name: str) -> None:
        """Remove an option, and those below it, if it is there."""
        for known in [known for known in self._given if known == name or known.startswith(f"{name}.")]:
            del self._given[known]

    def replace(self, name: str, value: Any) -> None:
        """Give an option another value at its place."""
        self._given[name] = replace(self._given[name], value=value)

    def drop(self, name: str) -> None:
        """Remove one option."""
        self._given.pop(name, None)

    def note(self, text: str) -> None:
        """Add a note, once."""
        self._notes.setdefault(text)

    def noted(self) -> list[str]:
        """Return the notes so far."""
        return list(self._notes)

    def given(self) -> list[Given]:
        """Return the options so far."""
        return list(self._given.values())

    def reading(self, form: str) -> FormReading:
        """Return what was read."""
        return FormReading(form, tuple(self._given.values()), tuple(self._notes))

    def _stop(self, place: str) -> None:
        if not self._full:
            self.note(f"{place}: more than {MOST_OPTIONS} options; those after it are not read; give a smaller file")
        self._full = True


def flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a value with their dotted names; lists and empty mappings are leaves."""
    waiting = [(name, value)]
    while waiting:
        path, found = waiting.pop()
        if isinstance(found, dict) and found and len(path) <= LONGEST_NAME:
            waiting.extend((join(path, name_key(key)), leaf) for key, leaf in reversed(found.items()))
        else:
            yield path, found


def join(path: str, key: str) -> str:
    """Return the dotted name of an entry."""
    return f"{path}.{key}" if path else key


def name_key(key: Any) -> str:
    """Return a key of a mapping as part of a dotted name."""
    match key:
        case str():
            return key
        case None:
            return "null"
        case bool():
            return str(key).lower()
        case _:
            return str(key)


def shorten(value: Any) -> str:
    """Return a value for a message, cut to a readable length."""
    text = repr(value) if isinstance(value, (str, float, int, bool, type(None))) else "a list"
    return text if len(text) <= 60 else f"{text[:56]} ..."


def clean(text: str) -> str:
    """Return the text with plain line ends, without characters that no configuration has."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_UNPRINTABLE) if not text.isprintable() else text


class _Unprintable(dict[int, str | int]):
    def __missing__(self, code: int) -> str | int:
        wrong = (code < 32 and code not in (9, 10)) or 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF
        wrong = wrong or code in (0xFEFF, 0xFFFE, 0xFFFF)
        self[code] = "\ufffd" if wrong else code
        return self[code]


_UNPRINTABLE: Final = _Unprintable()


def prepare(text: str, name: str = "") -> str:
    """Return the text in plain characters. Raises TrickError where it is too long for a configuration."""
    if len(text) > MOST_CHARACTERS:
        raise TrickError(
            f"{name or 'the text'}: {len(text)} characters, a configuration has at most {MOST_CHARACTERS}; "
            "give the file with the options"
        )
    return clean(text)


class Lines:
    """The line numbers of places in a text."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        self._starts.extend(index + 1 for index, character in enumerate(text) if character == "\n")

    def at(self, offset: int) -> int:
        """Return the line of an offset, from 1."""
        return bisect_right(self._starts, offset)

    def begin(self, line: int) -> int:
        """Return the offset at which a line begins."""
        return self._starts[min(line, len(self._starts)) - 1]
