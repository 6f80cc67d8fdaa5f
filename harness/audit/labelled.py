"""Pairs of a gold and a response with their labels, all of our own making: ``pairs/*.jsonl`` beside this file.

A label follows the protocol of docs/verifier.md and mathematics, never a verifier. What the protocol leaves open
is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from harness.schema import read_json

PAIRS: Final = Path(__file__).parent / "pairs"

Form = Literal["aime", "amc", "gsm8k", "math500", "olympiadbench", "minerva"]
Kind = Literal["equivalent", "near_miss", "trap"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One response to judge, in the form that a benchmark's answers take."""

    id: str
    form: Form
    gold: str
    response: str
    right: bool
    kind: Kind
    why: str  # what the pair tries


def labelled() -> tuple[Pair, ...]:
    """Every pair, form by form."""
    return tuple(pair for file in sorted(PAIRS.glob("*.jsonl")) for pair in read_pairs(file))


def read_pairs(file: Path) -> list[Pair]:
    """The pairs of one file. Raises SchemaError, naming file and line."""
    lines = file.read_text(encoding="utf-8").split("\n")  # a response may hold other line ends of unicode
    return [read_json(Pair, line, f"{file.name}:{number}") for number, line in enumerate(lines, start=1) if line]
