"""What a plan promises is in the unit of the score that decides, or it is no number."""

import re
from dataclasses import replace

import pytest

from sweeps.plan.plan import make_plan
from sweeps.plan.power import PriorStudy
from sweeps.plan.report import power_lines
from tests.sweeps.grids import PLAIN, grid
from tests.sweeps.records import of_plan

TOKENS = PLAIN.replace("metric: final/accuracy", "metric: cost/tokens")
SIX = tuple(range(6))


def plan(folder, text=TOKENS, seeds=SIX, records=(), others=(), once=False):
    return make_plan(grid(folder, text, seeds=seeds), False, (), records, {}, once, others)


def lines(made, effect=None):
    return dict(power_lines(made, effect))


def recorded(made, metric, scale=1.0):
    """Runs of the plan whose score differs between seeds by squares, twice as much in one arm."""
    runs = of_plan(made, len(made.runs))
    return [
        replace(run, scores={metric: scale * (run.seed**2) * (1 + (run.labels["norm"] == "group"))}) for run in runs
    ]


@pytest.mark.parametrize("metric", ["cost/tokens", "final/accuracy/se", "auc/accuracy", "final/pass@8"])
def test_a_score_without_recorded_runs_is_promised_no_number(tmp_path, metric):
    made = plan(tmp_path, PLAIN.replace("metric: final/accuracy", f"metric: {metric}"))
    found = lines(made)
    assert found["shows"].startswith(f"a difference in {metric} of unknown size: no noise is recorded yet")
    assert not re.search(r"0\.0\d\d", found["shows"].replace("0.05", ""))
    assert found["noise"].startswith(f"no recorded pair of {metric}: too few to estimate the noise; `make sweep GRID=")
    assert found["noise"].endswith(" SEEDS=0-2` records enough for the next plan")  # two contrasts, two pairs each


def test_runs_of_final_accuracy_say_nothing_of_tokens(tmp_path):
    made = plan(tmp_path)
    other = PriorStudy("other", {"norm": "none"}, recorded(made, "final/accuracy"))
    found = lines(plan(tmp_path, records=recorded(made, "final/accuracy"), others=[other]))
    assert "no noise is recorded yet" in found["shows"]


def test_recorded_runs_give_the_number_in_their_unit(tmp_path):
    small, large = (
        lines(plan(tmp_path, records=recorded(plan(tmp_path), "cost/tokens", scale))) for scale in (1e-4, 1e3)
    )
    assert "from 12 recorded pairs of this study" in large["noise"]
    tokens, tiny = (re.search(r"difference of ([\d,.e-]+) in", each["shows"])[1] for each in (large, small))
    assert float(tokens.replace(",", "")) == pytest.approx(1e7 * float(tiny), rel=0.01)
    assert "," in tokens


def test_the_command_that_records_enough_names_the_profile_and_seeds(tmp_path):
    made = plan(tmp_path, TOKENS + "primary: [{reward_scale: zero_one}]\n")
    assert "make sweep GRID=PATH/" in lines(made)["noise"]  # a grid of one's own is a path


def test_a_wished_effect_and_a_margin_are_of_that_unit(tmp_path):
    text = TOKENS + "margin: 50\n"
    made = plan(tmp_path, text)
    found = lines(made, 1000.0)
    assert found["wished"] == "1000 in cost/tokens: the number of seeds is unknown: no noise is recorded yet"
    assert found["margin"] == "±50, in the unit of cost/tokens; its noise is unknown"
    known = lines(plan(tmp_path, text, records=recorded(made, "cost/tokens", 1e3)), 1e5)
    assert known["wished"].startswith("100000 takes 6 seeds")
    assert known["margin"].startswith("±50, in the unit of cost/tokens: too small for 6 seeds, which call equal arms ")
    wide = text.replace("margin: 50", "margin: 100000")
    assert lines(plan(tmp_path, wide, records=recorded(made, "cost/tokens", 1e3)))["margin"].endswith("cost/tokens")


def test_cheaper_designs_are_found_without_a_number(tmp_path):
    found = [line for title, line in power_lines(plan(tmp_path), 1000.0) if title == "cheaper"]
    assert [line.partition(":")[0] for line in found] == ["TWINS=once"]
    assert found[0].endswith("shows as much")


def test_the_rule_for_runs_that_fail_is_declared_before_they_run(tmp_path):
    assert "the worst outcome of its pair" in lines(plan(tmp_path, PLAIN))["failures"]
