import csv
from io import StringIO
from math import exp

import pytest

from analysis.claims.cost import compute_costs
from analysis.claims.judge import judge_claims
from analysis.claims.tables import join_addresses, render_takeaway_files
from analysis.paper.claims.catalog import CLAIMS
from tests.analysis.takeaways.samples import around, material, records, shelf, study

P9 = study("p9_liteppo_main")
SECONDS = {"vanilla_ppo": 1.0, "grpo": 1.0, "dapo": 2.0, "liteppo": 1.1}
PAGE = "http://127.0.0.1:5000/#/experiments/3/runs/"


def filled():
    """Lite PPO 0.1 above the others on easy problems, at 1.1 times the cost of PPO; nothing on hard ones."""
    runs = [
        run
        for recipe in SECONDS
        for run in records(
            P9,
            {"model": "small_base", "difficulty": "easy", "recipe": recipe, "control": "off"},
            around(0.6) if recipe == "liteppo" else [0.5] * 6,
        )
    ]
    # Logarithms of a dearer recipe are 0.001 above its factor under even seeds and 0.001 below under odd ones.
    cost = {
        run.run_id: (factor := SECONDS[run.labels["recipe"]]) * (exp(0.001 * (-1) ** run.seed) if factor > 1 else 1)
        for run in runs
    }
    curves = {
        "seconds/cpu": {run_id: [seconds] * 10 for run_id, seconds in cost.items()},
        "rollout/tokens": {run_id: [1000 * seconds] * 10 for run_id, seconds in cost.items()},
    }
    return shelf(material(P9, runs, curves, links={run.run_id: PAGE + run.run_id for run in runs}))


@pytest.fixture(scope="module")
def made():
    held = filled()
    return {
        ending: text.decode()
        for ending, text in render_takeaway_files(judge_claims(CLAIMS, held), compute_costs(held), "laptop").items()
    }


def rows(made, claim):
    return [row for row in csv.DictReader(StringIO(made["csv"])) if row["claim"] == claim]


def test_the_same_runs_give_the_same_bytes(made):
    held = filled()
    again = render_takeaway_files(judge_claims(CLAIMS, held), compute_costs(held), "laptop")
    assert {ending: text.decode() for ending, text in again.items()} == made


def test_every_claim_has_a_row_and_a_verdict(made):
    above = made["md"].partition("## Evidence")[0].splitlines()
    verdicts = {line.split("|")[1].strip(): line.split("|")[4].strip() for line in above if line.startswith("|")}
    assert verdicts["R.grpo"] == "supported"
    assert verdicts["T1.group"] == "no runs"
    assert {claim.id for claim in CLAIMS} <= verdicts.keys()


def test_a_number_has_its_interval_its_seeds_and_its_runs_one_click_away(made):
    text = made["md"]
    assert "| R.grpo         | 1    | small_base, easy: liteppo against grpo" in text
    assert "+0.1000 [+0.0970, +0.1030] (6)" in text  # 0.1 ± 2.571 x 0.00290 / sqrt(6)
    assert "[12 runs][R.grpo/1]" in text
    (address,) = [line for line in text.splitlines() if line.startswith("[R.grpo/1]: ")]
    assert "/#/compare-runs?runs=%5B%22small_base-easy-grpo-off-s0%22,%22" in address
    assert address.endswith("&experiments=%5B%223%22%5D")


def test_the_csv_names_every_run_and_every_number(made):
    row = rows(made, "R.grpo")[0]
    assert (row["number"], row["seeds"], row["verdict"], row["unit"]) == (
        "0.1",
        "0 1 2 3 4 5",
        "supported",
        "difference",
    )
    assert len(row["run ids"].split()) == len(row["links"].split()) == 12
    assert row["paper ran it"] == "yes"
    assert rows(made, "R.grpo")[1]["reason"] == "p9_liteppo_main has no seed with final/accuracy in all cells"
    assert rows(made, "S.practice")[0]["reason"].startswith("our notes keep the numbers")


def test_a_cost_is_measured_and_a_quoted_one_is_judged(made):
    (line,) = [line for line in made["md"].splitlines() if line.startswith("| small_base, easy | dapo ")]
    twice = "2.0000 [1.9977, 2.0023] (6)"  # 2 exp(± 2.571 x 0.0010954 / sqrt(6))
    assert [field.strip() for field in line.split("|")[3:-1]] == ["2", twice, "2000", twice]
    # 2 is 5 parts in a hundred from 2.1: no longer within the tolerance.
    assert [row["verdict"] for row in rows(made, "S.cost_dapo")] == ["contradicted", "no runs", "no runs", "no runs"]
    # 1.1 is 0.957 of 1.15: within five parts in a hundred.
    assert rows(made, "S.cost_liteppo")[0]["verdict"] == "supported"


def test_latex_has_no_links_and_laptop_tables_carry_the_warning(made):
    assert "][" not in made["tex"]
    assert made["tex"].count(r"\begin{table}") == 3
    for ending in ("md", "tex"):
        assert "never to be read as the paper's numbers" in made[ending]


def test_a_profile_without_runs_has_a_table_of_claims_alone():
    made = render_takeaway_files(judge_claims(CLAIMS, shelf(profile="gpu")), (), "gpu")
    assert b"# Evidence" not in made["md"]
    assert b"never to be read" not in made["md"]


def test_several_runs_are_compared_under_one_address():
    pages = ["http://host:5000/#/experiments/3/runs/a", "http://host:5000/#/experiments/3/runs/b"]
    assert (
        join_addresses(pages) == "http://host:5000/#/compare-runs?runs=%5B%22a%22,%22b%22%5D&experiments=%5B%223%22%5D"
    )
