"""From tests to words: what a part's numbers say of what was expected, and what parts say of their claim.

A part is

- *exploratory* below ``MIN_SEEDS`` paired seeds, whatever its numbers;
- *supported* where the tests call what the claim says;
- *contradicted* where they call the opposite;
- *equivalent* where a difference was claimed and the runs show that it is smaller than the grid's margin;
- *inconclusive* otherwise.

A claim is the conjunction of its parts, and the weakest of those with runs gives its word (``WEAKEST``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from analysis.inference.verdict import called
from harness.power import ALPHA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.takeaways.claim import Expect

Word = Literal["supported", "contradicted", "equivalent", "inconclusive", "exploratory", "no runs"]

WEAKEST: Final[tuple[Word, ...]] = ("contradicted", "exploratory", "inconclusive", "equivalent", "supported")
_MIRRORED: Final[dict[Expect, Expect]] = {"less": "more", "no less": "no more"}


def of_difference(expect: Expect, seeds: int, difference: float, p: float, equivalent: float) -> Word:
    """The word of a part that expects a direction, or none. Both p values are adjusted within the family."""
    if expect in _MIRRORED:
        return of_difference(_MIRRORED[expect], seeds, -difference, p, equivalent)
    word = called(seeds, difference, p, equivalent)
    if word in {"exploratory", "inconclusive"}:
        return "exploratory" if word == "exploratory" else "inconclusive"
    if expect == "more":
        return {"better": "supported", "worse": "contradicted"}.get(word, "equivalent")  # type: ignore[return-value]
    # A real difference that is smaller than the margin is none that counts.
    if equivalent <= ALPHA or (expect == "no more" and word == "worse"):
        return "supported"
    return "contradicted"


def of_number(seeds: int, p: float, equivalent: float) -> Word:
    """The word of a part that quotes a number: p of being outside its range, and of being outside its tolerance."""
    word = called(seeds, 0.0, p, equivalent)
    if word == "exploratory":
        return "exploratory"
    if equivalent <= ALPHA:
        return "supported"
    return "contradicted" if p <= ALPHA else "inconclusive"


def of_claim(parts: Sequence[Word]) -> Word:
    """The word of a claim. Parts without runs say nothing; where no part has runs, nor does the claim."""
    judged = [word for word in parts if word != "no runs"]
    return next((word for word in WEAKEST if word in judged), "no runs")
