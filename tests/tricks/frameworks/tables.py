"""The frameworks' tables at the releases where something changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tricks.dialects.build import ALL_RELEASES
from tricks.frameworks.registry import FRAMEWORKS, find_framework

LOOP: Final = {
    "group_size": 8,
    "prompts_per_batch": 128,
    "updates_per_rollout": 4,
    "epochs": 1,
    "temperature": 0.99,
    "top_p": 0.99,
    "top_k": 100,
    "max_prompt_length": 1024,
    "max_response_length": 8192,
    "lr": 1e-6,
}


@dataclass(frozen=True)
class Option:
    """An option as a user gives it."""

    name: str
    value: Any
    place: str = "argument 1"


def edges(name: str) -> list[str]:
    """The releases at which a row of the dialect or of the table begins or ends, and the first and the newest."""
    dialect, table = ALL_RELEASES[name], find_framework(name)
    rows: list[Any] = [*dialect.variants, *dialect.refusals, *dialect.rewrites, *table.keeps, *table.faults]
    rows += [spelling for part in table.parts for spelling in part.spellings]
    order = dialect.known_releases
    found = {order[0], order[-1]}
    for row in rows:
        if row.since:
            found |= {row.since, order[max(0, order.index(row.since) - 1)]}
        if row.until:
            found |= {row.until, order[min(len(order) - 1, order.index(row.until) + 1)]}
    return sorted(found, key=order.index)


def edges_of_all() -> Iterator[tuple[str, str]]:
    """Every framework with every edge."""
    yield from ((name, release) for name in FRAMEWORKS for release in edges(name))
