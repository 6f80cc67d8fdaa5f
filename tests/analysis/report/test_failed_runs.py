"""The page, the trace, the figures and the terminal where an arm's runs diverged."""

from dataclasses import replace

from analysis.figures.study import draw_curves, draw_study
from analysis.report.page import render_page
from analysis.study.runs import build_runs_frame
from analysis.tables.render import summarize_table
from analysis.tables.scores import build_study_table
from analysis.trace.command import trace_number
from tests.analysis.report.html import parse
from tests.analysis.report.samples import CELLS, STUDY, record

DIVERGED = "Diverged: the gradient is not finite"


def diverged(cell, seeds):
    return [record(cell, seed, status="failed", scores={}, error=DIVERGED) for seed in seeds]


def runs():
    """Cell 1 diverged under two seeds of six, the control under all."""
    found = [record(cell, seed) for cell in (0, 2) for seed in range(6)]
    return [*found, *(record(1, seed) for seed in range(2, 6)), *diverged(1, (0, 1)), *diverged(3, range(6))]


def store_with(empty_store):
    store, results = empty_store
    store.save_study(STUDY)
    for each in runs():
        store.finish(store.begin(each.head), each)
    return store, results


def test_the_page_and_the_trace_show_the_count_beside_the_word(empty_store, tmp_path):
    store, results = store_with(empty_store)
    document = parse(render_page(store, store.studies(), results))
    said = document.all("body")[0].text
    assert "2 of 6 seeds failed" in said
    assert "6 of 6 seeds failed" in said
    assert "Known effect lr, expected worse on final/accuracy: called, 6 of 6 seeds failed." in said
    assert "nan" not in said.lower().replace("tenant", "")
    text = trace_number(store, results, "norms.laptop/none,lr/final/accuracy difference")
    assert "failed, not in this number; the worst outcome in verdicts" in text


def test_figures_say_that_an_arm_is_of_survivors():
    for files in (
        draw_study(STUDY, build_runs_frame(runs()), lambda _: {}),
        draw_curves(STUDY, build_runs_frame(runs()), lambda _: {}),
    ):
        assert b"2 of 6 seeds failed" in files["svg"]
    whole = draw_study(
        STUDY, build_runs_frame([record(cell, seed) for cell in range(4) for seed in range(6)]), lambda _: {}
    )
    assert b"seeds failed" not in whole["svg"]


def test_the_terminal_names_the_rows_whose_seeds_failed():
    made = replace(STUDY, cells=CELLS)
    told = " ".join(summarize_table(build_study_table(made, build_runs_frame(runs())), made.baseline).split())
    assert "failed seeds (worst outcome in verdicts; numbers are of the others): " in told
    assert "2 of 6" in told
    assert "never fired" not in told
