"""The tests behind the parts of claims: those of ``analysis.inference``, on numbers by seed.

All planned parts of a takeaway are one family, after Holm. A part between twins, cells whose training signal cannot
differ, tests nothing that is unknown: like the controls of a study it is outside the family, with its p as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from analysis.inference.families import adjusted
from analysis.inference.paired_test import p_different, p_equivalent
from analysis.inference.rank_test import p_with_failures, rises
from analysis.inference.verdict import failed_seeds, interval
from analysis.takeaways.claim import Claim, Part, Quoted
from analysis.takeaways.evidence import Evidence, evidence
from analysis.takeaways.finding import PartFinding
from analysis.takeaways.wording import of_difference, of_number
from harness.power import ALPHA, detectable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.inference.pairs import Pairs
    from analysis.takeaways.measured import Shelf
    from analysis.takeaways.wording import Word


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """A part with its numbers, before its p values are adjusted."""

    claim: Claim
    part: Part
    held: Evidence | None
    reason: str
    p: float = nan
    equivalent: float = nan  # nan without a margin
    lean: int = 0  # sign of the tested difference where runs failed

    @property
    def in_family(self) -> bool:
        """Whether there is a p to adjust."""
        return isfinite(self.p) and self.held is not None and not self.held.twins


def tested(claim: Claim, part: Part, shelf: Shelf) -> Tested:
    """Look a part up and test it; without a p where it has fewer than two seeds.

    Seeds that failed for a reason of the arm are the worst outcome (``rank_test``): they show no equivalence, and
    where a number is quoted nothing.
    """
    held, reason = evidence(part, claim.studies, shelf)
    if held is None or not held.pair.testable:
        return Tested(claim, part, held, reason)
    if held.pair.failed:
        quoted = isinstance(part.expect, Quoted)
        p, lean = (1.0, 0) if quoted else p_with_failures(held.pair, rises(held.metric))
        return Tested(claim, part, held, reason, p, nan if held.margin is None else 1.0, lean)
    if isinstance(part.expect, Quoted):
        return Tested(claim, part, held, reason, *_quoted(part.expect, held.pair))
    equivalent = nan if held.margin is None else p_equivalent(held.pair, held.margin)
    return Tested(claim, part, held, reason, p_different(held.pair), equivalent)


def judged(tests: Sequence[Tested], size: int) -> Iterator[PartFinding]:
    """All tests of a takeaway together; of ``size`` declared ones, those without a result count with p = 1."""
    done = [test for test in tests if test.in_family]
    differs = adjusted([test.p for test in done], "primary", size)
    equals = adjusted([1.0 if np.isnan(test.equivalent) else test.equivalent for test in done], "primary", size)
    numbers = iter(zip(differs, equals, strict=True))
    for test in tests:
        if test.held is None:
            yield PartFinding(test.part.says, _expected(test.part), "no runs", test.reason, test.part.beyond)
        else:
            p, equivalent = next(numbers) if test.in_family else _alone(test)
            yield _part(test, test.held, p, equivalent, 1 if test.held.twins else max(size, 1))


def _quoted(number: Quoted, pair: Pairs) -> tuple[float, float]:
    """P of a mean inside the range, tested at its nearer end, and of one outside its tolerance."""
    mean = float(pair.differences.mean())
    nearest = min(max(mean, number.low), number.high)
    middle, half = (number.low + number.high) / 2, (number.high - number.low) / 2
    inside = 1.0 if nearest == mean else p_different(_shifted(pair, nearest))
    return inside, p_equivalent(_shifted(pair, middle), half + number.tolerance)


def _shifted(pair: Pairs, by: float) -> Pairs:
    return replace(pair, arm=pair.arm - by)


def _alone(test: Tested) -> tuple[float, float]:
    """Outside a family, or without a test."""
    return (test.p if isfinite(test.p) else 1.0), (test.equivalent if isfinite(test.equivalent) else 1.0)


def _part(test: Tested, held: Evidence, p: float, equivalent: float, size: int) -> PartFinding:
    part, study, seeds = test.part, held.material.study, len(held.pair.seeds)
    differences = held.pair.differences
    mean = float(differences.mean()) if seeds else nan
    tested_mean = float(test.lean) if held.pair.failed else mean
    std = float(differences.std(ddof=1)) if seeds > 1 else None
    low, high = interval(held.pair, study.name, study.profile, part.says, held.metric) if seeds > 1 else (None, None)
    unit = exp if part.ratio else float
    return PartFinding(
        says=part.says,
        expected=_expected(part),
        word=_word(part, held.pair.judged, tested_mean, p, equivalent),
        reason=f"twins: {held.twins}" if held.twins else "",
        beyond=part.beyond,
        study=study.name,
        metric=held.metric + (f" less {part.less}" if part.less else ""),
        ratio=part.ratio,
        difference=unit(mean) if seeds else None,
        low=None if low is None else unit(low),
        high=None if high is None else unit(high),
        p=test.p if isfinite(test.p) else None,
        p_adjusted=p if isfinite(test.p) else None,
        p_equivalent=equivalent if isfinite(test.equivalent) else None,
        margin=part.expect.tolerance if isinstance(part.expect, Quoted) else held.margin,
        tests=size,
        std=std,
        detectable=None if std is None or held.pair.failed else detectable(std, seeds, ALPHA / size),
        seeds=held.pair.seeds,
        arm=tuple(map(float, held.pair.arm)),
        base=tuple(map(float, held.pair.baseline)),
        cells=tuple(study.cells[cell] for cell in held.cells),
        failed=failed_seeds(held.pair.failed, seeds),
        runs=held.runs,
        links=tuple(held.material.links[run_id] for run_id in held.runs if run_id in held.material.links),
    )


def _word(part: Part, seeds: int, mean: float, p: float, equivalent: float) -> Word:
    if isinstance(part.expect, Quoted):
        return of_number(seeds, p, equivalent)
    return of_difference(part.expect, seeds, mean, p, equivalent)


def _expected(part: Part) -> str:
    """``more``, or the number that is quoted, in the unit of the finding."""
    if not isinstance(part.expect, Quoted):
        return part.expect
    unit = exp if part.ratio else float
    low, high = (f"{unit(end):.4g}" for end in (part.expect.low, part.expect.high))
    return low if low == high else f"{low} to {high}"
