from __future__ import annotations

from pathlib import Path

from harness.verify.model.verdict import MOST_CHARACTERS, REASONS, UNDECIDED, Limits
from harness.verify.parse.parser import MOST_MEMBERS
from tests.harness.verify.protocol import RIGHT, WRONG

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "evidence" / "verifier.md").read_text(encoding="utf-8")


def test_the_document_lists_every_reason() -> None:
    rows = [f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()]
    assert [row for row in rows if row not in DOCUMENT] == []


def test_the_document_states_the_limits() -> None:
    limits = Limits()
    stated = [f"{MOST_CHARACTERS:,}", str(MOST_MEMBERS), f"{limits.cpu_seconds:g} s", f"{limits.memory_mb} MB"]
    assert [value for value in stated if value not in DOCUMENT] == []


def test_undecided_reasons_say_so() -> None:
    assert {reason for reason, meaning in REASONS.items() if meaning.startswith("undecided")} == UNDECIDED


def test_every_point_has_pairs() -> None:
    assert all(len(pairs) >= 5 for points in (RIGHT, WRONG) for pairs in points.values())
