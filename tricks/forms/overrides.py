"""Read overrides of Hydra, ``a.b=1 +c=[1,2] ~d``, by Hydra's rules for values."""

import re
from dataclasses import dataclass
from typing import Any, Final

from tricks.forms.reading import Options, shorten
from tricks.forms.values import read_bracketed, read_hydra_word, split_quoted

OVERRIDE: Final = re.compile(r"(?P<sign>\+\+|\+|~)?(?P<name>[A-Za-z_][\w.@/:$-]*)=(?P<value>.*)", re.DOTALL)
_DELETION: Final = re.compile(r"~(?P<name>[A-Za-z_][\w.@/-]*)(?:=.*)?", re.DOTALL)
_FUNCTION: Final = re.compile(r"(?:choice|range|interval|glob|shuffle|sort|tag)\(.*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command line."""

    text: str
    place: str
    unknown: str = ""  # why its value is not known: a variable of the environment, the result of a command
    bare: str | None = None  # the text outside of unknown parts, where there are any

    def after(self, count: int) -> "Word":
        """Return the word without its first characters."""
        return Word(self.text[count:], self.place, self.unknown, self.bare)

    def is_unknown(self) -> bool:
        """Return True where nothing but a number is left outside of the unknown parts; a path stays a value."""
        return bool(self.unknown) and not re.search(r"[A-Za-z_]{2}|[/,:\[{]", self.bare or "")


def is_override(text: str) -> bool:
    """Return True if the word is an override: a name, an equals sign, a value."""
    return bool(OVERRIDE.fullmatch(text) or _DELETION.fullmatch(text))


def read_override(word: Word, options: Options) -> None:
    """Add one override to the options; a deletion removes what was given before."""
    found = OVERRIDE.fullmatch(word.text)
    if (found and found["sign"] == "~") or (deleted := _DELETION.fullmatch(word.text)):
        name = found["name"] if found else deleted["name"]  # type: ignore[index]
        options.remove(name)
        options.note(f"{word.place}: ~{name} removes the option {name} from the configuration; it has no value")
        return
    if found is None:
        options.note(f"{word.place}: {shorten(word.text)} is no override; write name=value")
        return
    name, value = found["name"], found["value"]
    bare = None if word.bare is None else word.bare.partition("=")[2]
    rest = Word(value, word.place, word.unknown, bare)
    if rest.is_unknown():
        options.note(f"{word.place}: {name} is {value}; {word.unknown}")
        return
    options.add(name, _value(name, value, word.place, options), word.place)


def _value(name: str, text: str, place: str, options: Options) -> Any:
    stripped = text.strip()
    quoted, whole = split_quoted(stripped)
    if whole:
        return quoted
    if stripped[:1] in ("[", "{"):
        found, whole = read_bracketed(stripped)
        if not whole:
            options.note(f"{place}: the value of {name} is no list or mapping that can be read; it is kept as text")
        return found if whole else text
    if _FUNCTION.fullmatch(stripped):
        options.note(f"{place}: {name} takes several values in turn, {shorten(stripped)}; write the one to explain")
        return text
    if "," in stripped and not any(sign in stripped for sign in "${}()[]'\"/ "):
        options.note(f"{place}: {name} takes several values in turn, {shorten(stripped)}; write the one to explain")
        return text
    return read_hydra_word(stripped)
