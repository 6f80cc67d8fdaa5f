"""The result of a verifier audit, kept in ``results/verifier.json``.

Tables take their footnote from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Final, Self

from harness.common.schema import read_json

AUDIT_NAME: Final = "verifier"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A pair on which the verifier and the label disagree."""

    id: str
    kind: str  # "false positive" or "false negative"
    gold: str
    answer: str | None  # what the verifier read in the last box
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Counts of this project's verifier and of plain math-verify on the same pairs."""

    verifier: AuditCounts
    plain: AuditCounts | None  # None: it did not finish
    mistakes: tuple[Mistake, ...]
    commit: str
    dirty: str  # "yes", "no", "unknown"
    versions: Mapping[str, str]

    def to_json(self) -> str:
        """Return the report as a JSON document, which ``from_json`` reads."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a report. Raises SchemaError where the document does not fit."""
        return read_json(cls, text)


@dataclass(frozen=True, slots=True)
class AuditCount:
    """Numbers of pairs by label, and of mistakes among them.

    An undecided pair counts as a mistake where its label is correct, because it earns no reward.
    """

    right: int = 0  # pairs labeled correct
    wrong: int = 0  # pairs labeled incorrect
    false_positives: int = 0  # among the incorrect pairs
    false_negatives: int = 0  # among the correct pairs
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
    """Counts of the same pairs, grouped by form and by kind."""

    forms: Mapping[str, AuditCount]
    kinds: Mapping[str, AuditCount]

    @property
    def total(self) -> AuditCount:
        """The counts of all pairs."""
        return _sum(self.forms.values())


def _sum(counts: Iterable[AuditCount]) -> AuditCount:
    return reduce(AuditCount.__add__, counts, AuditCount())
