"""Ids and records know tricks by stable names: classes may be renamed and get settings, and no id changes."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass, replace
from inspect import isclass

import pytest

from harness.common.schema import build_dataclass
from harness.config.compose import compose_fast
from harness.config.experiment import ExperimentConfig
from tricks.api import Recorded, TrickSpec
from tricks.catalog import BUILT_IN_TRICKS, load_catalog
from tricks.dialects import (
    own_tricks as centre_norm,
    own_tricks as nemo_tricks,
    own_tricks as probability,
    own_tricks as sequence_clip,
    parts_trl,
)
from tricks.dialects.build import DIALECTS
from tricks.dialects.own_tricks import SampleMean
from tricks.normalization import Normalize
from tricks.recorded import RECORDED, recorded_name, spell_briefly, spell_fully, stable_name
from tricks.settings import make_trick, read_field_types

NAMES = sorted(spec.name for spec in BUILT_IN_TRICKS)


@pytest.fixture
def register(monkeypatch):
    """Put a class in the place of a trick's in the catalog."""

    def put(name, cls, recorded=None):
        spec = catalog_now().get(name) or TrickSpec(name, cls, "a test", "a test")
        changed = {**catalog_now(), name: replace(spec, cls=cls, recorded=recorded)}
        for place in ("tricks.catalog", "tricks.recorded"):
            monkeypatch.setattr(f"{place}.load_catalog", lambda: changed)

    def catalog_now():
        from tricks.catalog import load_catalog as now

        return now()

    return put


def cell_id(*overrides):
    return build_dataclass(ExperimentConfig, compose_fast(overrides)).cell_id()


def renamed(name, *more):
    """Make a class of another name that does the same, with more fields."""
    return make_dataclass("Another", more, bases=(load_catalog()[name].cls,), frozen=True)


def trick(name, **settings):
    from tricks.catalog import find_trick

    return make_trick(name, find_trick(name).cls, {**find_trick(name).settings, **settings})


@pytest.mark.parametrize("name", NAMES)
def test_a_renamed_class_keeps_its_spelling(name, register):
    before = spell_fully(trick(name)), spell_briefly(trick(name)), recorded_name(trick(name))
    register(name, renamed(name))
    assert type(trick(name)).__name__ == "Another"
    assert (spell_fully(trick(name)), spell_briefly(trick(name)), recorded_name(trick(name))) == before


def test_a_renamed_class_keeps_the_id_of_a_cell(register):
    before = cell_id("preset=dapo"), cell_id("preset=dapo", "+tricks.group_norm={eps:1e-5}")
    assert before[0] != before[1]
    register("group_norm", renamed("group_norm"))
    assert (cell_id("preset=dapo"), cell_id("preset=dapo", "+tricks.group_norm={eps:1e-5}")) == before


def test_a_new_setting_keeps_the_id_until_it_is_changed(register):
    before, words = cell_id("preset=dapo"), spell_briefly(trick("group_norm"))
    register("group_norm", renamed("group_norm", ("trim", float, 0.0)))
    assert cell_id("preset=dapo") == cell_id("preset=dapo", "+tricks.group_norm={trim:0.0}") == before
    assert spell_briefly(trick("group_norm")) == words
    assert cell_id("preset=dapo", "+tricks.group_norm={trim:0.1}") != before
    assert spell_fully(trick("group_norm", trim=0.1)).endswith(", precision='double', trim=0.1)")


def test_another_order_of_fields_keeps_the_spelling(register):
    before = spell_fully(trick("clip_higher")), spell_briefly(trick("clip_higher", clip_ratio_low=0.1))
    cls = load_catalog()["clip_higher"].cls
    parts = [(field.name, read_field_types(cls)[field.name], field.default) for field in reversed(fields(cls))]
    reordered = make_dataclass("Another", parts, namespace={"surrogate": cls.surrogate}, frozen=True)
    assert [field.name for field in fields(reordered)] != [field.name for field in fields(cls)]
    register("clip_higher", reordered)
    assert (spell_fully(trick("clip_higher")), spell_briefly(trick("clip_higher", clip_ratio_low=0.1))) == before


def test_every_trick_of_the_project_has_a_stable_name_and_one_spelling():
    assert set(NAMES) <= set(RECORDED)
    for spec in BUILT_IN_TRICKS:
        assert {RECORDED[other.name] for other in BUILT_IN_TRICKS if other.cls is spec.cls} == {RECORDED[spec.name]}
        assert set(RECORDED[spec.name].fields) <= {field.name for field in fields(spec.cls)}
        assert stable_name(spec.cls) in RECORDED


def test_every_class_of_a_dialect_has_a_stable_name_of_its_own():
    own = {
        cls.stable_name: cls
        for module in (centre_norm, nemo_tricks, probability, sequence_clip, parts_trl)
        for cls in vars(module).values()
        if isclass(cls) and cls.__module__ == module.__name__
    }
    becoming = {type(each.becomes) for dialect in DIALECTS.values() for each in dialect.rewrites}
    becoming |= {row.becomes for dialect in DIALECTS.values() for row in dialect.variants if row.becomes}
    known = {spec.cls for spec in BUILT_IN_TRICKS}
    assert becoming - known <= set(own.values())
    assert set(own) == set(RECORDED) - set(NAMES)
    assert all(stable_name(cls) == name for name, cls in own.items())


def test_two_tricks_never_have_one_spelling():
    spelled = {stable_name(spec.cls): RECORDED[spec.name].name for spec in BUILT_IN_TRICKS}
    spelled |= {name: RECORDED[name].name for name in set(RECORDED) - set(NAMES)}
    assert len(set(spelled.values())) == len(spelled)


def test_a_class_that_inherits_a_stable_name_is_another_trick():
    heir = make_dataclass("Heir", (), bases=(SampleMean,), frozen=True)
    assert stable_name(SampleMean) == "sample_mean"
    assert stable_name(heir) is None
    assert spell_fully(heir()) == "Heir(scope='update', count='kept')"


def test_a_trick_of_another_package_is_spelled_as_python_does(register):
    @dataclass(frozen=True)
    class Bonus:
        size: float = 1.0
        extra: int = 0

        def shape_rewards(self, rollouts):
            return rollouts.rewards * self.size

    assert spell_fully(Bonus()) == repr(Bonus())
    register("bonus", Bonus, Recorded("OldBonus", ("size",)))
    assert spell_fully(Bonus()) == "OldBonus(size=1.0)"
    assert spell_fully(Bonus(extra=2)) == "OldBonus(size=1.0, extra=2)"
    assert spell_briefly(Bonus()) == "OldBonus()"


def test_a_default_that_is_listed_is_always_told():
    assert spell_fully(Normalize()).startswith("Normalize(mean='none', std='none', about='own', ddof=1, eps=1e-06,")
    assert spell_briefly(Normalize(mean="group", eps=1e-5)) == "Normalize(mean='group', eps=1e-05)"
