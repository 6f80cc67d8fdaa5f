"""Read configurations in blocks of Markdown and in the cells of notebooks."""

import json
import re
from dataclasses import replace
from typing import Final

from tricks.forms.python_form import read_python
from tricks.forms.reading import NO_HINTS, FormHints, FormReading, Given, prepare
from tricks.forms.shell_form import read_shell
from tricks.forms.toml_form import read_toml
from tricks.forms.yaml_form import read_yaml

_FENCE: Final = re.compile(r"^[ \t>]*(?P<marks>```+|~~~+)[ \t]*(?P<language>[\w+-]*)[^\n]*$", re.MULTILINE)
_LANGUAGES: Final = {
    **dict.fromkeys(("python", "py"), read_python),
    **dict.fromkeys(("bash", "sh", "shell", "console", "zsh", ""), read_shell),
    **dict.fromkeys(("yaml", "yml"), read_yaml),
    "toml": lambda text, _: read_toml(text),
}
_MAGIC: Final = re.compile(r"^[ \t]*[%!][^\n]*$", re.MULTILINE)


def read_markdown(text: str, hints: FormHints = NO_HINTS) -> FormReading:
    """Read the block of a Markdown page that gives the most options; notes name the other blocks."""
    text = prepare(text)
    found: list[tuple[int, FormReading]] = []
    for line, language, block in _blocks(text):
        reading = _LANGUAGES[language](block, hints)
        if reading.given and not (reading.form in ("flags", "overrides") and not reading.program):
            found.append((line, _moved(reading, line)))
    if not found:
        return FormReading(
            "markdown", (), ("the page has no block of code with options; give the configuration itself",)
        )
    best = max(found, key=lambda each: len(each[1].given))
    others = [line for line, _ in found if line != best[0]]
    notes = best[1].notes
    if others:
        places = ", ".join(map(str, others[:10]))
        notes = (*notes, f"line {best[0]}: this block is read; others with options begin at line {places}")
    return replace(best[1], notes=notes)


def _blocks(text: str) -> list[tuple[int, str, str]]:
    """Return the lines before blocks of code, their languages and their contents."""
    found = []
    opened: re.Match[str] | None = None
    line, counted = 0, 0
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
            line += text.count("\n", counted, fence.start())
            counted = fence.start()
        elif fence["marks"].startswith(opened["marks"]) and not fence["language"]:
            if opened["language"].lower() in _LANGUAGES:
                found.append((line + 1, opened["language"].lower(), text[opened.end() + 1 : fence.start()]))
            opened = None
    return found


def _moved(reading: FormReading, lines: int) -> FormReading:
    """Return a reading of a block with the lines of the page."""

    def move(text: str) -> str:
        return re.sub(r"\bline (\d+)\b", lambda found: f"line {int(found[1]) + lines}", text)

    given = tuple(Given(each.name, each.value, move(each.place)) for each in reading.given)
    return replace(reading, given=given, notes=tuple(map(move, reading.notes)))


def read_notebook(text: str, hints: FormHints = NO_HINTS) -> FormReading:
    """Read the Python cells of a notebook; the lines are those of the code."""
    try:
        cells = json.loads(prepare(text))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return FormReading("notebook", (), ("the text is no notebook with cells; save it as .ipynb again",))
    return read_python(_MAGIC.sub("", "\n".join(code)), hints)
