"""Labeled pairs, and the errors of a verifier on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from harness.common import read_json
from harness.records import AuditCount, AuditCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


PAIRS: Final = Path(__file__).parent / "pairs"

Form = Literal["aime", "amc", "gsm8k", "math500", "olympiadbench", "minerva"]
Kind = Literal["equivalent", "near_miss", "trap"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One labeled response, in the answer format of a benchmark."""

    id: str
    form: Form
    gold: str
    response: str
    right: bool
    kind: Kind
    why: str  # what the pair tests


def labelled() -> tuple[Pair, ...]:
    """Return every pair, grouped by form."""
    return tuple(pair for file in sorted(PAIRS.glob("*.jsonl")) for pair in read_pairs(file))


def read_pairs(file: Path) -> list[Pair]:
    """Return the pairs of one file. Raises SchemaError that names the file and the line."""
    lines = file.read_text(encoding="utf-8").split("\n")  # a response may contain other Unicode line ends
    return [read_json(Pair, line, f"{file.name}:{number}") for number, line in enumerate(lines, start=1) if line]


@dataclass(frozen=True, slots=True)
class AuditWord:
    """A verifier's verdict on a pair."""

    right: bool
    reason: str = ""
    answer: str | None = None  # as the verifier read it
    undecided: bool = False


def count(pairs: Sequence[Pair], words: Sequence[AuditWord]) -> AuditCounts:
    """Count the errors of the verdicts, given in the order of the pairs."""
    judged = [(pair, _one(pair, word)) for pair, word in zip(pairs, words, strict=True)]
    forms = {name: _total(one for pair, one in judged if pair.form == name) for name in _names(p.form for p in pairs)}
    kinds = {name: _total(one for pair, one in judged if pair.kind == name) for name in _names(p.kind for p in pairs)}
    return AuditCounts(forms, kinds)


def _one(pair: Pair, word: AuditWord) -> AuditCount:
    return AuditCount(
        right=int(pair.right),
        wrong=int(not pair.right),
        false_positives=int(word.right and not pair.right),
        false_negatives=int(pair.right and not word.right),
        undecided=int(word.undecided),
    )


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _total(counts: Iterable[AuditCount]) -> AuditCount:
    return sum(counts, AuditCount())
