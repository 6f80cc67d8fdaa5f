"""Find the files that can hold a test of the tier that is asked for, by their text.

Importing all test files takes each test process most of a quarter of a minute, and few of them have tests of the tiers
slow and engines. A mark is written in the file that has it, which every session checks for the files that it reads.
"""

from functools import cache
from itertools import product

import pytest
from _pytest.mark.expression import Expression

WORDS = {
    "slow": ("mark.slow", "tests.tiers"),
    "distributed": ("mark.distributed",),
    "engines": ("mark.engines",),
    "gpu": ("mark.gpu",),
    "hypothesis": ("hypothesis",),  # marked by its own plugin
}


@cache
def possible_marks(path):
    """Return the marks of ``WORDS`` that tests of a file may have."""
    text = path.read_text(encoding="utf-8")
    return frozenset(mark for mark, words in WORDS.items() if any(word in text for word in words))


def may_hold(path, expression):
    """Return whether a file may hold a test that ``-m expression`` selects; marks without words are always possible."""
    try:
        asked = Expression.compile(expression or "True")
    except SyntaxError:
        return True  # pytest says so itself
    there = possible_marks(path)
    choices = product(*([False, True] if mark in there else [False] for mark in WORDS))
    sets = [dict(zip(WORDS, choice, strict=True)) for choice in choices]
    return any(asked.evaluate(_Matcher(marks, other)) for marks in sets for other in (False, True))


class _Matcher:
    """The marks of a test: some by name, and whether it has the other ones."""

    def __init__(self, marks, other):
        self._marks, self._other = marks, other

    def __call__(self, name, /, **_):
        return name == "True" or self._marks.get(name, self._other)


def refuse_unwritten_marks(items):
    """Raise a usage error for a test whose mark is not written in its file: another session would not find it."""
    for item in items:
        found = {mark.name for mark in item.iter_markers()} & WORDS.keys()
        if unwritten := found - possible_marks(item.path):
            raise pytest.UsageError(
                f"{item.nodeid} has the mark {min(unwritten)}, and its file does not say so; write one of "
                f"{WORDS[min(unwritten)]} there, or add how it is said to tests/marked_files.py"
            )
