from dataclasses import replace
from xml.etree import ElementTree

import pytest

from analysis.curves.equal_cost import choose_curve_metric, compute_bands
from analysis.figures.study import draw_study
from analysis.study.runs import build_runs_frame, select_planned
from tests.analysis.samples import STUDY, failed, run

RUNS = build_runs_frame(
    [*(run(cell, seed, 0.1 * cell + 0.01 * seed) for cell in range(3) for seed in (0, 1)), failed(3, 0)]
)


def history(metric):
    """Learning curves on training problems; two held-out points a run."""
    steps = (0, 3) if metric == "eval/accuracy" else (1, 2, 3)
    return {
        f"c{cell}-s{seed}": tuple((step, 0.1 * step + 0.2 * seed) for step in steps)
        for cell in range(4)
        for seed in (0, 1)
    }


def test_the_band_runs_from_the_lowest_to_the_highest_seed():
    # step 1: seeds at 0.1 and 0.3
    band = compute_bands(select_planned(RUNS, STUDY), history("rollout/accuracy"))[0]
    assert band.steps == (1, 2, 3)
    assert (band.low[0], band.mean[0], band.high[0]) == pytest.approx((0.1, 0.2, 0.3))


def test_curves_of_failed_runs_are_not_drawn():
    assert set(compute_bands(select_planned(RUNS, STUDY), history("rollout/accuracy"))) == {0, 1, 2}


def test_held_out_curves_are_drawn_where_they_have_enough_points():
    assert choose_curve_metric(STUDY, history) == "rollout/accuracy"
    assert choose_curve_metric(STUDY, lambda _: {"c0-s0": ((0, 0.1), (5, 0.2), (10, 0.3))}) == "eval/accuracy"


@pytest.mark.parametrize(
    ("score", "logged"),
    [
        ("final/pass@8", "eval/pass"),
        ("final/aime24/avg@64", "eval/aime24/accuracy"),
        ("final/aime24/maj@64", "eval/aime24/majority"),
        ("final/length", "eval/length"),
    ],
)
def test_a_score_has_the_curve_of_its_step_metric(score, logged):
    long = {"c0-s0": ((0, 0.1), (5, 0.2), (10, 0.3))}
    assert choose_curve_metric(replace(STUDY, metric=score), lambda name: long if name == logged else {}) == logged


@pytest.fixture(scope="module")
def files():
    """The figure of the runs, drawn once."""
    return draw_study(STUDY, RUNS, history)


def test_the_same_runs_give_the_same_bytes(files):
    assert draw_study(STUDY, RUNS, history) == files


def test_the_figure_is_readable_and_carries_no_date(files):
    assert files["png"].startswith(b"\x89PNG")
    assert ElementTree.fromstring(files["svg"]).tag.endswith("svg")
    assert b"<dc:date>" not in files["svg"]


def test_every_setting_has_a_row_and_every_curve_of_it_a_line(files):
    svg = files["svg"].decode()
    assert svg.count('id="axes_') == 4  # two settings, curves and final scores
    assert svg.count('id="FillBetweenPolyCollection_') == 3  # cells with finished runs


def test_a_study_without_runs_is_drawn_too():
    assert draw_study(replace(STUDY, baseline={}), build_runs_frame([]), lambda _: {})["png"].startswith(b"\x89PNG")
