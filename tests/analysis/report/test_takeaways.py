from dataclasses import replace

import pytest

from analysis.report.page import ReportOptions, render_page
from tests.analysis.report.html import parse
from tests.analysis.takeaways.samples import records, study

STUDY = study("p1_norm_level")
PLACE = {"model": "small_base", "difficulty": "easy", "control": "off"}


@pytest.fixture
def known(store):
    """Two seeds of group and of batch norm, which the first claim compares."""
    store.save_study(STUDY)
    for norm, level in (("group", 0.5), ("batch", 0.25)):
        for found in records(STUDY, {**PLACE, "norm": norm}, (level, level + 0.125)):
            whole = replace(found, config={"steps": 30})
            store.finish(store.begin(whole.head), whole)
    return store


def test_a_claim_has_its_word_and_its_evidence_leads_to_the_runs_on_the_page(known, results):
    document = parse(render_page(known, known.studies(), results))
    (claim,) = document.all("div", id="page.takeaways.laptop.t1-group")
    assert claim.all("span", class_="word")[0].text.strip() == "exploratory"
    table = claim.all("table")[0]
    assert "+0.25" in table.text
    runs = [link for link in table.all("a", class_="source") if "-s" in link.text]
    assert len(runs) == 4
    for link in runs:
        (line,) = document.all("tr", id=link.attributes["href"][1:])
        assert line.all("code")[0].text == link.text


def test_claims_are_left_out_where_one_grid_was_chosen(known, results):
    document = parse(render_page(known, known.studies(), results, ReportOptions(claims=False)))
    assert not document.all("div", class_="claim")
