"""The tables of the documentation, written from the code: ``python -m tests.docs_tables`` (make docs).

A page holds them between ``<!-- generated: NAME -->`` and ``<!-- end -->``; all else on it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from analysis.paper.sections.registry import FIGURES
from tests.docs_commands import commands
from tests.docs_frameworks import framework_block, framework_builds, framework_list
from tests.docs_numbers import one_of_eight
from tests.docs_planning import cost_constants, published_peaks, published_steps
from tests.docs_scaling import scaling_memory, scaling_steps
from tests.docs_settings import run_settings
from tests.docs_takeaways import advice, claims
from tests.docs_trick import trick_block
from tests.markdown import code, pages, table
from tests.tricks.apply_faults import messages
from tests.tricks.refusals import REFUSALS
from tricks.catalog import BUILT_IN_TRICKS, find_trick
from tricks.conformance import CLAUSES
from tricks.dialects.build import DIALECTS
from tricks.io.document import PARTS
from tricks.presets import PRESETS

PAGES = tuple(page for page in pages() if "<!-- generated: " in page.read_text())
_BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", flags=re.DOTALL)

Lines = Iterator[str]


def rewritten(page: str) -> str:
    """The page with every generated block as the code has it now. Raises KeyError for a block that nothing writes."""
    return _BLOCK.sub(lambda found: f"{found[1]}{_content(found[2])}{found[3]}", page)


def _content(name: str) -> str:
    kind, _, trick = name.partition(" ")
    one_of_many = {"trick": lambda: trick_block(find_trick(trick)), "framework": lambda: framework_block(trick)}
    lines = one_of_many[kind]() if kind in one_of_many else TABLES[kind]()
    return "".join(f"{line}\n" for line in lines)


def _catalog() -> Lines:
    rows = [(f"[`{s.name}`](#{s.name})", ", ".join(map(code, s.hooks)), s.summary, s.source) for s in BUILT_IN_TRICKS]
    yield from table(("trick", "hook", "what it does", "source"), rows)


def _presets() -> Lines:
    rows = [
        (code(preset.name), preset.summary, " ".join(_links(preset.tricks)) or "none", preset.source)
        for preset in PRESETS.values()
    ]
    yield from table(("preset", "what it is", "tricks", "source"), rows)


def _links(tricks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, settings in tricks.items():
        changed = " ".join(f"{key}={value}" for key, value in settings.items())
        yield f"[`{name}`](#{name})" + (f" ({changed})" if changed else "")


def _dialects() -> Lines:
    rows = [
        (code(dialect.name), dialect.repository, code(dialect.commit), "; ".join(dialect.besides) or "nothing")
        for dialect in DIALECTS.values()
    ]
    yield from table(("dialect", "repository", "commit", "what it does unasked, left out here"), rows)


def _parts() -> Lines:
    rows = [(code(name), part.shape, "yes" if part.required else "", part.meaning) for name, part in PARTS.items()]
    yield from table(("key", "holds", "required", "meaning"), rows)


def _clauses() -> Lines:
    yield from table(("clause", "promise"), [(code(name), promise) for name, (promise, _) in CLAUSES.items()])


def _refusals() -> Lines:
    rows = [(code(refusal.trick), code(refusal.setting), code(refusal.message)) for refusal in REFUSALS]
    yield from table(("trick or place", "setting", "message"), dict.fromkeys(rows))


def _faults() -> Lines:
    yield from (f"    {message}" for message in dict.fromkeys(messages()))


def _paper_figures() -> Lines:
    rows = [
        (code(figure.id), figure.number, figure.title, " ".join(map(code, figure.grids)), figure.states)
        for figure in FIGURES
    ]
    yield from table(("files", "in the paper", "shows", "grid", "what the paper states"), rows)


TABLES: dict[str, Callable[[], Lines]] = {
    "commands": commands,
    "settings": run_settings,
    "catalog": _catalog,
    "presets": _presets,
    "dialects": _dialects,
    "parts": _parts,
    "clauses": _clauses,
    "one_of_eight": one_of_eight,
    "refusals": _refusals,
    "faults": _faults,
    "paper_figures": _paper_figures,
    "claims": claims,
    "advice": advice,
    "cost_constants": cost_constants,
    "published_steps": published_steps,
    "published_peaks": published_peaks,
    "scaling_memory": scaling_memory,
    "scaling_steps": scaling_steps,
    "framework_list": framework_list,
    "framework_builds": framework_builds,
}


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(rewritten(path.read_text()))
