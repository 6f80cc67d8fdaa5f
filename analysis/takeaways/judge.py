"""Judge claims on the runs of a profile. The tests are those of ``analysis.inference``; the family is the takeaway."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from analysis.takeaways.claim import SOURCES
from analysis.takeaways.evidence import declared
from analysis.takeaways.finding import Finding, PartFinding
from analysis.takeaways.part_tests import judged, tested
from analysis.takeaways.wording import of_claim

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.takeaways.claim import Claim
    from analysis.takeaways.measured import Shelf


def findings(claims: Sequence[Claim], shelf: Shelf) -> tuple[Finding, ...]:
    """The findings of all claims, in their order."""
    found: dict[str, Finding] = {}
    for _, members in groupby(sorted(claims, key=lambda claim: claim.family), key=lambda claim: claim.family):
        found |= {finding.id: finding for finding in _family(tuple(members), shelf)}
    return tuple(found[claim.id] for claim in claims)


def _family(claims: Sequence[Claim], shelf: Shelf) -> Iterator[Finding]:
    able = [claim for claim in claims if not claim.profiles or shelf.profile in claim.profiles]
    size = sum(declared(part, claim.studies, shelf) for claim in able for part in claim.parts)
    tests = [tested(claim, part, shelf) for claim in able for part in claim.parts]
    parts = tuple(judged(tests, size))
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
