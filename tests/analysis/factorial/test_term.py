from itertools import combinations

from analysis.stats.factorial import aliases, design, resolution, terms
from tests.analysis.factorial.designs import study, two

# The usual 2^(8-4) of resolution IV: four axes free, e = bcd, f = acd, g = abc, h = abd.
EIGHT = two(*"abcdefgh")
WORDS = tuple(map(tuple, ("ebcd", "facd", "gabc", "habd")))


def test_a_full_cross_tells_all_its_effects_apart():
    found = design(study({"level": ("easy", "hard"), "norm": ("none", "group", "batch")}))
    named = [str(term) for term in terms(found)]
    assert named == [
        "level: hard minus easy",
        "norm: group minus none",
        "norm: batch minus none",
        "(level: hard minus easy) x (norm: group minus none)",
        "(level: hard minus easy) x (norm: batch minus none)",
    ]
    assert {aliases(term, found) for term in terms(found)} == {()}


def test_sixteen_runs_of_eight_axes_have_clear_main_effects_and_seven_classes_of_interactions():
    found = design(study(EIGHT, fraction=WORDS))
    assert len(found.cells) == 16
    assert resolution(found.words) == 4
    mains = [term for term in terms(found) if len(term.steps) == 1]
    pairs = [term for term in terms(found) if len(term.steps) == 2]
    assert [aliases(term, found) for term in mains] == [()] * 8
    assert len(pairs) == 7
    assert {len(aliases(term, found)) for term in pairs} == {3}  # 7 classes of 4: all 28 pairs


def test_aliases_have_the_same_column_of_signs():
    # e x b x c x d = +1, so e x b and c x d are one column: the class of a pair is read off the cells themselves.
    made = study(EIGHT, fraction=WORDS)
    found = design(made)

    def column(axes):
        return tuple((labels[axes[0]] == "on") == (labels[axes[1]] == "on") for labels in made.cells)

    for term in (term for term in terms(found) if len(term.steps) == 2):
        own = tuple(step.axis for step in term.steps)
        same = {pair for pair in combinations(EIGHT, 2) if pair != own and column(pair) == column(own)}
        assert {" x ".join(pair) for pair in same} == set(aliases(term, found))


def test_a_fraction_of_resolution_three_says_what_its_main_effects_stand_for():
    found = design(study(two("a", "b", "c"), fraction=(("a", "b", "c"),)))
    assert resolution(found.words) == 3
    assert [aliases(term, found) for term in terms(found)] == [("b x c",), ("a x c",), ("a x b",)]


def test_a_column_that_never_changes_is_no_effect():
    # a x b = +1: only cells where both are equal; a and b are one effect, their interaction is none.
    found = design(study(two("a", "b", "c"), fraction=(("a", "b"),)))
    assert [str(term) for term in terms(found) if len(term.steps) == 1] == ["a: on minus off", "c: on minus off"]
    assert [sorted(term.axes) for term in terms(found) if len(term.steps) == 2] == [["a", "c"]]
