"""Tell the form of a configuration by its file name and its content, and read it."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tricks.api import TrickError
from tricks.forms.documents import read_markdown, read_notebook
from tricks.forms.json_form import read_json
from tricks.forms.python_form import parse, read_python
from tricks.forms.reading import NO_HINTS, FormHints, FormReading, prepare
from tricks.forms.shell_form import read_options, read_shell
from tricks.forms.toml_form import read_toml
from tricks.forms.yaml_form import read_yaml

_READERS: Final[Mapping[str, Callable[[str, FormHints], FormReading]]] = {
    "yaml": read_yaml,
    "json": lambda text, _: read_json(text),
    "toml": lambda text, _: read_toml(text),
    "python": read_python,
    "shell": read_shell,
    "options": read_options,
    "markdown": read_markdown,
    "notebook": read_notebook,
}
_ENDINGS: Final[Mapping[str, str]] = {
    "yaml": "yaml",
    "yml": "yaml",
    "json": "json",
    "jsonl": "json",
    "toml": "toml",
    "py": "python",
    "ipynb": "notebook",
    "md": "markdown",
    "mdx": "markdown",
    **dict.fromkeys(("sh", "bash", "zsh", "sbatch", "slurm", "job"), "shell"),
}
_LINE: Final = re.compile(r"^[ \t]*(?![ \t#])(?:[^\n]*[^\s])?", re.MULTILINE)
_FLAG: Final = re.compile(r"(?:^|\s)--[A-Za-z][\w.-]*")
_OVERRIDE: Final = re.compile(
    r"(?:\+\+|\+|~)?[A-Za-z_][\w@/-]*(?:\.[\w@/-]+)+=|(?:\+\+|\+)[A-Za-z_][\w.]*=|~[A-Za-z_][\w.]*$"
)
_COMMAND: Final = re.compile(
    r"(?:[A-Za-z_]\w*=\S*\s+)*(?:python[0-9.]*|torchrun|accelerate|deepspeed|uv|trl|swift|ray|srun|nohup|bash|export|set|"
    r"CUDA_VISIBLE_DEVICES=\S*)(?:\s|$)"
)
_TABLE: Final = re.compile(r"\[\[?[A-Za-z_\"'][\w.\"' -]*\]?\]")
_SETTING: Final = re.compile(r"[A-Za-z_\"'][\w.\"'-]*[ \t]*(?P<sign>[:=])(?P<after>[^=]|$)")
_CALL: Final = re.compile(
    r"(?:[A-Za-z_]\w*[ \t]*=[ \t]*)?[A-Za-z_][\w.]*\($|(?:from|import|def|class)[ \t]|[A-Za-z_][\w.]*\([^$]"
)


def read_text(text: str, name: str = "", hints: FormHints = NO_HINTS) -> FormReading:
    """Read a configuration in the form that its file name or its content shows.

    Args:
        text: the content
        name: the name of the file, if there is one
        hints: what the caller knows about the configurations of its framework

    Returns:
        The options, with notes on what could not be read.

    Raises:
        TrickError: no option could be read; the message says why. Nothing else is raised.

    """
    text = prepare(text, name)
    shown = name or "the text"
    if not text.strip():
        raise TrickError(f"{shown}: empty; give a configuration: YAML, JSON, TOML, Python keywords or a command")
    form = recognize_form(text, name)
    reading = _READERS[form](text, hints)
    if reading.given:
        return reading
    if not name or name.rpartition(".")[2].lower() not in _ENDINGS:
        for other in ("python", "yaml", "toml", "shell"):
            second = _READERS[other](text, hints) if other != form else reading
            if second.given and not any("not YAML" in note or "not Python" in note for note in second.notes):
                return second
    told = "; ".join(reading.notes[:3]) or "it holds no options"
    program = f", which starts {reading.program}" if reading.program else ""
    raise TrickError(f"{shown}: no option was read as {form}{program}: {told}")


def recognize_form(text: str, name: str = "") -> str:
    """Return the form of a configuration: yaml, json, toml, python, shell, markdown or notebook."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    start = text.lstrip()
    if start.startswith("#!"):
        return "python" if "python" in start.split("\n", 1)[0] else "shell"
    if start.startswith("{"):
        return "json" if re.match(r"\{\s*(?:\"|\}|$)", start) else "python" if parse(start) else "yaml"
    if re.match(r"\[\s*[{\"]", start):
        return "json"
    lines = [line[0].strip() for line in _LINE.finditer(text[:200_000]) if line[0].strip()][:400]
    if all(line.startswith("--") or _OVERRIDE.match(line) for line in lines):
        return "options"
    return _by_lines(lines)


def _by_lines(lines: list[str]) -> str:
    """Return the form that most lines show."""
    votes = dict.fromkeys(("shell", "python", "toml", "yaml"), 0)
    for line in lines:
        bare = line.strip()
        if _FLAG.search(bare) or bare.endswith("\\") or _COMMAND.match(bare):
            votes["shell"] += 3
        elif _OVERRIDE.match(bare):
            votes["shell"] += 2
        elif _TABLE.fullmatch(bare):
            votes["toml"] += 3
        elif _CALL.match(bare):
            votes["python"] += 3
        elif setting := _SETTING.match(bare):
            _vote(votes, setting["sign"], setting["after"], bare)
        elif bare.startswith("- "):
            votes["yaml"] += 1
    return max(votes, key=lambda form: votes[form]) if any(votes.values()) else "yaml"


def _vote(votes: dict[str, int], sign: str, after: str, line: str) -> None:
    if sign == ":":
        votes["yaml"] += 2
    elif line.endswith((",", ")", "(")):
        votes["python"] += 2
    elif after.isspace():
        votes["toml"] += 1
        votes["python"] += 0
    else:
        votes["shell" if not _keywords(line) else "python"] += 1


def _keywords(line: str) -> bool:
    """Return True for ``a=1, b="x"``."""
    return re.search(r",\s*(?:[A-Za-z_]\w*=|\*\*)", line) is not None
