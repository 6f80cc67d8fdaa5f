"""Write options in the forms that frameworks read, each line with a comment that says why."""

import json
import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tricks.api import TrickError

Option = tuple[str, Any, str]  # the dotted name, the value, the comment or ""
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][\w-]*")


def write_text(form: str, options: Iterable[Option], comments: Iterable[str] = (), program: str = "") -> str:
    """Write options as a text that ``read_text`` reads back.

    Args:
        form: yaml, json, toml, keywords, overrides or flags
        options: dotted names, plain values and comments; JSON has no comments, and leaves them out
        comments: lines above the options
        program: the command that takes the options, a comment in files, or the class that takes keyword arguments

    Returns:
        The text, with one option a line.

    Raises:
        TrickError: the form is unknown or cannot express a value; the message names the option.

    """
    given = list(options)
    if form not in _WRITERS:
        raise TrickError(f"{form}: no such form; choose one of {', '.join(_WRITERS)}")
    for name, value, _ in given:
        _refuse(form, name, value)
    head = "" if form == "json" else "".join(f"# {' '.join(line.split())}\n" for line in comments)
    return head + _called(form, _WRITERS[form](given), program)


def _called(form: str, text: str, program: str) -> str:
    """Return the lines of options inside of a call or before a command; an array of a shell may hold comments."""
    command = program.removeprefix("#").strip()
    if form in ("yaml", "toml") and command:
        return f"# {command}\n{text}"
    if not command or form == "json" or (form == "keywords" and not program.isidentifier()):
        return text
    inside = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{command}(\n{inside})\n" if form == "keywords" else f'ARGS=(\n{inside})\n{command} "${{ARGS[@]}}"\n'


def _refuse(form: str, name: str, value: Any) -> None:
    if form == "toml" and _holds(value, lambda part: part is None):
        raise TrickError(f"{name}: TOML has no null; leave the option out")
    if form in ("flags", "toml", "keywords") and _holds(
        value, lambda part: isinstance(part, float) and math.isnan(part)
    ):
        raise TrickError(f"{name}: nan cannot be written as {form}; give a number")
    if form == "flags" and value in (None, ""):
        raise TrickError(f"{name}: a flag has no null and no empty text; leave the option out")
    if form == "keywords" and not name.isidentifier():
        raise TrickError(f"{name}: no keyword of Python; give its block as one mapping")


def _holds(value: Any, wrong: Callable[[Any], bool]) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return wrong(value) or any(_holds(part, wrong) for part in parts)


def _comment(comment: str) -> str:
    return f"  # {' '.join(comment.split())}" if comment.strip() else ""


def _tree(options: Sequence[Option]) -> dict[str, Any]:
    """Return nested blocks whose leaves are options."""
    tree: dict[str, Any] = {}
    for option in options:
        *path, last = option[0].split(".")
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise TrickError(f"{option[0]}: {part} is an option and a block; keep one")
        if last in inner:
            raise TrickError(f"{option[0]}: given twice; keep one")
        inner[last] = option
    return tree


def _yaml(options: Sequence[Option]) -> str:
    return "".join(_yaml_lines(_tree(options), 0))


def _yaml_lines(tree: Mapping[str, Any], depth: int) -> Iterable[str]:
    for key, node in tree.items():
        written = f"{'  ' * depth}{_key(key)}:"
        if isinstance(node, dict):
            yield f"{written}\n"
            yield from _yaml_lines(node, depth + 1)
        else:
            yield f"{written} {_yaml_value(node[1])}{_comment(node[2])}\n"


def _yaml_value(value: Any) -> str:
    """Return a value in the flow style, which is JSON but for infinite numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' * (value < 0)}.inf"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(str(key))}: {_yaml_value(part)}' for key, part in value.items())}}}"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w/.-]*", value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)


_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "inf", "nan"})


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else json.dumps(key)


def _json(options: Sequence[Option]) -> str:
    def values(tree: Mapping[str, Any]) -> dict[str, Any]:
        return {key: values(node) if isinstance(node, dict) else node[1] for key, node in tree.items()}

    return json.dumps(values(_tree(options)), indent=2) + "\n"


def _toml(options: Sequence[Option]) -> str:
    lines = []
    _tree(options)  # refuses names that are given twice
    for name, value, comment in options:
        lines.append(f"{'.'.join(map(_key, name.split('.')))} = {_toml_value(value)}{_comment(comment)}\n")
    return "".join(lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "-inf" if value < 0 else "inf"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(str(key))} = {_toml_value(part)}' for key, part in value.items())}}}"
    return json.dumps(value).replace("\x7f", "\\u007f")


def _python(options: Sequence[Option]) -> str:
    return "".join(f"{name}={_python_value(value)},{_comment(comment)}\n" for name, value, comment in options)


def _python_value(value: Any) -> str:
    return "1e999" if value == math.inf else "-1e999" if value == -math.inf else repr(value)


def _overrides(options: Sequence[Option]) -> str:
    return "".join(
        f"{shlex.quote(f'{name}={_override_value(value)}')}{_comment(comment)}\n" for name, value, comment in options
    )


def _override_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_override_value, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_override_value(part)}' for key, part in value.items())}}}"
    if isinstance(value, str):
        if re.fullmatch(r"[A-Za-z_/][\w/.-]*", value) and value.lower() not in _WORDS | {"infinity"}:
            return value
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _flags(options: Sequence[Option]) -> str:
    return "".join(f"--{name}{_flag_value(value)}{_comment(comment)}\n" for name, value, comment in options)


def _flag_value(value: Any) -> str:
    if value is True:
        return ""
    if isinstance(value, list) and value and not any(isinstance(part, (list, dict)) or part is None for part in value):
        return f" {' '.join(shlex.quote(_flag_word(part)) for part in value)}"
    word = json.dumps(value) if isinstance(value, (list, dict)) else _flag_word(value)
    return f"={shlex.quote(word)}" if word.startswith("-") else f" {shlex.quote(word)}"


def _flag_word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)


_WRITERS: Final[Mapping[str, Callable[[Sequence[Option]], str]]] = {
    "yaml": _yaml,
    "json": _json,
    "toml": _toml,
    "keywords": _python,
    "overrides": _overrides,
    "flags": _flags,
}
