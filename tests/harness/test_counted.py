from itertools import count, islice

from harness.rollouts.queue import CountingIterator


def test_what_is_taken_is_counted() -> None:
    items = CountingIterator(count())
    assert list(islice(items, 3)) == [0, 1, 2]
    assert next(items) == 3
    assert items.taken == 4


def test_another_one_is_brought_to_the_same_place() -> None:
    items = CountingIterator(count())
    items.skip(4)
    assert (next(items), items.taken) == (4, 5)


def test_an_end_is_not_counted() -> None:
    items = CountingIterator("ab")
    assert (list(items), items.taken) == (["a", "b"], 2)


def test_items_that_were_looked_at_stay():
    items = CountingIterator(count())
    assert items.peek(3) == [0, 1, 2]
    assert items.taken == 0
    assert [next(items), *items.peek(2), next(items)] == [0, 1, 2, 1]
    assert CountingIterator("ab").peek(3) == ["a", "b"]
