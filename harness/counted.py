"""An iterator that knows how far it is, so that another one can be brought to the same place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")


class Counted(Iterator[T]):
    """Counts the items that were taken from it."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items, self.taken = iter(items), 0

    def __next__(self) -> T:
        item = next(self._items)
        self.taken += 1
        return item

    def peek(self, items: int) -> list[T]:
        """The next items, which stay and are not counted."""
        coming = list(islice(self._items, items))
        self._items = chain(coming, self._items)
        return coming

    def skip(self, items: int) -> None:
        """Take so many items and drop them."""
        deque(islice(self, items), maxlen=0)
