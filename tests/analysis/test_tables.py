import csv
import re
from dataclasses import replace
from io import StringIO

import pytest

from analysis.study.runs import build_runs_frame
from analysis.tables.render import SUMMARY_WIDTH, render_csv, render_latex, render_markdown, summarize_table
from analysis.tables.scores import Column, ResultTable, build_study_table
from harness.records.record import Skipped
from tests.analysis.samples import CELLS, STUDY, failed, run

# none on easy: 0.4, 0.5, 0.6 (mean 0.5, half-width 0.248); group gains 0.1, 0.2, 0.3 (mean 0.2, half-width 0.248).
# group on easy: 0.5, 0.7, 0.9, deviation 0.2, half-width 0.497. On hard: one seed of none, a failure of group.
RECORDS = (
    *(run(0, seed, accuracy) for seed, accuracy in enumerate((0.4, 0.5, 0.6))),
    *(run(1, seed, accuracy) for seed, accuracy in enumerate((0.5, 0.7, 0.9))),
    run(2, 0, 0.25),
    failed(3, 0),
)
GOLDEN = """\
# norms (laptop profile)

**A tiny model on arithmetic, trained on a laptop: never to be read as the paper's numbers.**

Which normalisation?

In every row: model = small.

Baseline: norm = none; a row is compared with the row that differs in this alone.

| level | norm  |    final/accuracy |      difference to baseline | verdict     | CPU s a run |
| ----- | ----- | ----------------: | --------------------------: | ----------- | ----------: |
| easy  | none  | 0.500 ± 0.248 (3) |                    baseline | —           |  18.0 ± 0.0 |
| easy  | group | 0.700 ± 0.497 (3) | +0.200 [-0.048, +0.448] (3) | exploratory |  18.0 ± 0.0 |
| hard  | none  |         0.250 (1) |                    baseline | —           |    18.0 (1) |
| hard  | group |          — failed |                           — | —           |           — |

- ± is half the 95 % interval of the mean over training seeds (Student t, n - 1 degrees of freedom); n in parentheses. \
A difference is the mean over paired seeds, with its 95 % interval [low, high] and the number of pairs. \
One seed gives a number without an interval. Only finished runs count.
- Seeds planned: 0, 1, 2.
- Other seeds than planned: level = hard, norm = none: 0.
- Made by `make sweep GRID=norms`: 7 runs, 126 processor seconds in all.
- Commit: 0123456789.
- Failed, not counted: level = hard, norm = group, seed 0 (OutOfMemoryError: no memory).
"""


def table(*records, study=STUDY):
    return build_study_table(study, build_runs_frame(records))


