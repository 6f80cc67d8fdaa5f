from dataclasses import replace

from analysis.stats.twins import Twin, find_twins
from analysis.study.runs import build_runs_frame
from analysis.tables.render import SUMMARY_WIDTH, render_markdown, summarize_table
from analysis.tables.scores import build_study_table
from tests.analysis.samples import CELLS, STUDY, run

WHY = "dividing by a deviation cancels the reward scale"
# group on hard is a twin of group on easy
TWINS = replace(STUDY, twins=((CELLS[1], CELLS[3]),), because=((WHY,),))
ONCE = replace(TWINS, once=True)


def made(study, *records):
    return build_study_table(study, build_runs_frame(records))


def row(table, cell):
    lines = [line for line in render_markdown(table).splitlines() if line.startswith("|")]
    return [part.strip() for part in lines[2 + cell].strip("|").split("|")]


def notes(study, *records):
    return "\n".join(made(study, *records).notes)


def test_twins_that_both_ran_are_an_a_a_control_with_their_reason():
    # paired by seed: 0.52 - 0.50 and 0.46 - 0.50, mean -0.01
    said = notes(TWINS, run(1, 0, 0.5), run(1, 1, 0.5), run(3, 0, 0.52), run(3, 1, 0.46))
    assert "at most 0.010 here; the spread over seeds is in the intervals." in said
    assert f"group: hard minus easy -0.010 [-0.391, +0.371] (2). Why: {WHY}." in said


def test_a_twin_that_did_not_run_says_whose_it_is_and_has_no_number():
    table = made(ONCE, run(0, 0), run(1, 0, 0.7), run(2, 0))
    assert row(table, 3)[2:4] == ["— twin of easy", "—"]
    assert f"Not run, as twins of rows that are: level = hard, norm = group as easy ({WHY})." in "\n".join(table.notes)


def test_a_twin_that_is_still_to_run_is_only_not_run_yet():
    table = made(TWINS, run(0, 0), run(1, 0, 0.7))
    assert row(table, 3)[2] == "— not run yet"
    assert "as twins" not in "\n".join(table.notes)


def test_a_twin_that_ran_before_keeps_its_number():
    assert row(made(ONCE, run(1, 0, 0.7), run(3, 0, 0.6)), 3)[2] == "0.600 (1)"


def test_a_row_is_compared_with_the_twin_that_ran_for_its_baseline():
    # The baseline of group on hard is none on hard, a twin of none on easy: 0.7 - 0.4.
    study = replace(STUDY, twins=((CELLS[0], CELLS[2]),), because=((WHY,),), once=True)
    assert row(made(study, run(0, 0, 0.4), run(3, 0, 0.7)), 3)[3] == "+0.300 (1)"


def test_rows_with_the_same_settings_say_so():
    study = replace(TWINS, cell_ids=("c0", "c1", "c2", "c1"))
    said = notes(study, run(0, 0), run(1, 0, 0.7))
    assert "The same settings in effect, and so the same runs: level = hard, norm = group as easy." in said
    assert "A/A control" not in said


def test_a_study_that_was_kept_before_reasons_were_can_be_read():
    assert find_twins(replace(TWINS, because=())) == {3: Twin(3, 1, "")}


def test_the_summary_of_twins_fits_sixty_columns():
    far = replace(ONCE, axes={**STUDY.axes, "level": ("a level with a very long name", "hard")})
    cells = tuple(
        {**cell, "level": "a level with a very long name"} if cell["level"] == "easy" else cell for cell in CELLS
    )
    study = replace(far, cells=cells, twins=((cells[1], cells[3]),))
    text = summarize_table(made(study, run(0, 0), run(1, 0)), STUDY.baseline)
    assert max(map(len, text.splitlines())) <= SUMMARY_WIDTH
    assert "— twin of" in text
