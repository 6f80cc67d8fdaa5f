from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from analysis.stats.factorial import analyze_factorial
from analysis.study.runs import build_runs_frame, select_planned
from analysis.tables.factorial import build_factorial_table
from analysis.tables.render import render_csv, render_latex, render_markdown
from tests.analysis.factorial.designs import study, taken, two
from tests.analysis.factorial.test_term import EIGHT, WORDS

CROSS = study({"level": ("easy", "hard"), "norm": ("none", "group")}, {"norm": "none"})
# Easy: none 0.5, group 0.6. Hard: none 0.2, group 0.5. Seeds add 0, 0.1, 0.2 to all.
# Norm: mean of 0.1 and 0.3. Level: mean of -0.3 and -0.1. Interaction: 0.3 - 0.1.
PLANTED = {("easy", "none"): 0.5, ("easy", "group"): 0.6, ("hard", "none"): 0.2, ("hard", "group"): 0.5}


def planted(labels, seed):
    return PLANTED[tuple(labels.values())] + 0.1 * seed


def found(made, runs):
    return {str(effect.term): effect for effect in analyze_factorial(made, runs).effects}


def test_planted_effects_are_read_and_what_seeds_share_cancels():
    effects = found(CROSS, taken(CROSS, planted))
    assert effects["norm: group minus none"].difference.mean == pytest.approx(0.2)
    assert effects["level: hard minus easy"].difference.mean == pytest.approx(-0.2)
    assert effects["(level: hard minus easy) x (norm: group minus none)"].difference.mean == pytest.approx(0.2)
    assert all(effect.difference.std == pytest.approx(0) for effect in effects.values())


def test_the_seed_is_the_unit_of_interval_and_p():
    # The effect of norm is 0.2 + 0.1 * (seed - 1) in both levels: 0.1, 0.2, 0.3. Mean 0.2, deviation 0.1,
    # half-width 0.248414; t = 0.2 / (0.1 / sqrt(3)) = 3.4641, p of it with two degrees of freedom 0.074180.
    norm = found(CROSS, taken(CROSS, lambda p, seed: planted(p, seed) + 0.1 * (seed - 1) * (p["norm"] == "group")))[
        "norm: group minus none"
    ]
    assert norm.difference.half_width == pytest.approx(0.248414, abs=1e-6)
    assert norm.p == pytest.approx(0.074180, abs=1e-6)


def test_each_label_is_compared_with_the_baselines():
    made = study({"level": ("easy", "hard"), "norm": ("none", "group", "batch")}, {"norm": "batch"})
    score = {"none": 0.3, "group": 0.4, "batch": 0.6}
    effects = found(made, taken(made, lambda labels, _: score[labels["norm"]]))
    assert effects["norm: none minus batch"].difference.mean == pytest.approx(-0.3)
    assert effects["norm: group minus batch"].difference.mean == pytest.approx(-0.2)


def test_interactions_are_adjusted_apart_from_main_effects():
    # Benjamini and Hochberg: the largest of m p values stays, the smallest is at most m times itself.
    rng = np.random.default_rng(3)
    made = study({"a": ("0", "1", "2"), "b": ("0", "1", "2")})
    effects = analyze_factorial(made, taken(made, lambda *_: rng.normal(), seeds=range(6))).effects
    for order, count in ((1, 4), (2, 4)):
        family = [effect for effect in effects if len(effect.term.steps) == order]
        ps = sorted(effect.p for effect in family)
        assert len(family) == count
        assert max(effect.p_adjusted for effect in family) == pytest.approx(ps[-1])
        expected = min(p * count / rank for rank, p in enumerate(ps, start=1))
        assert min(effect.p_adjusted for effect in family) == pytest.approx(expected)


def test_only_seeds_with_all_cells_count_and_the_others_are_named():
    runs = taken(CROSS, planted, without={(3, 2)})
    reading = analyze_factorial(CROSS, runs)
    assert reading.seeds == (0, 1)
    assert reading.missing == ((3, (2,)),)
    notes = build_factorial_table(CROSS, runs).notes
    assert "Without a score: level = hard, norm = group, seed 2." in notes
    assert "Only seeds with all 4 cells count: 0, 1." in notes


def test_without_a_complete_seed_there_are_rows_and_no_numbers():
    runs = taken(CROSS, planted, without={(3, 0), (3, 1), (3, 2)})
    assert all(effect.difference is None and isnan(effect.p) for effect in analyze_factorial(CROSS, runs).effects)
    assert "— no seed has all cells" in render_markdown(build_factorial_table(CROSS, runs))
    assert build_factorial_table(CROSS, select_planned(build_runs_frame([]), CROSS)).rows


