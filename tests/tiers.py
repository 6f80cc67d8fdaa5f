"""Spread the cases of one test over the tiers: some for every change, all of them in the slow tier.

A case that costs seconds belongs to the default tier only where no cheaper case holds the same fault. All functions
give the values of one argument of ``pytest.mark.parametrize``.
"""

import pytest


def only(kept, values):
    """Leave the values in ``kept`` to the default tier; mark the other ones slow."""
    left_out = [value for value in kept if value not in values]
    assert not left_out, f"no such values: {left_out}"
    return [value if value in kept else _slow(value) for value in values]


def first(few, values):
    """Leave the first ``few`` values to the default tier; mark the other ones slow."""
    values = list(values)
    return [*values[:few], *map(_slow, values[few:])]


def counts(default, full):
    """Give a count for the default tier, and the full one, marked slow."""
    return [default, _slow(full)]


def _slow(value):
    return pytest.param(value, marks=pytest.mark.slow)
