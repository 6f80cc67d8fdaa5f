"""Find the benchmark problem that a training problem repeats, by wording or n-grams.

similarity(a, b) = shared n-grams / n-grams of the problem with more
coverage(a, b)   = shared n-grams / n-grams of the problem with fewer

Coverage finds a problem inside a longer text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.data.wording import join_tokens, ngrams, tokenize_statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.data.rows import DataRow

COVERING: Final = 5  # minimum n-grams of a problem for coverage to count, because a few words are covered by accident


@dataclass(frozen=True, slots=True)
class Overlap:
    """A benchmark problem, and how a training problem repeats it."""

    benchmark_id: str
    how: Literal["same as", "near", "covers"]
    similarity: float  # 1.0 for the same wording; the coverage for "covers"


class BenchmarkIndex:
    """An index of the statements of all benchmarks, by wording and by n-gram."""

    def __init__(self, rows: Iterable[DataRow]) -> None:
        self._ids: list[str] = []
        self._sizes: list[int] = []
        self._by_wording: dict[str, str] = {}
        self._by_ngram: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in rows:
            self._add(row)

    def overlap(self, words: tuple[str, ...], near: float, covered: float) -> Overlap | None:
        """Return the closest benchmark problem that a statement repeats; None if there is none.

        Args:
            words: Tokens of the statement.
            near: Lowest similarity that counts, from 0 to 1.
            covered: Lowest coverage that counts, from 0 to 1.

        Returns:
            The benchmark problem, and how the statement repeats it.

        """
        same = self._by_wording.get(join_tokens(words))
        if same is not None:
            return Overlap(same, "same as", 1.0)
        grams = ngrams(words)
        shared: Counter[int] = Counter()
        for gram in grams & self._by_ngram.keys():
            shared.update(self._by_ngram[gram])
        found = (self._judge(index, count, len(grams), near, covered) for index, count in shared.items())
        return max(filter(None, found), key=_closeness, default=None)

    def _add(self, row: DataRow) -> None:
        words = tokenize_statement(row.problem)
        grams = ngrams(words)
        for gram in grams:
            self._by_ngram[gram].append(len(self._ids))
        self._by_wording.setdefault(join_tokens(words), row.row_id)
        self._ids.append(row.row_id)
        self._sizes.append(len(grams))

    def _judge(self, index: int, shared: int, size: int, near: float, covered: float) -> Overlap | None:
        longer, shorter = max(size, self._sizes[index]), min(size, self._sizes[index])
        if shared >= near * longer:
            return Overlap(self._ids[index], "near", round(shared / longer, 3))
        if shorter >= COVERING and shared >= covered * shorter:
            return Overlap(self._ids[index], "covers", round(shared / shorter, 3))
        return None


def _closeness(overlap: Overlap) -> tuple[bool, float, str]:
    return overlap.how == "near", overlap.similarity, overlap.benchmark_id