def test_one_seed_gives_a_difference_without_an_interval_or_p():
    effect = analyze_factorial(CROSS, taken(CROSS, planted, seeds=(0,))).effects[0]
    assert effect.difference.n == 1
    assert isnan(effect.p)


def test_a_twin_that_did_not_run_counts_as_the_one_that_did():
    pair = tuple(labels for labels in CROSS.cells if labels["level"] == "hard")
    made = replace(CROSS, twins=(pair,), because=(("same",),), once=True)
    effects = found(made, taken(made, planted, without={(3, seed) for seed in range(3)}))
    # Hard: group counts as none, 0.2. Norm: mean of 0.1 and 0.
    assert effects["norm: group minus none"].difference.mean == pytest.approx(0.05)
    table = build_factorial_table(made, taken(made, planted, without={(3, seed) for seed in range(3)}))
    assert any("level = hard, norm = group as level = hard, norm = none" in note for note in table.notes)


def test_a_fraction_finds_its_main_effects_and_the_sum_of_an_alias_class():
    # a adds 0.1. The effect of e is 0.08 more with b, and that of c is 0.04 more with d; b x e and c x d are one row.
    made = study(EIGHT, fraction=WORDS)

    def accuracy(labels, seed):
        on = {axis: label == "on" for axis, label in labels.items()}
        return 0.3 + 0.1 * on["a"] + 0.08 * (on["e"] and on["b"]) + 0.04 * (on["c"] and on["d"]) + 0.01 * seed

    effects = found(made, taken(made, accuracy))
    assert effects["a: on minus off"].difference.mean == pytest.approx(0.1)
    assert effects["b: on minus off"].difference.mean == pytest.approx(0.04)  # 0.08 with e, nothing without
    assert effects["f: on minus off"].difference.mean == pytest.approx(0)
    shared = effects["(a: on minus off) x (f: on minus off)"]  # the first of its class names the row
    assert shared.difference.mean == pytest.approx(0.12)
    assert {"b x e", "c x d"} < set(shared.aliases)


def test_the_table_of_a_fraction_names_words_resolution_and_aliases():
    made = study(EIGHT, fraction=WORDS)
    table = build_factorial_table(made, taken(made, lambda labels, _: 0.5))
    assert table.name == "crossed.laptop.factorial"
    assert "resolution 4" in table.lead[1]
    assert "e x b x c x d = +1" in table.lead[1]
    assert [row[-1] for row in table.rows[:8]] == ["clear"] * 8
    assert len(table.rows) == 8 + 7
    assert len(render_csv(table).splitlines()) == 1 + 15
    assert r"\begin{tabular}" in render_latex(table)


def test_a_fraction_with_points_missing_is_not_read_and_says_so():
    made = study(two("a", "b", "c"), fraction=(("a", "b", "c"),), keep=lambda p: p != {"a": "on", "b": "on", "c": "on"})
    table = build_factorial_table(made, taken(made, lambda *_: 0.5))
    assert table.rows == ()
    assert "No reading, as points of the fraction are not planned: a = on, b = on, c = on." in table.notes
    assert render_markdown(table)


def test_a_study_of_one_axis_has_no_factorial_table():
    made = study({"norm": ("none", "group")}, {"norm": "none"})
    assert build_factorial_table(made, taken(made, lambda *_: 0.5)) is None


def test_cells_that_failed_for_their_own_reason_are_the_worst_outcome_of_their_effects():
    made = replace(study(two("a", "b"), {"a": "off", "b": "off"}), seeds=tuple(range(10)))
    good = taken(made, lambda labels, seed: 0.5 + (0.05 + 0.001 * seed) * (labels["a"] == "on"), seeds=range(10))
    gone = made.cells.index({"a": "on", "b": "on"})

    def with_failures(error, seeds):
        lost = (good["cell"] == gone) & good["seed"].isin(seeds)
        return good.assign(
            status=good["status"].mask(lost, "failed"),
            error=good["error"].astype(object).mask(lost, error),
            **{"final/accuracy": good["final/accuracy"].mask(lost)},
        )

    half = range(0, 10, 2)
    outside, own = (
        analyze_factorial(made, with_failures(error, half)).effects[0]
        for error in ("NodeDiedError: gone", "Diverged: nan")
    )
    assert outside.difference == own.difference  # of the survivors
    assert outside.p < 0.05 < own.p
    every = analyze_factorial(made, with_failures("Diverged: nan", range(10))).effects[0]
    assert (every.difference, every.p) == (None, 2 / 2**10)
    table = build_factorial_table(made, with_failures("Diverged: nan", half))
    assert any("the worst outcome" in note for note in table.notes)
    assert any("5 of 10 seeds failed" in note for note in table.notes)