def rows(*records, study=STUDY):
    """The Markdown rows of the table, split into cells."""
    lines = [line for line in render_markdown(table(*records, study=study)).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def notes(*records, study=STUDY):
    return "\n".join(table(*records, study=study).notes)


def test_the_table_as_a_whole():
    assert render_markdown(table(*RECORDS)) == GOLDEN


def test_the_order_of_the_records_does_not_matter():
    assert render_markdown(table(*reversed(RECORDS))) == GOLDEN


def test_markdown_csv_and_latex_hold_the_same_numbers():
    made = table(*RECORDS)
    (group,) = [
        row for row in csv.DictReader(StringIO(render_csv(made))) if row["norm"] == "group" and row["level"] == "easy"
    ]
    number = {name: float(value) for name, value in group.items() if name not in {"level", "norm", "verdict", "note"}}
    score = f"{number['final/accuracy']:.3f} ± {number['final/accuracy half-width']:.3f} ({group['final/accuracy n']})"
    low, high = (number[f"final/accuracy difference {side}"] for side in ("low", "high"))
    pairs = group["final/accuracy difference pairs"]
    gap = f"{number['final/accuracy difference']:+.3f} [{low:+.3f}, {high:+.3f}] ({pairs})"
    assert f"| {score} | {gap} |" in render_markdown(made)
    plain = render_latex(made).replace("$", "").replace(r"\pm", "±")
    assert f"easy & group & {score} & {gap} &" in plain


def test_a_csv_row_without_a_number_says_why():
    read = list(csv.DictReader(StringIO(render_csv(table(*RECORDS)))))
    assert [row["note"] for row in read] == ["baseline", "", "baseline", "failed: OutOfMemoryError: no memory"]
    assert read[3]["final/accuracy"] == ""
    assert read[2]["final/accuracy half-width"] == ""  # one seed


def test_latex_is_escaped_and_its_columns_add_up():
    study = replace(STUDY, question="Is 50% of A_B & C enough?")
    text = render_latex(table(*RECORDS, study=study))
    assert r"Is 50\% of A\_B \& C enough?" in text
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")].splitlines()[1:]
    assert {line.count(" & ") for line in body} == {5}
    assert re.search(r"\\begin\{tabular\}\{llrrlr\}", text)


def test_a_planned_cell_without_runs_is_a_dash_with_its_reason():
    made = rows(*(run(cell, 0) for cell in (0, 2, 3)))
    assert made[1][:4] == ["easy", "group", "— not run yet", "—"]


def test_without_its_baseline_a_cell_has_a_score_but_no_difference():
    assert rows(run(1, 0, 0.5))[1][2:4] == ["0.500 (1)", "— baseline not run yet"]


def test_beside_a_baseline_whose_runs_failed_it_says_so():
    assert rows(run(1, 0, 0.5), failed(0, 0))[1][3] == "— baseline failed"


def test_cells_without_a_common_seed_have_no_difference():
    assert rows(run(0, 0), run(1, 1))[1][3] == "— no seed in common"


def test_a_failed_run_does_not_count_beside_finished_ones():
    made = rows(run(0, 0, 0.4), run(0, 1, 0.6), failed(0, 2))
    assert made[0][2].startswith("0.500 ±")
    assert made[0][2].endswith("(2)")


def test_unequal_seeds_are_paired_where_both_sides_ran_and_named_below():
    records = (run(0, 0, 0.1), run(0, 1, 0.2), run(1, 1, 0.5), run(1, 2, 0.9))
    assert rows(*records)[1][3] == "+0.300 (1)"  # seed 1: 0.5 - 0.2
    assert "level = easy, norm = group: 1, 2." in notes(*records)


def test_a_score_that_some_runs_lack_is_averaged_over_those_that_have_it():
    records = [run(0, seed, 0.5, scores={"final/accuracy": 0.5, "final/length": 30.0}) for seed in (0, 1)]
    made = rows(*records, run(0, 2, 0.5))
    assert made[0][2] == "0.500 ± 0.000 (3)"
    assert made[0][5] == "30.0 ± 0.0 (2)"


def test_mixed_commits_and_uncommitted_changes_are_said():
    other = {"commit": "ffff", "dirty": "yes", "torch": "2.13.0"}
    said = notes(run(0, 0), run(0, 1), run(1, 0, provenance=other))
    assert "Mixed commits, so that a difference may come from the code: 0123456789 (2 runs); ffff (1 runs)." in said
    assert "The code of 1 of 3 runs is not that of its commit" in said


def test_mixed_environments_are_said():
    other = {"commit": "0123456789abcdef", "dirty": "no", "torch": "2.14.0"}
    assert "Mixed environments: torch 2.13.0 (1 runs); torch 2.14.0 (1 runs)." in notes(
        run(0, 0), run(1, 0, provenance=other)
    )


def test_runs_of_other_settings_stay_out_and_are_counted():
    older = run(0, 0, 0.9, cell_id="before", run_id="before-s0")
    assert rows(run(0, 0, 0.1), older)[0][2] == "0.100 (1)"
    assert "Not in this table: 1 finished runs" in notes(run(0, 0, 0.1), older)


def test_runs_of_another_profile_stay_out():
    assert rows(run(0, 0, 0.1), run(0, 1, 0.9, profile="gpu"))[0][2] == "0.100 (1)"


def test_two_cells_with_equal_settings_share_their_runs():
    study = replace(STUDY, cell_ids=("c0", "c0", "c2", "c3"))
    made = rows(run(0, 0, 0.4), study=study)
    assert made[0][2] == made[1][2] == "0.400 (1)"
    assert made[1][3] == "+0.000 (1)"


def test_a_refused_point_is_a_row_and_a_skipped_slice_is_a_note():
    study = replace(
        STUDY,
        axes={**STUDY.axes, "norm": ("none", "both", "group")},
        refused=(Skipped({"model": "small", "level": "easy", "norm": "both"}, "two tricks set advantages"),),
        skipped=(Skipped({"level": "hard", "norm": "both"}, "no time"),),
    )
    made = rows(run(0, 0), study=study)
    assert [row[:2] for row in made[:3]] == [["easy", "none"], ["easy", "both"], ["easy", "group"]]
    assert made[1][2] == "— refused"
    assert len(made) == 5
    said = notes(run(0, 0), study=study)
    assert "Refused: level = easy, norm = both (two tricks set advantages)." in said
    assert "Skipped: level = hard, norm = both (no time)." in said


def test_a_grid_without_a_baseline_has_no_differences():
    made = table(run(0, 0), study=replace(STUDY, baseline={}))
    assert "gap" not in {column.kind for column in made.columns}
    assert not any("Baseline" in line for line in made.lead)


def test_a_baseline_that_is_not_planned_is_said():
    study = replace(STUDY, cells=CELLS[:2] + CELLS[3:], cell_ids=("c0", "c1", "c3"))
    assert rows(run(3, 0), study=study)[2][3] == "— no baseline planned"


def test_only_laptop_tables_carry_the_warning():
    assert table(run(0, 0)).warning
    assert not table(study=replace(STUDY, profile="gpu")).warning


def test_a_study_without_any_run_is_a_table_of_dashes():
    assert {row[2] for row in rows()} == {"— not run yet"}


@pytest.mark.parametrize("records", [RECORDS, ()])
def test_the_summary_fits_sixty_columns(records):
    study = replace(STUDY, question="Which normalisation of the advantage holds up when the reward scale changes?")
    text = summarize_table(table(*records, study=study), STUDY.baseline)
    assert max(len(line) for line in text.splitlines()) <= SUMMARY_WIDTH == 60


def test_the_summary_groups_the_arms_of_a_setting():
    lines = summarize_table(table(*RECORDS), STUDY.baseline).splitlines()
    assert lines[lines.index("easy") + 1].split() == ["none", "0.500", "±", "0.248", "(3)", "baseline"]
    assert lines[lines.index("easy") + 2].split() == ["group", "0.700", "±", "0.497", "(3)", "+0.200", "±", "0.248"]


def test_several_benchmarks_have_a_column_each_and_one_has_none() -> None:
    several = {"final/accuracy": 0.5, "final/math500/avg@2": 0.75, "final/aime24/avg@4": 0.25}
    errors = {f"{name}/se": 0.1 for name in several} | {"final/pass@2": 0.6, "final/pass@2/se": 0.1}
    found = build_study_table(STUDY, build_runs_frame([run(0, 0, scores={**several, **errors})]))
    keys = [column.key for column in found.columns]
    assert [key for key in keys if key.startswith("final/")][2:] == [
        "final/pass@2",
        "final/math500/avg@2",
        "final/aime24/avg@4",
    ]
    one = build_study_table(
        STUDY, build_runs_frame([run(0, 0, scores={"final/accuracy": 0.5, "final/aime24/avg@4": 0.5})])
    )
    assert "final/aime24/avg@4" not in [column.key for column in one.columns]


def test_the_tiers_trained_on_are_named_with_their_hash() -> None:
    provenance = {"commit": "c0ffee", "data paper/easy": "0123456789abcdef"}
    found = build_study_table(STUDY, build_runs_frame([run(0, 0, provenance=provenance)]))
    assert "Trained on, with the SHA-256 of the rows: paper/easy (0123456789ab)." in found.notes


def test_the_best_step_stands_beside_the_final_one_and_is_named_so() -> None:
    found = build_study_table(
        STUDY, build_runs_frame([run(0, 0, scores={"final/accuracy": 0.5, "best/accuracy": 0.7})])
    )
    titles = {column.key: column.title for column in found.columns}
    assert titles["best/accuracy"] == "best evaluated step, not counted"


def test_a_metric_that_no_run_records_is_said_to_be_none_and_not_to_wait_for_runs():
    wrong = replace(STUDY, metric="final/acuracy")
    found = rows(run(0, 0), run(1, 0), run(0, 1), run(1, 1), study=wrong)
    assert found[0][2] == "— no final/acuracy"
    assert found[2][2] == "— not run yet"
    notes = table(run(0, 0), study=wrong).notes
    assert any(
        note.startswith("metric: no finished run records the score final/acuracy;") and "final/accuracy" in note
        for note in notes
    )
    assert "no final/acuracy" in summarize_table(table(run(0, 0), study=wrong), wrong.baseline)


def test_a_metric_that_waits_for_its_first_run_is_no_fault():
    wrong = replace(STUDY, metric="final/acuracy")
    assert not any("records the score" in note for note in table(study=wrong).notes)
    assert not any("records the score" in note for note in table(failed(0, 0), study=wrong).notes)


def test_a_pipe_in_a_text_adds_no_column():
    columns = (Column("rule", "rule", "label"), Column("note", "note", "word"))
    made = render_markdown(ResultTable("t", "t", "", (), columns, (("a|b", "c"),), ()))
    assert "| a\\|b | c    |" in made
