"""What an audit found, as it is kept: ``results/verifier.json``. Tables take their footnote from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Final, Self

from harness.common.schema import read_json

NAME: Final = "verifier"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A pair on which the verifier and the label differ."""

    id: str
    kind: str  # "false positive" or "false negative"
    gold: str
    answer: str | None  # what the verifier read in the last box
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Counts of our verifier and of plain math-verify on the same pairs."""

    verifier: AuditCounts
    plain: AuditCounts | None  # None: it did not finish
    mistakes: tuple[Mistake, ...]
    commit: str
    dirty: str  # "yes", "no", "unknown"
    versions: Mapping[str, str]

    def to_json(self) -> str:
        """One JSON document; ``from_json`` gives the report back."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a report. Raises SchemaError where it does not fit."""
        return read_json(cls, text)


@dataclass(frozen=True, slots=True)
class AuditCount:
    """Pairs by label, and mistakes among them. An undecided pair earns nothing: a mistake where its label is right."""

    right: int = 0  # pairs labelled right
    wrong: int = 0
    false_positives: int = 0  # of the wrong
    false_negatives: int = 0  # of the right
    undecided: int = 0

    def __add__(self, other: AuditCount) -> AuditCount:
        return AuditCount(
            self.right + other.right,
            self.wrong + other.wrong,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.undecided + other.undecided,
        )


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """The same pairs, counted twice."""

    forms: Mapping[str, AuditCount]
    kinds: Mapping[str, AuditCount]

    @property
    def total(self) -> AuditCount:
        """Of all pairs."""
        return _sum(self.forms.values())


def _sum(counts: Iterable[AuditCount]) -> AuditCount:
    return reduce(AuditCount.__add__, counts, AuditCount())
