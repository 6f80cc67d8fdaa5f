"""Judge claims on the runs of a profile, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from math import exp, isfinite, nan
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from analysis.claims.claim import SOURCES, Claim, ClaimPart, Quoted
from analysis.claims.evidence import Evidence, find_evidence, is_declared
from analysis.stats import (
    adjust_p_values,
    compute_interval,
    describe_failed_seeds,
    is_higher_better,
    p_different,
    p_equivalent,
    p_with_failures,
    verdict_word,
)
from harness.records import ALPHA, find_detectable_effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.claims.claim import Expect
    from analysis.stats import Pairs
    from analysis.study_data import ProfileData


@dataclass(frozen=True, slots=True)
class PartFinding:
    """A judged part of a claim.

    A number is None if it is unknown. Numbers of a ``ratio`` part are ratios, not logarithms.
    """

    says: str
    expected: str  # "more", "same", "0.003", "1.15", ...
    word: ClaimWord
    reason: str  # why there are no runs, or another remark; else empty
    beyond: bool  # the paper did not run this setting
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
    tests: int = 0  # number of declared tests in the family, for which p is adjusted
    std: float | None = None  # standard deviation of the paired numbers over seeds; of their logarithms for ratios
    detectable: float | None = None  # smallest true effect that these runs find with 80 % power at the family's level
    seeds: tuple[int, ...] = ()
    failed: str = ""  # seeds that failed, or may have failed, due to the arm: ``6 of 12 seeds failed``; else empty
    arm: tuple[float, ...] = ()  # by seed: sum of the terms with positive weight; logarithms for ratios
    base: tuple[float, ...] = ()  # by seed: sum of the terms with negative weight
    cells: tuple[Mapping[str, str], ...] = ()  # the compared labels, in the order of the part's terms
    runs: tuple[str, ...] = ()  # run ids
    links: tuple[str, ...] = ()  # their addresses in MLflow


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim judged on one profile."""

    id: str
    title: str  # title of the takeaway
    sentence: str
    source: str  # a value of ``claim.SOURCES``
    stands: str
    profile: str
    word: ClaimWord
    note: str  # number of parts with runs and their words, or why there are none
    parts: tuple[PartFinding, ...]


ClaimWord = Literal["supported", "contradicted", "equivalent", "inconclusive", "exploratory", "no runs"]

WEAKEST: Final[tuple[ClaimWord, ...]] = ("contradicted", "exploratory", "inconclusive", "equivalent", "supported")
_MIRRORED: Final[dict[Expect, Expect]] = {"less": "more", "no less": "no more"}


def judge_difference(expect: Expect, seeds: int, difference: float, p: float, equivalent: float) -> ClaimWord:
    """Return the word of a part that expects a direction, or no difference.

    Args:
        expect: The expectation.
        seeds: Number of seeds behind the difference.
        difference: Mean paired difference, arm minus base.
        p: Two-sided p value of no difference, adjusted within the family.
        equivalent: p value of equivalence, adjusted likewise.

    """
    if expect in _MIRRORED:
        return judge_difference(_MIRRORED[expect], seeds, -difference, p, equivalent)
    word = verdict_word(seeds, difference, p, equivalent)
    if word in {"exploratory", "inconclusive"}:
        return "exploratory" if word == "exploratory" else "inconclusive"
    if expect == "more":
        return {"better": "supported", "worse": "contradicted"}.get(word, "equivalent")  # type: ignore[return-value]
    # A significant difference that is smaller than the margin does not count.
    if equivalent <= ALPHA or (expect == "no more" and word == "worse"):
        return "supported"
    return "contradicted"


def judge_number(seeds: int, p: float, equivalent: float) -> ClaimWord:
    """Return the word of a part that quotes a number.

    Args:
        seeds: Number of seeds behind the mean.
        p: p value for a mean inside the quoted range.
        equivalent: p value for a mean outside the tolerance.

    """
    word = verdict_word(seeds, 0.0, p, equivalent)
    if word == "exploratory":
        return "exploratory"
    if equivalent <= ALPHA:
        return "supported"
    return "contradicted" if p <= ALPHA else "inconclusive"


