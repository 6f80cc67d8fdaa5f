"""The settings of docs/reference/settings.md, written from harness/conf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import yaml

from harness.config.groups import CONF_FOLDER, list_config_groups
from tests.markdown import code, table


def run_settings() -> Iterator[str]:
    """The file of a run, then each group: its default in full, the other options by what they change."""
    run = (CONF_FOLDER / "experiment.yaml").read_text()
    defaults = {
        group: option for each in yaml.safe_load(run)["defaults"] if each != "_self_" for group, option in each.items()
    }
    yield from ("## A run", "", "```yaml", *run.rstrip().splitlines(), "```", "")
    for group, options in list_config_groups().items():
        yield from _group(group, defaults[group], options)


def _group(group: str, default: str, options: list[str]) -> Iterator[str]:
    text = _text(group, default)
    yield from (f"## {group}", "", f"`{group}={default}` is the default:", "")
    yield from ("```yaml", *text.rstrip().splitlines(), "```", "")
    rows = [_row(group, option, _flat(yaml.safe_load(text))) for option in options if option != default]
    yield from table(("option", "what it is", "what it changes"), rows)
    yield ""


def _row(group: str, option: str, default: Mapping[str, Any]) -> tuple[str, str, str]:
    text = _text(group, option)
    title = " ".join(
        line.removeprefix("# ") for line in takewhile(lambda line: line.startswith("#"), text.splitlines())
    )
    changed = {key: value for key, value in _flat(yaml.safe_load(text)).items() if default.get(key, ...) != value}
    return code(f"{group}={option}"), title, ", ".join(code(f"{key}: {_word(value)}") for key, value in changed.items())


def _flat(settings: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= _flat(value, f"{place}{key}.") if isinstance(value, Mapping) and value else {f"{place}{key}": value}
    return found


def _word(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


def _text(group: str, option: str) -> str:
    return (CONF_FOLDER / group / f"{option}.yaml").read_text()
