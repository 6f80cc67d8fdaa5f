from analysis.stats.factorial import design
from harness.records.record import Control
from tests.analysis.factorial.designs import study, two

AXES = {"level": ("easy", "hard"), "norm": ("none", "group", "batch")}


def test_the_baselines_label_is_what_others_are_compared_with():
    assert design(study(AXES, {"norm": "batch"})).levels["norm"] == ("batch", "none", "group")
    assert design(study(AXES)).levels["norm"] == ("none", "group", "batch")


def test_an_axis_with_one_label_is_no_factor_and_one_factor_is_no_design():
    assert design(study({**AXES, "model": ("small",)})).levels.keys() == AXES.keys()
    assert design(study({"norm": ("none", "group")})) is None


def test_labels_that_a_grid_leaves_out_somewhere_are_dropped():
    # Five of six points; without batch four of them are a full cross.
    found = design(study(AXES, {"norm": "none"}, keep=lambda p: p != {"level": "hard", "norm": "batch"}))
    assert found.levels == {"level": ("easy", "hard"), "norm": ("none", "group")}
    assert found.cells == (0, 1, 3, 4)
    assert found.left_out == (2,)


def test_cells_that_touch_without_crossing_are_no_design():
    diagonal = {("a0", "b0"), ("a1", "b1"), ("a2", "b2")}
    axes = {"a": ("a0", "a1", "a2"), "b": ("b0", "b1", "b2")}
    assert design(study(axes, keep=lambda p: tuple(p.values()) in diagonal)) is None


def test_a_fraction_is_whole_or_says_what_it_lacks():
    axes, words = two("a", "b", "c"), (("a", "b", "c"),)
    assert len(design(study(axes, fraction=words)).cells) == 4
    found = design(study(axes, fraction=words, keep=lambda p: p != {"a": "on", "b": "on", "c": "on"}))
    assert found.cells == ()
    assert found.absent == ({"a": "on", "b": "on", "c": "on"},)


def test_a_fraction_keeps_the_grids_signs_whatever_the_baseline():
    found = design(study(two("a", "b", "c"), {"a": "on"}, fraction=(("a", "b", "c"),)))
    assert found.levels["a"] == ("off", "on")


def test_controls_are_no_part_of_the_design():
    axes = {**two("a", "b"), "control": ("off", "lr_too_high")}
    control = Control("lr_too_high", {"a": "off", "b": "off", "control": "lr_too_high"}, "worse", "final/accuracy", "")
    made = study(axes, keep=lambda p: p["control"] == "off" or p == control.labels, controls=(control,))
    assert len(made.cells) == 5
    assert design(made).levels == two("a", "b")
    assert len(design(made).cells) == 4
