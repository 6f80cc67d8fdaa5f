"""The tables of the frameworks name options and tricks that exist, and say each thing once."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from itertools import pairwise

import pytest

from tests.tricks.frameworks.tables import edges
from tricks.catalog import find_trick
from tricks.dialects.build import ALL_RELEASES
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.explanation import explain_options
from tricks.frameworks.registry import FRAMEWORKS, find_framework
from tricks.frameworks.spelling import LOOP, Match, NotModeled


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_options_are_those_of_the_dialects_releases(name: str) -> None:
    catalogue, order = load_options(name), ALL_RELEASES[name].known_releases
    assert catalogue.releases == order
    for option, spans in catalogue.spans.items():
        ends = [(order.index(first), len(order) - 1 if last is None else order.index(last)) for first, last, _ in spans]
        assert all(first <= last for first, last in ends), option
        assert all(before[1] < after[0] for before, after in pairwise(ends)), option


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_option_of_a_table_exists_in_a_release(name: str) -> None:
    table, known = find_framework(name), load_options(name).spans
    named = {option for part in table.parts for row in part.spellings for option in row.options}
    takes = [take for part in table.parts for row in part.spellings for take in row.takes().values()]
    takes += [keep.take for keep in table.keeps]
    named |= {take.option for take in takes} | {take.or_else for take in takes if take.or_else}
    named |= {option for fault in table.faults for option in fault.when}
    assert named <= set(known), sorted(named - set(known))
    for pattern in (*table.no_effect, *(row.pattern for row in table.not_modeled)):
        assert any(fnmatchcase(option, pattern) for option in known), pattern


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_number_that_a_condition_leaves_open_is_taken_by_a_setting(name: str) -> None:
    for part in find_framework(name).parts:
        for row in part.spellings:
            taken = {take.option for take in row.takes().values()}
            open_ones = {
                option for option, match in row.options.items() if isinstance(match, Match) and match.written is None
            }
            if row.tricks and row.written and not row.not_modeled:
                assert open_ones - taken <= {o for o in open_ones if row.options[o].holds(None)}, row


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_tricks_and_settings_of_a_table_exist(name: str) -> None:
    table = find_framework(name)
    for part in table.parts:
        for row in part.spellings:
            for trick, settings in row.tricks.items():
                assert set(settings) <= set(find_trick(trick).cls.__dataclass_fields__), (part.name, trick)
    assert {keep.key for keep in table.keeps} <= set(LOOP)
    assert all(map(find_trick, table.in_code))
    assert all(isinstance(row, NotModeled) and row.because for row in table.not_modeled)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_defaults_of_every_release_are_explained(name: str) -> None:
    for release in edges(name):
        found = explain_options(find_framework(name), release, [])
        assert found.rule is not None or found.problems, release
        assert not found.unknown
        assert not found.unplaced


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_faults_have_names_of_their_own(name: str) -> None:
    counts = Counter(fault.name for fault in find_framework(name).faults)
    assert all(count == 1 for count in counts.values()), counts
