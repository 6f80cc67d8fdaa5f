"""What a model is asked, and what counts as right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """A question and the reference its answers are compared with."""

    problem_id: str
    prompt: str  # the bare question; `harness.models.prompting` adds what a model needs around it
    answer: str
    verifier: Literal["integer", "math"] = "integer"  # harness.reward compares integers, harness.verify mathematics
    tolerance: float | None = None  # largest absolute difference that the benchmark allows; None: exact
