from dataclasses import replace

import pandas as pd

from analysis.study.runs import build_runs_frame
from analysis.tables.render import render_csv, render_markdown
from analysis.tables.verdicts import build_verdict_table
from harness.records.record import CONTROL_AXIS, Control
from tests.analysis.samples import STUDY, run

SEEDS = range(6)
# none 0.50 to 0.55, group ten points above it and a little more on odd seeds: differences 0.10 and 0.12 in turn.
NONE = [run(0, seed, 0.50 + seed / 100) for seed in SEEDS]
GROUP = [run(1, seed, 0.60 + seed / 100 + 0.02 * (seed % 2)) for seed in SEEDS]


def made(*records, study=STUDY, outcomes=None):
    return build_verdict_table(study, build_runs_frame(records), outcomes)


def row(table):
    (found,) = table.rows
    return dict(zip([column.key for column in table.columns], found, strict=True))


def test_a_row_says_what_was_compared_by_how_much_and_how_sure():
    found = row(made(*NONE, *GROUP))
    assert (found["level"], found["norm"], found["against"]) == ("easy", "group", "none")
    assert (found["family"], found["verdict"]) == ("primary", "better")
    # Mean 0.11, deviation 0.010954: half-width 2.5706 * 0.010954 / sqrt(6) = 0.0115.
    assert f"{found['difference'].mean:.4f}" == "0.1100"
    assert [f"{bound:.4f}" for bound in found["difference"].interval] == ["0.0985", "0.1215"]
    assert found["improvement"] == "1.00"


def test_few_seeds_are_exploratory_and_the_note_says_why():
    table = made(*NONE[:3], *GROUP[:3])
    assert row(table)["verdict"] == "exploratory"
    assert any(note.startswith("Exploratory: fewer than 6 pairs of seeds") for note in table.notes)


def test_a_margin_is_stated_and_tested():
    alike = [run(1, seed, 0.50 + seed / 100 + 0.001 * (-1) ** seed) for seed in SEEDS]
    table = made(*NONE, *alike, study=replace(STUDY, margin=0.02))
    assert row(table)["verdict"] == "equivalent"
    assert "Margin of equivalence, declared in the grid: ±0.02 of final/accuracy." in table.lead


def test_contrasts_without_runs_are_named_not_dropped():
    text = render_markdown(made(*NONE, *GROUP[:4]))
    assert "level = easy, norm = group: seed 4, 5" in text
    assert "level = hard, norm = group: no verdict" in text


def test_a_control_is_said_to_be_called():
    axes = {**STUDY.axes, CONTROL_AXIS: ("off", "broken")}
    cells = [{**labels, CONTROL_AXIS: "off"} for labels in STUDY.cells]
    control = Control("broken", {**STUDY.cells[0], CONTROL_AXIS: "broken"}, "worse", "final/accuracy", "it is broken")
    study = replace(
        STUDY, axes=axes, cells=(*cells, control.labels), cell_ids=(*STUDY.cell_ids, "c4"), controls=(control,)
    )
    broken = [replace(run(0, seed, 0.1 + seed / 200), run_id=f"c4-s{seed}", cell_id="c4") for seed in SEEDS]
    table = made(*NONE, *broken, study=study)
    assert row(table)["family"] == "control"
    assert "Known effects: broken, expected worse on final/accuracy: called." in table.notes


def test_without_two_common_seeds_there_is_no_table():
    assert made(*NONE) is None
    assert made(*NONE, GROUP[0]) is None


def test_csv_has_one_field_a_number():
    header, line = render_csv(made(*NONE, *GROUP)).splitlines()
    assert len(header.split(",")) == len(line.split(","))


def test_what_the_paper_leaves_open_stands_under_the_verdicts():
    table = made(*NONE, *GROUP, study=replace(STUDY, choices=("No epsilon is given; 1e-6.",)))
    assert "Left open by the paper, chosen here: No epsilon is given; 1e-6." in table.notes


def test_the_error_over_problems_is_paired_by_problem_and_stands_apart():
    problems = pd.MultiIndex.from_product([["arithmetic"], ["a", "b"]], names=["benchmark", "problem_id"])
    shares = {"c0": [0.5, 0.5], "c1": [1.0, 0.5]}  # differences 0.5 and 0: variance 0.125, over two problems 0.0625
    table = made(*NONE, *GROUP, outcomes=lambda run_id: pd.Series(shares[run_id.partition("-")[0]], problems))
    assert row(table)["evaluation"] == "0.250"
    assert row(table)["difference"].interval == row(made(*NONE, *GROUP))["difference"].interval


def test_without_outcomes_the_error_is_that_of_both_arms_and_says_so():
    scores = {"final/accuracy/se": 0.03}  # sqrt(0.03^2 + 0.03^2) = 0.042
    with_se = [replace(record, scores={**record.scores, **scores}) for record in (*NONE, *GROUP)]
    assert row(made(*with_se))["evaluation"] == "0.042 unpaired"
