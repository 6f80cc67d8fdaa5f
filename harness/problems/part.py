"""Which training problems tuning may use, and which are left for an ablation that stands on it.

One problem in eight is kept for tuning, by a hash of what it asks, so that no list has to be kept: the same problem
falls on the same side in every tier, under every seed and profile. Problems that are merely alike do not.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from harness.data.wording import tokens, wording

if TYPE_CHECKING:
    from harness.problems.problem import Problem

Part = Literal["all", "ablation", "tuning"]

ALL: Final = "all"
TUNING_SHARE: Final = 8  # one problem in eight is for tuning


def belongs(problem: Problem, part: Part) -> bool:
    """Whether a run that trains on this part may draw the problem."""
    return part == ALL or (part == "tuning") == for_tuning(problem)


def for_tuning(problem: Problem) -> bool:
    """Whether the problem is kept for tuning; a fixed property of what it asks."""
    digest = hashlib.blake2b(f"tuning {_asked(problem)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % TUNING_SHARE == 0


def _asked(problem: Problem) -> str:
    """What the problem asks, however it is put: a story and its bare expression ask the same."""
    if problem.verifier == "integer":  # "easy:8*9-12:words"
        return problem.problem_id.partition(":")[2].removesuffix(":words") or problem.prompt
    return wording(tokens(problem.prompt))
