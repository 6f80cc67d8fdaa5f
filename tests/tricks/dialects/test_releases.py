"""A dialect of a release has the rows that hold for it, and no release is guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tricks.api import TrickError
from tricks.dialects.build import ALL_RELEASES, DIALECTS, find_dialect
from tricks.dialects.dialect import Dialect, Variant
from tricks.normalization import Normalize

ROWS = (
    Variant(Normalize, "a:1", until="0.2"),
    Variant(Normalize, "a:2", since="0.10", until="0.10"),
    Variant(Normalize, "a:3", since="0.10"),
    Variant(Normalize, "a:4"),
)
OWN = Dialect("own", "me/own", "c0ffee", ROWS, releases=("0.1", "0.2", "0.9", "0.10", "1.0"))


@pytest.mark.parametrize(
    ("release", "held"),
    [("0.1", "a:1 a:4"), ("0.2", "a:1 a:4"), ("0.9", "a:4"), ("0.10", "a:2 a:3 a:4"), ("1.0", "a:3 a:4")],
)
def test_rows_hold_from_a_release_to_a_release_both_included(release: str, held: str) -> None:
    at = OWN.at(release)
    assert " ".join(row.where for row in at.variants) == held
    assert (at.spelled, at.release) == (f"own@{release}", release)


def test_the_newest_release_is_the_last_known_one() -> None:
    assert OWN.newest().spelled == "own@1.0"
    assert OWN.newest().spoken == "own"
    assert OWN.at("0.9").spoken == "own 0.9"


def test_a_release_that_is_not_known_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TrickError, match=r"own@0\.11: no such release is known here; .*\(known: 0\.1 to 1\.0\)"):
        OWN.at("0.11")
    with pytest.raises(TrickError, match=r"oat@9: oat is known at commit \w+ alone; write emulate=oat"):
        replace(OWN, name="oat", releases=()).at("9")


@pytest.mark.parametrize("name", DIALECTS)
def test_every_row_names_known_releases_in_order_and_holds_for_one(name: str) -> None:
    dialect = ALL_RELEASES[name]
    order = dialect.known_releases
    assert len(set(order)) == len(order)
    for row in (*dialect.variants, *dialect.refusals, *dialect.rewrites):
        assert {row.since, row.until} <= {"", *order}
        assert any(dialect.holds(row, release) for release in order)
    assert find_dialect(name).spelled == find_dialect(f"{name}@{order[-1]}").spelled == f"{name}@{order[-1]}"
