"""The documentation says what the code does."""

from __future__ import annotations

import re

import pytest

from harness.rollouts.metrics import METRICS
from tests.docs_tables import TABLES
from tests.markdown import ROOT, pages

STUBS = ("calibration", "guide", "metrics", "paper", "takeaways", "tricks", "verifier")


def test_every_metric_is_explained_in_the_documentation() -> None:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in METRICS.items()]
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    assert [row for row in rows if row not in text] == []


def test_every_make_target_of_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in pages():
        assert set(re.findall(r"\bmake ([a-z-]+)(?=[`\s]|$)", _code(page.read_text()))) <= targets, page


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in pages():
        for link, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            target = (page.parent / link).resolve() if link else page
            assert target.exists(), f"{page}: {link}"
            if anchor and target.suffix == ".md":
                assert anchor in _anchors(target.read_text()), f"{page}: {link}#{anchor}"


def test_every_page_that_a_message_names_exists() -> None:
    for folder in ("tricks", "harness", "sweeps", "analysis", "liteppo", "tools", "tests"):
        for file in (*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.yaml")):
            for name in re.findall(r"(?<![\w/])docs/[\w./-]+\.(?:md|json|yaml)", file.read_text(encoding="utf-8")):
                assert (ROOT / name).is_file() or name in OTHERS, f"{file}: {name}"


OTHERS = {"docs/about/performance-summary.md", "docs/advance/fully_async.md"}  # pages of NeMo-RL and verl


@pytest.mark.parametrize("name", STUBS)
def test_notes_of_tables_name_a_page_that_says_where_to_read_on(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    assert len(re.findall(r"\]\(\w+/\w+\.md\)", text)) == text.count("\n") == 1


def test_every_generated_table_is_on_a_page() -> None:
    text = "".join(page.read_text() for page in pages())
    kinds = set(re.findall(r"<!-- generated: (\w+)", text))
    assert kinds == {*TABLES, "trick"}


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _code(text: str) -> str:
    by_hand = re.sub(r"<!-- generated: .*?<!-- end -->", "", text, flags=re.DOTALL)  # messages say "make them equal"
    return "\n".join(re.findall(r"`[^`]+`|^    [^\n]*$|```.*?```", by_hand, flags=re.MULTILINE | re.DOTALL))
