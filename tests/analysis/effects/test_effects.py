from dataclasses import replace

import pytest

from analysis.stats.contrasts import list_contrasts
from analysis.stats.effects import list_effect_sides, measure_all_effects
from analysis.study.runs import build_runs_frame, select_planned
from analysis.tables.render import render_csv, render_latex, render_markdown
from analysis.tables.scores import MissingScore
from analysis.tables.verdicts import build_effects_table
from tests.analysis.samples import STUDY, failed, run


def scored(cell, seed, length, **others):
    return run(cell, seed, scores={"final/accuracy": 0.5, "final/length": length, **others})


# Lengths on easy: the baseline has 30 and 40; the arm 36 and 48: differences 6 and 8, mean 7, deviation 1.41421,
# t(0.975, 1) = 12.7062: 12.7062 * 1.41421 / sqrt(2) = 12.7062.
RECORDS = (
    scored(0, 0, 30.0),
    scored(0, 1, 40.0),
    scored(1, 0, 36.0),
    scored(1, 1, 48.0, **{"final/pass@4": 0.8}),
    failed(3, 0),
)
TAKEN = select_planned(build_runs_frame(RECORDS), STUDY)
CONTRAST = list_contrasts(STUDY)[0]


def test_an_effect_is_paired_by_seed():
    length = measure_all_effects(STUDY, TAKEN)[CONTRAST][0]
    assert length.side.score == "final/length"
    assert (length.arm.mean, length.baseline.mean) == (42, 35)
    assert length.difference.mean == pytest.approx(7)
    assert length.difference.half_width == pytest.approx(12.7062, abs=1e-4)


def test_a_score_that_one_side_never_logged_is_no_effect():
    assert "final/pass@4" in [side.score for side in list_effect_sides(STUDY, TAKEN)]
    assert [effect.side.score for effect in measure_all_effects(STUDY, TAKEN)[CONTRAST]] == [
        "final/length",
        "cpu_seconds",
    ]


def test_the_metric_of_the_contrast_is_no_side_effect_of_it():
    study = replace(STUDY, metric="final/length")
    found = measure_all_effects(study, select_planned(build_runs_frame(RECORDS), study))[list_contrasts(study)[0]]
    assert [effect.side.score for effect in found] == ["cpu_seconds"]


def test_seconds_are_wall_time_where_the_machine_is_ours_alone():
    gpu = replace(STUDY, profile="gpu")
    runs = build_runs_frame([replace(record, profile="gpu") for record in RECORDS])
    assert [side.score for side in list_effect_sides(gpu, select_planned(runs, gpu))][-1] == "wall_seconds"


def test_seeds_without_a_partner_are_in_neither_mean():
    taken = select_planned(build_runs_frame([*RECORDS, scored(1, 2, 900.0)]), STUDY)
    assert measure_all_effects(STUDY, taken)[CONTRAST][0].arm.mean == 42


def test_the_table_has_a_row_a_contrast_with_runs():
    table = build_effects_table(STUDY, TAKEN)
    assert table.name == "norms.laptop.effects"
    assert [row[:2] for row in table.rows] == [("easy", "group")]
    assert "+7.0 [-5.7, +19.7] (2)" in render_markdown(table)
    assert render_csv(table).splitlines()[1].startswith("easy,group,0,0,0,2,7,")
    assert r"\begin{tabular}" in render_latex(table)
    assert table.rows[0][[column.key for column in table.columns].index("final/pass@4")] == MissingScore()


def test_nothing_compared_is_no_table():
    assert build_effects_table(replace(STUDY, baseline={}), TAKEN) is None
    assert build_effects_table(STUDY, select_planned(build_runs_frame([]), STUDY)) is None
