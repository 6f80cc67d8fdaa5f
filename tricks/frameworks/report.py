"""An explanation as text for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from tricks.catalog import find_trick
from tricks.formula import write_formula
from tricks.frameworks.explanation import EMPTY
from tricks.frameworks.spelling import LOOP
from tricks.settings import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tricks.frameworks.explanation import Explanation, Placed
    from tricks.frameworks.reading import Origin
    from tricks.rule import UpdateRule

_WIDTH: Final = 100


def report_lines(explanation: Explanation, title: str, read_notes: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines of an explanation.

    Args:
        explanation: The explained configuration.
        title: The framework and the file, for the first line.
        read_notes: Remarks of the reader of the file.

    Yields:
        Lines of text: the rule, its settings with their origin, the loop, and the place of every option.

    """
    yield title
    yield from _block("on reading it", read_notes)
    yield from _block("the rule is not whole", explanation.problems)
    if explanation.rule is not None:
        if not explanation.problems:  # without them, the default would stand for a choice that is not read
            yield from _block("the rule", write_formula(explanation.rule))
        yield from _block("settings in effect", _settings(explanation, explanation.rule))
    yield from _block("keep", _loop(explanation))
    yield from _block("cannot act here", explanation.idle)
    yield from _block("known faults of this release that hit this configuration", _faults(explanation))
    yield from _block("nearest preset", _nearest(explanation))
    yield from _block("remarks", explanation.notes)
    yield from _block(
        "not in this release", (f"{each.name} ({each.place}): {each.because}" for each in explanation.unknown)
    )
    yield from _block("change the update, and no trick computes them", _placed(explanation.not_modeled))
    yield from _block("not placed: their effect on the update is not known here", _placed(explanation.unplaced))
    yield from _block("no effect on the update", _wrapped(explanation.no_effect))
    if not explanation.problems:
        yield from _block("as a command", [run_command(explanation)])


def run_command(explanation: Explanation) -> str:
    """Return the command of this project that trains with the explained rule."""
    return " ".join(("liteppo run", *map(_quoted, overrides_of(explanation))))


def overrides_of(explanation: Explanation) -> list[str]:
    """Return the Hydra overrides that make the explained rule, without the loop."""
    words = [f"preset={EMPTY}", f"emulate={explanation.emulate}"]
    for trick, settings in explanation.tricks.items():
        inner = ",".join(f"{key}:{_hydra(value)}" for key, value in settings.items())
        words.append(f"tricks.{trick}={{{inner}}}")
    return words


LOOP_IN_OPTIM: Final = ("updates_per_rollout", "epochs", "lr", "weight_decay", "max_grad_norm", "warmup_steps")


def loop_overrides(explanation: Explanation) -> list[str]:
    """Return the Hydra overrides of the loop's settings that the configuration writes out."""
    return [
        f"{'optim' if key in LOOP_IN_OPTIM else 'rollout'}.{key}={format_value(explanation.loop[key])}"
        for key in explanation.written_loop
    ]


def to_dict(explanation: Explanation, form: str = "", read_notes: Iterable[str] = ()) -> dict[str, Any]:
    """Return an explanation as plain values.

    Args:
        explanation: The explained configuration.
        form: The form of the file: "yaml", "shell", ...
        read_notes: Remarks of the reader of the file.

    Returns:
        A document for JSON. Its overrides start a run (``+from=FILE``); they are None where the rule is not whole.

    """
    rule = explanation.rule
    return {
        "framework": explanation.framework,
        "release": explanation.release,
        "form": form,
        "whole": explanation.whole,
        "overrides": None if explanation.problems else [*overrides_of(explanation), *loop_overrides(explanation)],
        "preset": EMPTY,
        "emulate": explanation.emulate,
        "tricks": explanation.tricks,
        "loop": dict(explanation.loop),
        "rule": None if rule is None else rule.settings(),
        "formula": [] if rule is None else list(write_formula(rule)),
        "settings": [_origin_dict(origin, explanation) for origin in explanation.origins],
        "idle": list(explanation.idle),
        "faults": [{"name": each.name, "text": each.text, "source": each.source} for each in explanation.faults],
        "nearest": None
        if explanation.nearest is None
        else {
            "preset": explanation.nearest.preset,
            "source": explanation.nearest.source,
            "differs": list(explanation.nearest.differs),
        },
        "notes": [*read_notes, *explanation.notes],
        "problems": list(explanation.problems),
        "unknown": [
            {"option": e.name, "value": e.value, "place": e.place, "because": e.because} for e in explanation.unknown
        ],
        "not_modeled": [_placed_dict(each) for each in explanation.not_modeled],
        "unplaced": [_placed_dict(each) for each in explanation.unplaced],
        "no_effect": [_placed_dict(each) for each in explanation.no_effect],
    }


