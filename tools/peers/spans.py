"""Merge the results of neighboring releases that agree."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def merge_equal(releases: Sequence[str], results: Sequence[dict[str, Any]], words: str) -> dict[str, dict[str, Any]]:
    """Return the results by span of releases, such as ``0.6.0..0.6.4``.

    Args:
        releases: In order.
        results: One per release; ``{"refused": why}`` where the framework does not take the options,
            ``{"outside": True}`` where they have another meaning.
        words: What a refusal of ours must contain where the framework refuses.

    Returns:
        The result of the first release of each span. A span ends where a number changes by more than rounding.
        Without words, releases outside are left out.

    """
    spans: list[tuple[str, str, dict[str, Any]]] = []
    for release, result in zip(releases, results, strict=True):
        if "outside" in result and not words:
            continue
        found = {"refused": words} if {"refused", "outside"} & result.keys() else result
        if spans and _agree(spans[-1][2], found):
            spans[-1] = (spans[-1][0], release, spans[-1][2])
        else:
            spans.append((release, release, found))
    return {first if first == last else f"{first}..{last}": found for first, last, found in spans}


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one.keys() != other.keys():
        return False
    if "refused" in one:
        return True
    pairs = zip(
        chain.from_iterable(_numbers(one[key]) for key in one),
        chain.from_iterable(_numbers(other[key]) for key in one),
        strict=True,
    )
    return all(math.isclose(mine, theirs, rel_tol=5e-7, abs_tol=5e-8) for mine, theirs in pairs)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    else:
        yield float(value)
