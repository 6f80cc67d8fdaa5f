import re
from xml.etree import ElementTree

import pytest

from analysis.paper.render import build_paper_table, draw_paper_figure
from analysis.paper.sections.registry import FIGURES
from analysis.stats.estimates import Estimate
from analysis.tables.render import render_csv, render_latex, render_markdown
from analysis.tables.scores import MissingScore
from sweeps.grid.grid import find_grid, read_grid
from tests.analysis.paper.samples import BY_ID, NAMES, found, full, source
from tests.analysis.takeaways.samples import study
from tests.tiers import only

IDS = [figure.id for figure in FIGURES]
OURS = {"score", "gap", "side"}
TALLEST = 2**16 / 150 * 72  # points of a figure that a PNG file can hold


def test_every_figure_of_the_paper_and_its_main_result_has_an_entry():
    numbers = [*range(2, 16), *range(17, 21)]
    assert sorted(IDS) == sorted([*(f"fig{number:02}" for number in numbers), "main", "iclr"])


@pytest.mark.parametrize("name", NAMES)
def test_grids_say_which_figures_they_feed_and_figures_which_grids_they_take(name):
    fed = {re.sub(r"^fig(\d)$", r"fig0\1", feed) for feed in read_grid(find_grid(name)).feeds} & set(IDS)
    assert fed == {figure.id for figure in FIGURES if name in figure.grids and figure.id != "main"}


@pytest.mark.parametrize("profile", ["laptop", "gpu"])
@pytest.mark.parametrize("figure", FIGURES, ids=IDS)
def test_the_plan_of_the_grid_has_cells_for_every_part(figure, profile):
    _, views = found(figure.id, *(source(study(name, profile, full=True)) for name in figure.grids))
    assert len(views) == len(figure.parts)


@pytest.mark.parametrize("figure", FIGURES, ids=IDS)
def test_without_a_run_every_number_of_ours_is_a_dash_and_the_figure_is_drawn(figure):
    large = figure.id == "fig20"  # of the larger models, which the quick plans leave out
    _, views = found(figure.id, *(source(study(name, full=large)) for name in figure.grids))
    table = build_paper_table(figure, views)
    kinds = [column.kind for column in table.columns]
    assert {type(entry) for row in table.rows for entry, kind in zip(row, kinds, strict=True) if kind in OURS} == {
        MissingScore
    }
    assert "not run yet" in render_markdown(table)
    drawn = ElementTree.fromstring(draw_paper_figure(figure, views, ("svg",))["svg"])
    assert 0 < float(drawn.attrib["height"].removesuffix("pt")) < TALLEST
    assert 0 < float(drawn.attrib["width"].removesuffix("pt")) < TALLEST


@pytest.mark.parametrize("figure", FIGURES, ids=IDS)
def test_with_runs_our_columns_hold_our_numbers_alone_and_the_paper_s_columns_the_paper_s(figure):
    # Every score of every run is 0.125, so that any other number in our columns is not ours; differences are 0.
    _, views = found(figure.id, *(full(name, "gpu") for name in figure.grids))
    table = build_paper_table(figure, views)
    texts = {reading.text for view in views for reading in view.readings}
    for row in table.rows:
        for entry, column in zip(row, table.columns, strict=True):
            if column.kind in OURS:
                assert not isinstance(entry, str) or entry == "baseline"
                assert not isinstance(entry, Estimate) or entry.mean == (0.0 if column.kind == "gap" else 0.125)
            if column.kind == "number":
                assert column.title.startswith("the paper")
                assert isinstance(entry, MissingScore) or entry in texts
    assert len(render_csv(table).splitlines()) == len(table.rows) + 1
    assert render_latex(table).count(r"\\") == len(table.rows) + 1


@pytest.mark.parametrize("figure_id", only(["fig14"], ["fig06", "fig09", "fig14", "main"]))  # panels but of tokens
def test_the_same_runs_give_the_same_bytes(figure_id):
    figure, views = found(figure_id, *(full(name) for name in BY_ID[figure_id].grids))
    files = draw_paper_figure(figure, views)
    assert files == draw_paper_figure(figure, views)
    assert files["png"].startswith(b"\x89PNG")
    assert build_paper_table(figure, views) == build_paper_table(figure, views)


def test_a_study_that_feeds_no_figure_gives_none():
    assert all(found(figure_id, full("smoke"))[1] == () for figure_id in IDS)


def test_laptop_figures_warn_and_name_the_profile():
    figure, views = found("fig04", full("p1_norm_level"))
    table = build_paper_table(figure, views)
    assert table.name == "fig04.laptop"
    assert "laptop profile" in table.title
    assert "never to be read as the paper's numbers" in table.warning
    assert not build_paper_table(*found("fig04", full("p1_norm_level", "gpu"))).warning
