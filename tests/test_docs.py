"""The documentation says what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest

from harness.rollouts.metrics import METRICS
from tests.docs_tables import TABLES
from tests.markdown import ROOT, fences, pages

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


def test_every_place_in_the_code_that_a_page_names_exists() -> None:
    for page in pages():
        text = page.read_text()
        for name in re.findall(rf"`((?:{CODE})/[\w./]+)`", text):
            assert (ROOT / name).exists() or name in MADE, f"{page}: {name}"
        for name in re.findall(rf"python -m ((?:{CODE})(?:\.\w+)*)", text):
            place = ROOT / name.replace(".", "/")
            assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), f"{page}: python -m {name}"


CODE = "tricks|harness|sweeps|analysis|liteppo|tools|tests"
MADE = {"sweeps/tuned/"}  # by a person, who copies a file of make tune there


@pytest.mark.parametrize("name", STUBS)
def test_notes_of_tables_name_a_page_that_says_where_to_read_on(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    assert len(re.findall(r"\]\(\w+/\w+\.md\)", text)) == text.count("\n") == 1


def test_every_generated_table_is_on_a_page() -> None:
    text = "".join(page.read_text() for page in pages())
    kinds = set(re.findall(r"<!-- generated: (\w+)", text))
    assert kinds == {*TABLES, "trick", "framework"}


def _with_output(language: str, *starts: str) -> Iterator[object]:
    """Yield the blocks of a language that begin with one of the words and have their output in the next block."""
    for page in pages():
        for number, (block, output) in enumerate(pairwise(fences(page.read_text()))):
            if (block.language, output.language) == (language, "text") and block.text.strip().startswith(starts):
                yield pytest.param(block.text, output.text, id=f"{page.name}-{number}")


@pytest.mark.parametrize(("block", "output"), list(_with_output("python", "")))
def test_python_of_the_pages_prints_what_they_show(block: str, output: str) -> None:
    said = StringIO()
    with redirect_stdout(said):
        exec(block, {"__name__": "page"})  # the page is ours
    assert said.getvalue() == output


@pytest.mark.parametrize(("block", "output"), list(_with_output("sh", "printf", "liteppo tricks apply")))
def test_commands_of_the_pages_print_what_they_show(block: str, output: str) -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    said = subprocess.run(
        block, shell=True, cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert said.stdout + said.stderr == dedent(output)


def test_the_readme_computes_a_loss_and_verifies_an_answer() -> None:
    blocks = "".join(fence.text for fence in fences((ROOT / "README.md").read_text()) if fence.language == "python")
    assert "rule.loss(" in blocks
    assert "verifier.verify(" in blocks


def test_the_readme_has_about_700_words() -> None:
    text = re.sub(r"^```.*?^```$", "", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    words = re.sub(r"\]\([^)]*\)", "]", text).split()  # the text of a link counts, its target does not
    assert 600 <= len(words) <= 800


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _code(text: str) -> str:
    by_hand = re.sub(r"<!-- generated: .*?<!-- end -->", "", text, flags=re.DOTALL)  # messages say "make them equal"
    return "\n".join(re.findall(r"`[^`]+`|^    [^\n]*$|```.*?```", by_hand, flags=re.MULTILINE | re.DOTALL))
