import csv
from io import StringIO

from analysis.study.runs import build_runs_frame, select_planned
from analysis.tables.notes import find_never_fired
from analysis.tables.render import render_csv, render_latex, render_markdown, summarize_table
from analysis.tables.scores import build_study_table
from tests.analysis.samples import STUDY, run


def scored(cell, seed, **fired):
    return run(
        cell, seed, scores={"final/accuracy": 0.5, **{f"fired/{trick}": share for trick, share in fired.items()}}
    )


IDLE = (scored(0, 0, clip=0.2), scored(1, 0, clip=0.0, filter=0.0), scored(1, 1, clip=0.0, filter=0.1), scored(2, 0))


def test_a_trick_never_fired_where_it_did_in_no_run_of_the_cell():
    assert find_never_fired(select_planned(build_runs_frame(IDLE), STUDY)) == {1: ("clip",)}


def test_the_row_and_a_note_say_which_trick_never_fired():
    table = build_study_table(STUDY, build_runs_frame(IDLE))
    rows = [
        line.strip("|").split("|")[-1].strip() for line in render_markdown(table).splitlines() if line.startswith("|")
    ]
    assert rows[0] == "never fired"
    assert rows[2:] == ["", "clip", "", ""]
    said = "without it every update would have been the same: clip in (level = easy, norm = group)."
    assert said in "\n".join(table.notes)


def test_a_trick_that_fired_nowhere_is_not_listed_row_by_row():
    table = build_study_table(STUDY, build_runs_frame((scored(0, 0, clip=0.0), scored(1, 0, clip=0.0), scored(2, 0))))
    assert "clip in all 2 rows that have it." in "\n".join(table.notes)


def test_csv_and_latex_have_the_mark_too():
    table = build_study_table(STUDY, build_runs_frame(IDLE))
    read = list(csv.DictReader(StringIO(render_csv(table))))
    assert [row["never fired"] for row in read] == ["", "clip", "", ""]
    assert r"& clip \\" in render_latex(table)


def test_the_summary_counts_the_rows_of_each_trick_that_never_fired():
    text = summarize_table(build_study_table(STUDY, build_runs_frame(IDLE)), STUDY.baseline)
    assert text.splitlines()[-1] == "never fired: clip in 1 row"


def test_where_all_tricks_fired_there_is_no_mark():
    table = build_study_table(STUDY, build_runs_frame((scored(0, 0, clip=0.2),)))
    assert "mark" not in {column.kind for column in table.columns}
    assert not any("Never fired" in note for note in table.notes)


def test_a_failed_run_does_not_say_that_a_trick_never_fired():
    records = (run(1, 0, status="failed", scores={"fired/clip": 0.0}), scored(1, 1, clip=0.3))
    assert find_never_fired(select_planned(build_runs_frame(records), STUDY)) == {}
