"""Read the options of the training command in a shell script, or of a command line alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tricks.forms.arguments import add_words, is_flag
from tricks.forms.overrides import Word, is_override
from tricks.forms.programs import matches
from tricks.forms.reading import NO_HINTS, FormHints, FormReading, Options, prepare
from tricks.forms.references import resolve_references
from tricks.forms.shell_lexer import Lexer
from tricks.forms.shell_script import Launch, Script, words_of
from tricks.forms.shell_values import Budget, Variables

_MOST_NOTED: Final = 8  # other launches


def read_shell(text: str, hints: FormHints = NO_HINTS) -> FormReading:
    """Read the options of one command in a shell script.

    Of several commands the one counts whose program stands first in ``hints.programs``, then the one that is reached
    without conditions, then the one with the most options; notes name the others. Branches whose condition is known
    only when the script runs are read as not taken, unless they hold the command itself. A loop is read with its first
    value. Variables that are set nowhere are empty in conditions and unknown in options.

    Args:
        text: the script
        hints: programs of the trainer, variables of the environment, and files beside the script

    Returns:
        The options with the lines of the script, and ``program``.

    """
    script = Script(hints, Variables(hints.variables))
    script.read(prepare(text))
    hints = replace(hints, find=script.text_of)
    options = Options()
    for note in script.notes:
        options.note(note)
    chosen = _choose(script.launches, hints, options)
    form = _add_loose(script, options, hints) if chosen is None else _add_launch(chosen, script, options, hints)
    resolve_references(options)
    program = chosen.program.name if chosen else ""
    return replace(options.reading(form), program=program)


def read_options(text: str, hints: FormHints = NO_HINTS) -> FormReading:
    """Read options without the command before them: flags and overrides, on one line or one a line.

    Args:
        text: words as a shell takes them, with quotes and comments
        hints: variables of the environment, and files beside the text

    Returns:
        The options with their lines.

    """
    lexer = Lexer(prepare(text))
    tokens = [token for token in lexer.read() if token.kind == "word"]
    options = Options()
    for note in lexer.notes:
        options.note(note)
    try:
        words = words_of(Variables(hints.variables).words(tokens))
    except Budget:
        options.note("the text expands to more than can be read; give the options as they are")
        words = []
    form = add_words([word for word in words if word.text.strip()], options, hints)
    resolve_references(options)
    return options.reading(form)


def _choose(launches: Sequence[Launch], hints: FormHints, options: Options) -> Launch | None:
    """Return the launch to read, and note the others."""
    ranked = sorted(launches, key=lambda launch: _rank(launch, hints))
    if not ranked:
        return None
    best = ranked[0]
    if _order(best, hints) == len(hints.programs) and hints.programs:
        options.note(
            f"line {best.line}: this starts {best.program.name}, and nothing here starts {hints.programs[0]}; "
            "give the script of the trainer"
        )
    for other in ranked[1 : _MOST_NOTED + 1]:
        if other.program.name != best.program.name and hints.programs and _order(other, hints) == len(hints.programs):
            continue
        if len(other.program.arguments) < 3:
            continue
        options.note(
            f"line {other.line}: {other.program.name} is started here too; the command at line {best.line} is read; "
            "give the other one alone to read it"
        )
    return best


def _rank(launch: Launch, hints: FormHints) -> tuple[int, bool, int, int]:
    count = sum(is_flag(word.text) or is_override(word.text) for word in launch.program.arguments)
    return _order(launch, hints), bool(launch.taken), -count, launch.line


def _order(launch: Launch, hints: FormHints) -> int:
    """Return the place of a program in the hints, or their number for another program."""
    places = [place for place, wanted in enumerate(hints.programs) if matches(launch.program.name, wanted)]
    return places[0] if places else len(hints.programs)


def _add_launch(launch: Launch, script: Script, options: Options, hints: FormHints) -> str:
    if launch.taken:
        options.note(
            f"{launch.taken}; the command at line {launch.line} stands there and is read as if it were reached"
        )
    for doubt in launch.doubts:
        options.note(doubt)
    words = [word for word in launch.program.arguments if not _is_argument_of_script(word)]
    form = add_words(words, options, hints)
    for line, values, after_comment in script.loose:
        if after_comment:
            names = ", ".join(value.text for value in values[:40] if is_flag(value.text) or is_override(value.text))
            options.note(
                f"line {line}: the comment above ends the command, so these never reach the program: {names[:200]}; "
                "move the comment"
            )
    return form


def _is_argument_of_script(word: Word) -> bool:
    """Return True for $1 and the like that stand alone; without arguments they are nothing."""
    return word.bare == "" and len(word.text) == 2 and word.text[1] in "@*123456789"


def _add_loose(script: Script, options: Options, hints: FormHints) -> str:
    """Add options that stand alone or in arrays, as a part of a script has them."""
    form = "flags"
    for line, values, _ in script.loose:
        form = add_words(words_of([(line, value) for value in values]), options, hints)
    if not script.loose:
        for _, words in script.arrays:
            found = words_of(words)
            if found and (is_flag(found[0].text) or is_override(found[0].text)):
                form = add_words(found, options, hints)
    return form
