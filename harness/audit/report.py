"""What an audit found, as it is kept: ``results/verifier.json``. Tables take their footnote from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Self

from harness.audit.counts import Counts
from harness.schema import read_json

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
class Report:
    """Counts of our verifier and of plain math-verify on the same pairs."""

    verifier: Counts
    plain: Counts | None  # None: it did not finish
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
