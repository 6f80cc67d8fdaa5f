"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from harness.rollouts.metrics import METRICS

ROOT = Path(__file__).parent.parent


def test_every_metric_is_explained_in_the_documentation() -> None:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in METRICS.items()]
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert [row for row in rows if row not in text] == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        assert set(re.findall(r"\bmake ([a-z-]+)(?=[`\s]|$)", _code(page.read_text()))) <= targets, page


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page}: {link}"


def _code(text: str) -> str:
    by_hand = re.sub(r"<!-- generated: .*?<!-- end -->", "", text, flags=re.DOTALL)  # messages say "make them equal"
    return "\n".join(re.findall(r"`[^`]+`|^    [^\n]*$|```.*?```", by_hand, flags=re.MULTILINE | re.DOTALL))