def to_json(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text; values that JSON lacks become text."""
    return json.dumps(document, indent=1, default=str)


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in found)


def _settings(explanation: Explanation, rule: UpdateRule) -> Iterator[str]:
    """Yield every setting of the tricks in effect, and the option or the framework that decides it."""
    decided = {(origin.trick, origin.setting): origin for origin in explanation.origins}
    for name, trick in rule.tricks.items():
        chosen = decided.get((name, ""))
        yield f"{name:34}{_from(chosen, explanation) if chosen else ''}".rstrip()
        for setting in fields(trick):
            value = getattr(trick, setting.name)
            origin = decided.get((name, setting.name))
            if origin is not None:
                yield f"  {setting.name + '=' + format_value(value):32}{_from(origin, explanation)}"
            elif setting.name in {**find_trick(name).settings, **explanation.tricks.get(name, {})}:
                yield f"  {setting.name + '=' + format_value(value):32}by the same choice"
            elif value != setting.default:
                yield f"  {setting.name + '=' + format_value(value):32}fixed by {explanation.framework}"


def _from(origin: Origin, explanation: Explanation) -> str:
    source = explanation.effective.source
    shown = [(name, value) for name, value in origin.options if name in explanation.effective.values]
    return ", ".join(f"{name}={value!r} ({source(name)})" for name, value in shown)


def _loop(explanation: Explanation) -> Iterator[str]:
    for key, value in explanation.loop.items():
        yield f"{key + '=' + format_value(value):34}{LOOP[key]}"


def _faults(explanation: Explanation) -> Iterator[str]:
    for fault in explanation.faults:
        yield f"{fault.name}: {fault.text}" + (f" ({fault.source})" if fault.source else "")


def _nearest(explanation: Explanation) -> Iterator[str]:
    if explanation.nearest is not None:
        same = "" if explanation.nearest.differs else ", the same rule"
        yield f"{explanation.nearest.preset} ({explanation.nearest.source}){same}"
        yield from explanation.nearest.differs


def _placed(options: Iterable[Placed]) -> Iterator[str]:
    for each in options:
        yield f"{each.name}={each.value!r} ({each.source})" + (f": {each.because}" if each.because else "")


def _wrapped(options: Iterable[Placed]) -> Iterator[str]:
    """Yield the options as words, several in a line."""
    line = ""
    for word in (f"{each.name}={_short(each.value)}" for each in options):
        if line and len(line) + len(word) + 2 > _WIDTH:
            yield f"{line},"
            line = word
        else:
            line = f"{line}, {word}" if line else word
    if line:
        yield line


def _short(value: Any, most: int = 40) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _origin_dict(origin: Origin, explanation: Explanation) -> dict[str, Any]:
    options = [
        {"option": name, "value": value, "place": explanation.effective.source(name)} for name, value in origin.options
    ]
    return {"trick": origin.trick, "setting": origin.setting, "options": options}


def _placed_dict(option: Placed) -> dict[str, Any]:
    return {"option": option.name, "value": option.value, "place": option.source, "because": option.because}


def _hydra(value: Any) -> str:
    return format_value(value).strip("'")


def _quoted(word: str) -> str:
    return f"'{word}'" if "{" in word else word
