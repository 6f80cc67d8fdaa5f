from analysis.report.curves import POINTS, build_curve_figures
from analysis.study.runs import build_runs_frame, select_planned
from tests.analysis.report.samples import STUDY as CONTROLLED, record
from tests.analysis.samples import STUDY, failed, run


def drawn(records, histories):
    taken = select_planned(build_runs_frame(records), STUDY)
    return build_curve_figures(STUDY, taken, lambda metric: histories.get(metric, {}))


def straight(steps):
    return tuple((step, float(step)) for step in range(1, steps + 1))


def test_only_finished_runs_have_curves():
    histories = {"rollout/accuracy": {"c0-s0": straight(3), "c0-s1": straight(3)}}
    (figure,) = drawn([run(0, 0), failed(0, 1)], histories)
    ((line,),) = (panel.lines for panel in figure.panels)
    assert [found.run_id for found in line.runs] == ["c0-s0"]


def test_metrics_that_were_not_logged_are_left_out():
    assert drawn([run(0, 0)], {}) == ()
    assert drawn([run(0, 0)], {"rollout/accuracy": {"c0-s0": straight(2)}}) == ()  # two points make no curve


def test_the_curve_that_decides_comes_first():
    both = {name: {"c0-s0": straight(3)} for name in ("policy/entropy", "rollout/accuracy", "eval/accuracy")}
    assert [figure.metric for figure in drawn([run(0, 0)], both)] == [
        "eval/accuracy",
        "rollout/accuracy",
        "policy/entropy",
    ]


def test_a_long_curve_is_thinned_to_its_first_and_last_points_and_some_between():
    (figure,) = drawn([run(0, 0)], {"rollout/accuracy": {"c0-s0": straight(4 * POINTS)}})
    (points,) = (found.curve for panel in figure.panels for line in panel.lines for found in line.runs)
    assert figure.every == 4
    assert (points[0], points[1], points[-1]) == ((1, 1.0), (5, 5.0), (480, 480.0))
    assert len(points) == POINTS + 1


def test_a_number_that_is_none_is_a_gap_and_no_point():
    histories = {"rollout/accuracy": {"c0-s0": ((1, 0.5), (2, float("nan")), (3, 0.5))}}
    (figure,) = drawn([run(0, 0)], histories)
    assert figure.data["panels"][0]["lines"][0]["mean"] == {"steps": [1, 3], "values": [0.5, 0.5]}


def test_a_control_that_goes_far_does_not_flatten_the_other_panels():
    taken = select_planned(build_runs_frame([record(cell, 0) for cell in (0, 1, 3)]), CONTROLLED)
    high = {"c0-s0": straight(3), "c1-s0": straight(3), "c3-s0": ((1, 100.0), (2, 100.0), (3, 100.0))}
    (figure,) = build_curve_figures(CONTROLLED, taken, lambda metric: high if metric == "rollout/accuracy" else {})
    assert [(round(panel.y.low), round(panel.y.high)) for panel in figure.panels] == [(1, 3), (-3, 104)]
