"""A configuration by one word: ``verl@0.9.1:run.sh``, ``trl@0.22.1`` for its defaults, or the name of a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.dialects import NO_DIALECT, build_rule
from tricks.forms import FormHints, read_text
from tricks.frameworks.explanation import Explanation, explain_options, setup_of
from tricks.frameworks.registry import FRAMEWORKS, find_framework
from tricks.presets import PRESETS
from tricks.rule import UpdateRule
from tricks.settings import suggest

if TYPE_CHECKING:
    from tricks.forms import FormReading
    from tricks.frameworks.spelling import Framework

_MOST_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A rule with its loop, from a configuration or from a preset."""

    label: str
    rule: UpdateRule
    loop: Mapping[str, Any]
    explanation: Explanation | None = None  # None for a preset
    notes: tuple[str, ...] = ()  # of the reader


def load_recipe(word: str, loop: Mapping[str, Any] | None = None) -> LoadedRecipe:
    """Return the recipe that a word names.

    Args:
        word: ``FRAMEWORK[@RELEASE]:FILE``, ``FRAMEWORK[@RELEASE]`` for the defaults, ``PRESET``, or
            ``PRESET@FRAMEWORK[@RELEASE]`` for a preset as a framework computes it.
        loop: The loop of a preset, which has none of its own.

    Returns:
        The recipe.

    Raises:
        TrickError: The word, the file or the release is not known, or the configuration's rule cannot be built.

    """
    head, colon, file = word.partition(":")
    name, _, release = head.partition("@")
    if name in PRESETS and not colon:
        found = dict(loop or {})
        return LoadedRecipe(word, build_rule(name, {}, release or NO_DIALECT, setup_of(found)), found)
    if name.replace("-", "_").lower() not in FRAMEWORKS:
        raise TrickError(f"{word}: no framework or preset; {suggest(name, (*FRAMEWORKS, *PRESETS))}")
    framework = find_framework(name)
    reading = read_file(framework, Path(file)) if colon else None
    explanation = explain_options(framework, release, () if reading is None else reading.given)
    if explanation.rule is None or explanation.problems:
        raise TrickError(f"{word}: the rule is not whole: {'; '.join(explanation.problems)}")
    notes = () if reading is None else reading.notes
    return LoadedRecipe(f"{explanation.emulate}{colon}{file}", explanation.rule, explanation.loop, explanation, notes)


def read_file(framework: Framework, path: Path) -> FormReading:
    """Read a configuration of a framework in any of its forms.

    Args:
        framework: The framework, whose commands pick the launch in a script.
        path: The file. Files that it names are looked for beside it.

    Returns:
        The options with their places, and notes on what could not be read.

    Raises:
        TrickError: The file cannot be opened, is no text, or is too long.

    """
    return read_configuration(framework, _text(path), path.name, path.parent)


def read_configuration(framework: Framework, text: str, name: str, folder: Path | None = None) -> FormReading:
    """Read the text of a configuration.

    Args:
        framework: The framework, whose commands pick the launch in a script.
        text: The configuration.
        name: Its file name, which tells the form; "" leaves it to the text.
        folder: Where files that the text names are looked for; None for nowhere.

    Returns:
        The options with their places, and notes on what could not be read.

    """

    def find(named: str) -> str | None:
        path = None if folder is None else folder / named
        return _text(path) if path is not None and path.is_file() else None

    return read_text(text, name, FormHints(framework.launched, framework.constructors, find=find))


def _text(path: Path) -> str:
    try:
        found = path.read_bytes()
    except OSError as error:
        raise TrickError(f"{path}: {(error.strerror or str(error)).lower()}; name a file of a configuration") from None
    if len(found) > _MOST_BYTES:
        raise TrickError(f"{path}: {len(found):,} bytes; a configuration has at most {_MOST_BYTES:,}")
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrickError(f"{path}: byte {error.start} is not UTF-8; name a text file of a configuration") from None
