"""Read the arguments of a command: flags, ``--name value``, and overrides, ``a.b=1``, in any mixture."""

import re
from collections.abc import Sequence
from typing import Final

from tricks.forms.defaults import below_folder
from tricks.forms.json_form import read_json
from tricks.forms.overrides import OVERRIDE, Word, is_override, read_override
from tricks.forms.reading import NO_HINTS, FormHints, FormReading, Options, prepare, shorten
from tricks.forms.references import resolve_references
from tricks.forms.toml_form import read_toml
from tricks.forms.values import read_word
from tricks.forms.yaml_form import read_yaml_tree

_FLAG: Final = re.compile(r"(?P<dashes>--?)(?P<name>[A-Za-z_][\w.\-/:]*)(?:=(?P<value>.*))?", re.DOTALL)
_CONFIG: Final = re.compile(r"--?(?:config|config[-_](?:file|path|name|dir)|cfg|cfg[-_]path)")
_SWITCHES: Final = {"--multirun", "-m", "--resolve", "--version"}  # of Hydra, and no options of the configuration
READABLE: Final = (".yaml", ".yml", ".toml", ".json")


def read_arguments(arguments: Sequence[str], hints: FormHints = NO_HINTS) -> FormReading:
    """Read the arguments of a command as a shell hands them over.

    Args:
        arguments: flags with their values, overrides, names of configuration files
        hints: with ``find``, configuration files that they name are read below them

    Returns:
        The options; those of a program that takes flags without dashes before their names.

    Raises:
        TrickError: the arguments are too long for a configuration.

    """
    words = [Word(prepare(text), f"argument {number}") for number, text in enumerate(arguments, start=1)]
    options = Options()
    form = add_words(words, options, hints)
    resolve_references(options)
    return options.reading(form)


def add_words(words: Sequence[Word], options: Options, hints: FormHints) -> str:
    """Add the options that words give, and those of files that they name; return the form: flags or overrides."""
    flags, files, index = 0, _Files(options, hints), 0
    total = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word.text == "@" and index < len(words):
            files.name(words[index], "@")
            index += 1
        elif word.text.startswith("@") and word.text.endswith(READABLE):
            files.name(word.after(1), "@")
        elif word.text in _SWITCHES or word.text == "--":
            continue
        elif is_flag(word.text):
            flags, total = flags + 1, total + 1
            index = _add_flag(word, words, index, options, files)
        elif is_override(word.text):
            total += 1
            read_override(word, options)
        elif word.text.endswith(READABLE):
            files.name(word, "")
        elif word.unknown:
            options.note(f"{word.place}: {shorten(word.text)} may hold options; {word.unknown}")
        elif word.text.strip():
            options.note(f"{word.place}: {shorten(word.text)} is neither a flag nor name=value; it is not read")
    files.read()
    return "flags" if 2 * flags >= total else "overrides"


def is_flag(text: str) -> bool:
    """Return True for --name and -n, and not for a negative number."""
    return text.startswith("-") and _FLAG.fullmatch(text) is not None


def _add_flag(word: Word, words: Sequence[Word], index: int, options: Options, files: "_Files") -> int:
    """Add one flag with the words that are its values; return the index after them."""
    found = _FLAG.fullmatch(word.text)
    if found is None:
        return index
    values, name = [], found["name"]
    if found["value"] is not None:
        length = len(word.text) - len(found["value"])
        bare = None if word.bare is None else word.bare.partition("=")[2]
        values = [Word(word.text[length:], word.place, word.unknown, bare)]
    while found["value"] is None and index < len(words) and _is_value(words[index], bool(values)):
        values.append(words[index])
        index += 1
    if _CONFIG.fullmatch(f"{found['dashes']}{name}"):
        files.option(name, values, word.place)
        return index
    if unknown := next((value for value in values if value.is_unknown()), None):
        options.note(f"{unknown.place}: {name} is {shorten(unknown.text)}; {unknown.unknown}")
        return index
    read = [read_word(value.text) for value in values]
    options.add(name, True if not read else read[0] if len(read) == 1 else read, word.place)
    return index


def _is_value(word: Word, more: bool) -> bool:
    """Return True if a word after a flag belongs to it; ``more`` where the flag has a value already."""
    if word.text == "--" or is_flag(word.text) or (word.unknown and word.text.endswith("[@]")):
        return False
    if word.text == "@" or (word.text.startswith("@") and word.text.endswith(READABLE)):
        return False
    found = OVERRIDE.fullmatch(word.text)
    if found is None:
        return not (word.text.startswith("~") and is_override(word.text))
    return not (found["sign"] or "." in found["name"] or more)


class _Files:
    """Configuration files that a command names; their options lie below those of the command."""

    def __init__(self, options: Options, hints: FormHints) -> None:
        self._options, self._hints = options, hints
        self._named: list[tuple[str, str]] = []
        self._folder, self._name, self._place = "", "", ""

    def option(self, name: str, values: Sequence[Word], place: str) -> None:
        """Take a flag such as --config or --config-name, whose values name files."""
        kind = name.lower().replace("_", "-")
        if len(values) != 1:
            self._options.note(f"{place}: --{name} names a file that is not known here; explain that file")
        elif kind in ("config-path", "config-dir") and not values[0].text.endswith(READABLE):
            self._folder, self._place = (
                (values[0].bare or "").lstrip("/") if values[0].unknown else values[0].text,
                place,
            )
        elif values[0].unknown and kind == "config-name":
            self._options.note(f"{place}: --{name} names a file that is not known here; explain that file")
        elif kind == "config-name":
            self._name, self._place = values[0].text, place
        else:
            self.name(values[0], name)

    def name(self, word: Word, flag: str) -> None:
        """Take the name of a file."""
        if word.unknown and (word.bare or "").endswith(READABLE):
            self._named.append(((word.bare or "").lstrip("/"), word.place))
        elif word.unknown:
            self._options.note(f"{word.place}: the configuration file {word.text} is not known; {word.unknown}")
        else:
            self._named.append((word.text, word.place))

    def read(self) -> None:
        """Add the options of the files, a later file before an earlier one, below the options of the command."""
        if self._name:
            path = self._name if self._name.endswith(READABLE) else f"{self._name}.yaml"
            folder = self._folder.rstrip("/")
            self._named.insert(0, (f"{folder}/{path}" if folder else path, self._place))
        for name, place in reversed(self._named):
            found = read_named_file(name, self._hints) or read_named_file(name.rpartition("/")[2], self._hints)
            if found is None:
                self._options.note(
                    f"{place}: the options of the configuration file {name} are not read; "
                    "put it beside this one, or explain it"
                )
            else:
                self._options.add_below(found, name)


def read_named_file(name: str, hints: FormHints) -> FormReading | None:
    """Return the options of a configuration file, references left as they are, or None where it is not found."""
    text = hints.text_of(name)
    if text is None:
        return None
    if name.endswith(".toml"):
        return read_toml(text)
    return (
        read_json(text) if name.endswith(".json") else read_yaml_tree(text, below_folder(hints, name)).reading("yaml")
    )
