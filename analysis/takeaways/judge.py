"""Judge claims on the runs of a profile. The tests are those of ``analysis.inference``; the family is the takeaway."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from math import exp, isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from analysis.inference.families import adjusted
from analysis.inference.paired_test import p_different, p_equivalent
from analysis.inference.verdict import interval
from analysis.takeaways.claim import SOURCES, Claim, Part, Quoted
from analysis.takeaways.evidence import Evidence, evidence, planned
from analysis.takeaways.finding import Finding, PartFinding
from analysis.takeaways.wording import of_claim, of_difference, of_number
from harness.power import ALPHA, detectable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.inference.pairs import Pairs
    from analysis.takeaways.measured import Shelf
    from analysis.takeaways.wording import Word


@dataclass(frozen=True, slots=True, eq=False)
class _Test:
    """A part with its numbers, before its p values are adjusted."""

    claim: Claim
    part: Part
    held: Evidence | None
    reason: str
    p: float = nan
    equivalent: float = nan  # nan without a margin

    @property
    def tested(self) -> bool:
        return isfinite(self.p)


def findings(claims: Sequence[Claim], shelf: Shelf) -> tuple[Finding, ...]:
    """The findings of all claims, in their order."""
    found: dict[str, Finding] = {}
    for _, members in groupby(sorted(claims, key=lambda claim: claim.family), key=lambda claim: claim.family):
        found |= {finding.id: finding for finding in _family(tuple(members), shelf)}
    return tuple(found[claim.id] for claim in claims)


def _family(claims: Sequence[Claim], shelf: Shelf) -> Iterator[Finding]:
    able = [claim for claim in claims if not claim.profiles or shelf.profile in claim.profiles]
    size = sum(planned(part, claim.studies, shelf) for claim in able for part in claim.parts)
    tests = [_test(claim, part, shelf) for claim in able for part in claim.parts]
    parts = tuple(_judged(tests, size))
    for claim in claims:
        yield _finding(
            claim, shelf.profile, tuple(part for test, part in zip(tests, parts, strict=True) if test.claim is claim)
        )


def _finding(claim: Claim, profile: str, parts: tuple[PartFinding, ...]) -> Finding:
    return Finding(
        id=claim.id,
        title=claim.title,
        sentence=claim.sentence,
        source=SOURCES[claim.source],
        stands=claim.stands,
        profile=profile,
        word=of_claim([part.word for part in parts]),
        note=_note(parts) if parts else claim.why_not,
        parts=parts,
    )


def _note(parts: Sequence[PartFinding]) -> str:
    """``2 of 4 parts have runs: 1 supported, 1 inconclusive``."""
    ran = [part for part in parts if part.word != "no runs"]
    if not ran:
        return reasons(parts)
    counts = ", ".join(f"{count} {word}" for word, count in sorted(Counter(part.word for part in ran).items()))
    return f"{len(ran)} of {len(parts)} parts {'has' if len(ran) == 1 else 'have'} runs: {counts}"


def reasons(parts: Sequence[PartFinding]) -> str:
    """Why parts have no runs: the first reason, and how many more there are."""
    first, *others = dict.fromkeys(part.reason for part in parts if part.reason)
    more = f"; {len(others)} more reasons" if len(others) > 1 else "; one more reason" if others else ""
    return first + more


def _test(claim: Claim, part: Part, shelf: Shelf) -> _Test:
    held, reason = evidence(part, claim.studies, shelf)
    if held is None or len(held.pair.seeds) < 2:
        return _Test(claim, part, held, reason)
    if isinstance(part.expect, Quoted):
        return _Test(claim, part, held, reason, *_quoted(part.expect, held.pair))
    equivalent = nan if held.margin is None else p_equivalent(held.pair, held.margin)
    return _Test(claim, part, held, reason, p_different(held.pair), equivalent)


def _quoted(number: Quoted, pair: Pairs) -> tuple[float, float]:
    """P of a mean inside the range, tested at its nearer end, and of one outside its tolerance."""
    mean = float(pair.differences.mean())
    nearest = min(max(mean, number.low), number.high)
    middle, half = (number.low + number.high) / 2, (number.high - number.low) / 2
    inside = 1.0 if nearest == mean else p_different(_shifted(pair, nearest))
    return inside, p_equivalent(_shifted(pair, middle), half + number.tolerance)


def _shifted(pair: Pairs, by: float) -> Pairs:
    return replace(pair, arm=pair.arm - by)


def _judged(tests: Sequence[_Test], size: int) -> Iterator[PartFinding]:
    """All tests of a takeaway together, after Holm; planned ones without a result count with p = 1."""
    done = [test for test in tests if test.tested]
    differs = adjusted([test.p for test in done], "primary", size)
    equals = adjusted([1.0 if np.isnan(test.equivalent) else test.equivalent for test in done], "primary", size)
    numbers = iter(zip(differs, equals, strict=True))
    for test in tests:
        if test.held is None:
            yield PartFinding(test.part.says, _expected(test.part), "no runs", test.reason, test.part.beyond)
        else:
            yield _part(test, test.held, *(next(numbers) if test.tested else (1.0, 1.0)), size)


def _part(test: _Test, held: Evidence, p: float, equivalent: float, size: int) -> PartFinding:
    part, study, seeds = test.part, held.material.study, len(held.pair.seeds)
    differences = held.pair.differences
    mean = float(differences.mean())
    std = float(differences.std(ddof=1)) if seeds > 1 else None
    low, high = interval(held.pair, study.name, study.profile, part.says, held.metric) if seeds > 1 else (None, None)
    unit = exp if part.ratio else float
    return PartFinding(
        says=part.says,
        expected=_expected(part),
        word=_word(part, seeds, mean, p, equivalent),
        reason="" if len({study.cell_ids[cell] for cell in held.cells}) == len(held.cells) else _SAME,
        beyond=part.beyond,
        study=study.name,
        metric=held.metric + (f" less {part.less}" if part.less else ""),
        ratio=part.ratio,
        difference=unit(mean),
        low=None if low is None else unit(low),
        high=None if high is None else unit(high),
        p=test.p if test.tested else None,
        p_adjusted=p if test.tested else None,
        p_equivalent=equivalent if test.tested and not np.isnan(test.equivalent) else None,
        margin=part.expect.tolerance if isinstance(part.expect, Quoted) else held.margin,
        tests=size,
        std=std,
        detectable=None if std is None else detectable(std, seeds, ALPHA / size),
        seeds=held.pair.seeds,
        arm=tuple(map(float, held.pair.arm)),
        base=tuple(map(float, held.pair.baseline)),
        cells=tuple(study.cells[cell] for cell in held.cells),
        runs=held.runs,
        links=tuple(held.material.links[run_id] for run_id in held.runs if run_id in held.material.links),
    )


_SAME = "cells with the same settings in effect: the same runs stand on both sides"


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