def judge_claim(parts: Sequence[ClaimWord]) -> ClaimWord:
    """Return the word of a claim: that of its weakest part with runs, or "no runs"."""
    judged = [word for word in parts if word != "no runs"]
    return next((word for word in WEAKEST if word in judged), "no runs")


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """A part with its numbers, before its p values are adjusted."""

    claim: Claim
    part: ClaimPart
    held: Evidence | None
    reason: str
    p: float = nan
    equivalent: float = nan  # nan without a margin
    lean: int = 0  # sign of the tested difference if runs failed

    @property
    def in_family(self) -> bool:
        """True if the part has a p value to adjust."""
        return isfinite(self.p) and self.held is not None and not self.held.twins


def evaluate_part(claim: Claim, part: ClaimPart, data: ProfileData) -> Tested:
    """Return a part with its test; it has no p value below two seeds.

    Seeds that failed for a reason of the arm are the worst outcome (``paired_tests``). They never support equivalence
    or a quoted number.

    Args:
        claim: The claim.
        part: Its part.
        data: The studies of a profile.

    """
    held, reason = find_evidence(part, claim.studies, data)
    if held is None or not held.pair.testable:
        return Tested(claim, part, held, reason)
    if held.pair.failed:
        quoted = isinstance(part.expect, Quoted)
        p, lean = (1.0, 0) if quoted else p_with_failures(held.pair, is_higher_better(held.metric))
        return Tested(claim, part, held, reason, p, nan if held.margin is None else 1.0, lean)
    if isinstance(part.expect, Quoted):
        return Tested(claim, part, held, reason, *_quoted(part.expect, held.pair))
    equivalent = nan if held.margin is None else p_equivalent(held.pair, held.margin)
    return Tested(claim, part, held, reason, p_different(held.pair), equivalent)


def adjust_together(tests: Sequence[Tested], size: int) -> Iterator[PartFinding]:
    """Yield the finding of each test of a takeaway, with p values adjusted together.

    ``size`` is the number of declared tests. Those without a result count with p = 1.
    """
    done = [test for test in tests if test.in_family]
    differs = adjust_p_values([test.p for test in done], "primary", size)
    equals = adjust_p_values([1.0 if np.isnan(test.equivalent) else test.equivalent for test in done], "primary", size)
    numbers = iter(zip(differs, equals, strict=True))
    for test in tests:
        if test.held is None:
            yield PartFinding(test.part.says, _expected(test.part), "no runs", test.reason, test.part.beyond)
        else:
            p, equivalent = next(numbers) if test.in_family else _alone(test)
            yield _part(test, test.held, p, equivalent, 1 if test.held.twins else max(size, 1))


def _quoted(number: Quoted, pair: Pairs) -> tuple[float, float]:
    """Return the p value of a mean inside the range, and that of a mean outside its tolerance.

    The first is tested at the nearer end of the range.
    """
    mean = float(pair.differences.mean())
    nearest = min(max(mean, number.low), number.high)
    middle, half = (number.low + number.high) / 2, (number.high - number.low) / 2
    inside = 1.0 if nearest == mean else p_different(_shifted(pair, nearest))
    return inside, p_equivalent(_shifted(pair, middle), half + number.tolerance)


def _shifted(pair: Pairs, by: float) -> Pairs:
    return replace(pair, arm=pair.arm - by)


def _alone(test: Tested) -> tuple[float, float]:
    """Return the p values of a test outside a family; 1 for a missing test."""
    return (test.p if isfinite(test.p) else 1.0), (test.equivalent if isfinite(test.equivalent) else 1.0)


