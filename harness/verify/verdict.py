"""What the verifier is asked and what it says; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Reasons that say nothing about the mathematics: a limit was hit. Rewarded as wrong, and counted apart.
UNDECIDED: Final = frozenset({"deadline", "memory", "crash"})


@dataclass(frozen=True, slots=True)
class Gold:
    """The reference answer as its benchmark gives it, LaTeX with or without dollar signs."""

    answer: str
    tolerance: float | None = None  # largest absolute difference that the benchmark itself allows; None: exact


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verifier's word on one response."""

    right: bool
    reason: str  # a key of harness.verify.reasons.REASONS
    answer: str | None  # normal form of what the last box holds: equal texts vote together; None: no vote
    score: float | None = None  # from 0 to 1, by one's own reward function (harness.rewards); None: by a verifier

    @property
    def credit(self) -> float:
        """A number from 0 for wrong to 1 for right, of which the reward scale makes a reward."""
        return float(self.right) if self.score is None else self.score

    @property
    def undecided(self) -> bool:
        """Whether a limit was hit before an answer was found."""
        return self.reason in UNDECIDED
