"""How often a verifier errs, by form and by kind of pair, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from scipy.stats import binomtest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.audit.labelled import Pair


@dataclass(frozen=True, slots=True)
class Count:
    """Pairs by label, and mistakes among them. An undecided pair earns nothing: a mistake where its label is right."""

    right: int = 0  # pairs labelled right
    wrong: int = 0
    false_positives: int = 0  # of the wrong
    false_negatives: int = 0  # of the right
    undecided: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.right + other.right,
            self.wrong + other.wrong,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.undecided + other.undecided,
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """The same pairs, counted twice."""

    forms: Mapping[str, Count]
    kinds: Mapping[str, Count]

    @property
    def total(self) -> Count:
        """Of all pairs."""
        return _sum(self.forms.values())


@dataclass(frozen=True, slots=True)
class Word:
    """What a verifier says of a pair."""

    right: bool
    reason: str = ""
    answer: str | None = None  # as the verifier read it
    undecided: bool = False


def count(pairs: Sequence[Pair], words: Sequence[Word]) -> Counts:
    """Compare labels and words, in the same order."""
    judged = [(pair, _one(pair, word)) for pair, word in zip(pairs, words, strict=True)]
    forms = {name: _sum(one for pair, one in judged if pair.form == name) for name in _names(p.form for p in pairs)}
    kinds = {name: _sum(one for pair, one in judged if pair.kind == name) for name in _names(p.kind for p in pairs)}
    return Counts(forms, kinds)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share after Wilson; all of [0, 1] where nothing was counted."""
    if not whole:
        return 0.0, 1.0
    found = binomtest(part, whole).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _one(pair: Pair, word: Word) -> Count:
    return Count(
        right=int(pair.right),
        wrong=int(not pair.right),
        false_positives=int(word.right and not pair.right),
        false_negatives=int(pair.right and not word.right),
        undecided=int(word.undecided),
    )


def _sum(counts: Iterable[Count]) -> Count:
    return reduce(Count.__add__, counts, Count())


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