def _part(test: Tested, held: Evidence, p: float, equivalent: float, size: int) -> PartFinding:
    part, study, seeds = test.part, held.data.study, len(held.pair.seeds)
    differences = held.pair.differences
    mean = float(differences.mean()) if seeds else nan
    tested_mean = float(test.lean) if held.pair.failed else mean
    std = float(differences.std(ddof=1)) if seeds > 1 else None
    low, high = (
        compute_interval(held.pair, study.name, study.profile, part.says, held.metric) if seeds > 1 else (None, None)
    )
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
        detectable=None if std is None or held.pair.failed else find_detectable_effect(std, seeds, ALPHA / size),
        seeds=held.pair.seeds,
        arm=tuple(map(float, held.pair.arm)),
        base=tuple(map(float, held.pair.baseline)),
        cells=tuple(study.cells[cell] for cell in held.cells),
        failed=describe_failed_seeds(held.pair.failed, seeds),
        runs=held.runs,
        links=tuple(held.data.links[run_id] for run_id in held.runs if run_id in held.data.links),
    )


def _word(part: ClaimPart, seeds: int, mean: float, p: float, equivalent: float) -> ClaimWord:
    if isinstance(part.expect, Quoted):
        return judge_number(seeds, p, equivalent)
    return judge_difference(part.expect, seeds, mean, p, equivalent)


def _expected(part: ClaimPart) -> str:
    """Return the expectation as text: ``more``, or the quoted number in the finding's unit."""
    if not isinstance(part.expect, Quoted):
        return part.expect
    unit = exp if part.ratio else float
    low, high = (f"{unit(end):.4g}" for end in (part.expect.low, part.expect.high))
    return low if low == high else f"{low} to {high}"


def judge_claims(claims: Sequence[Claim], data: ProfileData) -> tuple[Finding, ...]:
    """Return the findings of all claims, in order."""
    found: dict[str, Finding] = {}
    for _, members in groupby(sorted(claims, key=lambda claim: claim.family), key=lambda claim: claim.family):
        found |= {finding.id: finding for finding in _family(tuple(members), data)}
    return tuple(found[claim.id] for claim in claims)


def _family(claims: Sequence[Claim], data: ProfileData) -> Iterator[Finding]:
    able = [claim for claim in claims if not claim.profiles or data.profile in claim.profiles]
    size = sum(is_declared(part, claim.studies, data) for claim in able for part in claim.parts)
    tests = [evaluate_part(claim, part, data) for claim in able for part in claim.parts]
    parts = tuple(adjust_together(tests, size))
    for claim in claims:
        yield _finding(
            claim, data.profile, tuple(part for test, part in zip(tests, parts, strict=True) if test.claim is claim)
        )


def _finding(claim: Claim, profile: str, parts: tuple[PartFinding, ...]) -> Finding:
    return Finding(
        id=claim.id,
        title=claim.title,
        sentence=claim.sentence,
        source=SOURCES[claim.source],
        stands=claim.stands,
        profile=profile,
        word=judge_claim([part.word for part in parts]),
        note=_note(parts) if parts else claim.why_not,
        parts=parts,
    )


def _note(parts: Sequence[PartFinding]) -> str:
    """Format the state of the parts: ``2 of 4 parts have runs: 1 supported, 1 inconclusive``."""
    ran = [part for part in parts if part.word != "no runs"]
    if not ran:
        return summarize_reasons(parts)
    counts = ", ".join(f"{count} {word}" for word, count in sorted(Counter(part.word for part in ran).items()))
    return f"{len(ran)} of {len(parts)} parts {'has' if len(ran) == 1 else 'have'} runs: {counts}"


def summarize_reasons(parts: Sequence[PartFinding]) -> str:
    """Return the first reason why parts have no runs, and the number of other reasons."""
    first, *others = dict.fromkeys(part.reason for part in parts if part.reason)
    more = f"; {len(others)} more reasons" if len(others) > 1 else "; one more reason" if others else ""
    return first + more
