"""What was found of a claim: plain data, which tables print and JSON keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.takeaways.wording import Word


@dataclass(frozen=True, slots=True)
class PartFinding:
    """A part, judged. Numbers are None where there are none; ``ratio`` numbers are ratios, not logarithms."""

    says: str
    expected: str  # "more", "same", "0.003", "1.15", ...
    word: Word
    reason: str  # why there are no runs, or what else a reader must know; else empty
    beyond: bool  # the paper did not run this place
    study: str = ""
    metric: str = ""
    ratio: bool = False
    difference: float | None = None  # mean over seeds of arm minus base, of a level or a ratio
    low: float | None = None  # 95 % interval
    high: float | None = None
    p: float | None = None  # two-sided
    p_adjusted: float | None = None  # Holm within the takeaway
    p_equivalent: float | None = None  # TOST, likewise; None without a margin
    margin: float | None = None
    tests: int = 0  # planned in the family: what p is adjusted for
    std: float | None = None  # of the paired numbers, over seeds; of logarithms where they are ratios
    detectable: float | None = None  # smallest true effect that these runs find with 80 % power at the family's level
    seeds: tuple[int, ...] = ()
    failed: str = ""  # seeds that failed for a reason of the arm, or may have: ``6 of 12 seeds failed``; else empty
    arm: tuple[float, ...] = ()  # by seed: the terms with positive weight, added up; logarithms where they are ratios
    base: tuple[float, ...] = ()  # by seed: those with negative weight
    cells: tuple[Mapping[str, str], ...] = ()  # the labels that were compared, in the order of the part's terms
    runs: tuple[str, ...] = ()  # run ids
    links: tuple[str, ...] = ()  # where MLflow shows them


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim, judged on one profile."""

    id: str
    title: str  # of the takeaway
    sentence: str
    source: str  # a value of ``claim.SOURCES``
    stands: str
    profile: str
    word: Word
    note: str  # how many parts have runs and what they say, or why none can
    parts: tuple[PartFinding, ...]
