"""What the verifier has to reach on the labelled pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.audit.counts import Counts

SPOTLESS: Final = ("aime", "amc", "gsm8k")  # forms without a single false positive
FALSE_POSITIVES: Final = 0.005  # of the wrong pairs, at most
FALSE_NEGATIVES: Final = 0.02  # of the right pairs, at most


def missed(counts: Counts) -> Iterator[str]:
    """The bars that are missed, in words."""
    for name in SPOTLESS:
        if found := counts.forms[name].false_positives:
            yield f"{found} false positives on {name}: none is allowed"
    total = counts.total
    yield from _above("false positives", total.false_positives, total.wrong, FALSE_POSITIVES)
    yield from _above("false negatives", total.false_negatives, total.right, FALSE_NEGATIVES)


def _above(name: str, part: int, whole: int, most: float) -> Iterator[str]:
    if part > most * whole:
        yield f"{part} {name} of {whole}: more than {100 * most:g} %"
