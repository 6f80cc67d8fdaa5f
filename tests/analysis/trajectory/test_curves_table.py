from dataclasses import replace

import numpy as np
import pytest

from analysis.curves.summary import summarize_learning
from analysis.figures.study import draw_curves
from analysis.study.runs import build_runs_frame, select_planned
from analysis.tables.curves import build_curves_table
from analysis.tables.render import render_csv, render_latex, render_markdown
from analysis.tables.scores import MissingScore
from tests.analysis.samples import STUDY, failed, run
from tests.analysis.trajectory.curves import course, history, saturating

STEPS = 20
RUNS = build_runs_frame([*(run(cell, seed) for cell in (0, 1, 2) for seed in (0, 1)), failed(3, 0)])
TAKEN = select_planned(RUNS, STUDY)
ACCURACY = {
    **{f"c0-s{seed}": np.linspace(0.2, 0.4, STEPS) for seed in (0, 1)},
    **{f"c1-s{seed}": np.linspace(0.2, 0.6, STEPS) for seed in (0, 1)},
    **{f"c2-s{seed}": [0.8] * 10 + [0.0] * 10 for seed in (0, 1)},
}
TOKENS = {name: [20.0 if name.startswith("c1") else 10.0] * STEPS for name in ACCURACY}
HISTORY = history(ACCURACY, TOKENS, TOKENS)


def column(table, key):
    place = [column.key for column in table.columns].index(key)
    return [row[place] for row in table.rows]


def test_better_at_twice_the_cost_is_shown_as_such():
    table = build_curves_table(STUDY, TAKEN, HISTORY)
    # Accuracy gained a token is the same: after the baseline's 190 tokens the arm is half-way, at 0.4 less what its
    # five last points, twice as far apart in tokens, lie behind.
    assert column(table, "equal steps")[1].mean == pytest.approx(0.2 * 17 / 19)
    assert column(table, "equal tokens")[1].mean < 0
    assert column(table, "tokens ratio")[1].mean == pytest.approx(2)


def test_a_cell_whose_runs_collapsed_says_when_and_has_no_ceiling():
    table = build_curves_table(STUDY, TAKEN, HISTORY)
    assert column(table, "collapsed")[2] == "2 of 2 [0.34, 1.00], from step 13, 13"
    assert column(table, "ceiling")[2] == MissingScore("collapsed in 2 of 2")


def test_runs_from_before_tokens_were_counted_are_said_and_do_not_crash():
    table = build_curves_table(STUDY, TAKEN, history(ACCURACY))
    assert column(table, "equal tokens")[1] == MissingScore("not counted")
    assert "6 runs did not record rollout/tokens and are left out of comparisons at equal tokens." in table.notes
    assert "half the gain after, steps" in [column.title for column in table.columns]


def test_the_table_is_written_in_all_three_ways():
    table = build_curves_table(STUDY, TAKEN, HISTORY)
    assert table.name == "norms.laptop.curves"
    assert "No curve of a finished run: level = hard, norm = group." in render_markdown(table)
    assert len(render_csv(table).splitlines()) == 1 + 3
    assert render_latex(table).count(r"\\") >= 4


def test_a_study_without_curves_has_no_table():
    assert build_curves_table(STUDY, TAKEN, history({})) is None
    assert build_curves_table(STUDY, select_planned(build_runs_frame([]), STUDY), HISTORY) is None


def test_a_grid_without_a_baseline_has_no_comparisons():
    table = build_curves_table(replace(STUDY, baseline={}), TAKEN, HISTORY)
    assert "gap" not in {column.kind for column in table.columns}


def test_each_metric_is_read_once():
    asked = []
    build_curves_table(STUDY, TAKEN, lambda metric: asked.append(metric) or HISTORY(metric))
    assert sorted(asked) == ["rollout/accuracy", "rollout/tokens", "seconds/cpu"]


def test_a_ceiling_is_given_only_where_every_seed_knows_it():
    rng = np.random.default_rng(1)
    level = [saturating(rng, 150, 0.03, 0.8, 2.0, 0.1)[1] for _ in range(3)]
    open_ = saturating(rng, 150, 0.03, 0.8, 2.0, 1.0)[1]
    known = summarize_learning({seed: course(values, 10) for seed, values in enumerate(level)}, "tokens")
    assert known.ceiling.mean == pytest.approx(0.8, abs=0.02)
    assert known.ceiling.n == 3
    some = summarize_learning({seed: course(values, 10) for seed, values in enumerate([*level, open_])}, "tokens")
    assert some.ceiling is None
    assert some.trouble == "not levelled off in 1 of 4"


def test_the_figure_has_a_row_a_setting_and_no_date_and_the_same_bytes():
    files = draw_curves(STUDY, RUNS, HISTORY)
    assert files == draw_curves(STUDY, RUNS, HISTORY)
    assert files["svg"].count(b'id="axes_') == 4
    assert files["svg"].count(b'id="FillBetweenPolyCollection_') == 6  # three cells, over steps and over tokens
    assert b"<dc:date>" not in files["svg"]


def test_the_figure_says_where_tokens_were_not_counted():
    assert b"tokens not counted" in draw_curves(STUDY, RUNS, history(ACCURACY))["svg"]
    assert draw_curves(STUDY, build_runs_frame([]), history({}))["png"].startswith(b"\x89PNG")
