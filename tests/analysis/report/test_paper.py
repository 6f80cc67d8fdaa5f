import json
from base64 import b64decode
from dataclasses import replace

import pytest

from analysis.report.page import render_page
from tests.analysis.report.html import parse
from tests.analysis.report.samples import IMAGE, SCRIPT
from tests.analysis.takeaways.samples import record, study

STUDY = study("p5_clip_tokens")
PLACE = dict(STUDY.cells[0])


@pytest.fixture(scope="module")
def document(empty_store):
    """A run whose model had tokens that would be markup if they could."""
    store, results = empty_store
    store.save_study(STUDY)
    found = replace(record(STUDY, PLACE, 0, final__accuracy=0.5), config={"steps": 30})
    store.finish(store.begin(found.head), found)
    tokens = [
        {"token": place, "text": text, "occurrences": 9, "high": 3, "low": 1}
        for place, text in enumerate((SCRIPT, IMAGE))
    ]
    folder = results / "runs" / f"{STUDY.name}.{found.run_id}"
    folder.mkdir(parents=True)
    (folder / "clipped_tokens.json").write_text(json.dumps({"occurrences": 18, "high": 6, "low": 2, "tokens": tokens}))
    return parse(render_page(store, store.studies(), results))


def test_the_text_of_clipped_tokens_is_shown_and_never_read(document):
    (figure,) = document.all("section", id="page.paper.laptop.fig10")
    table = figure.all("table")[0]
    assert SCRIPT in table.text
    assert IMAGE.replace(" ", "\N{OPEN BOX}") in table.text  # as the table writes a space
    assert not [element for element in document.all() if "onerror" in element.attributes]
    assert not [script for script in document.all("script") if script.text.startswith("alert")]


def test_figures_are_images_inside_the_page_with_words_for_those_who_cannot_see_them(document):
    images = document.all("img")
    assert images
    for image in images:
        kind, _, content = image.attributes["src"].partition("base64,")
        assert kind == "data:image/svg+xml;"
        assert b"<svg" in b64decode(content)
        assert image.attributes["alt"]


def test_a_number_of_our_own_leads_to_its_runs_and_one_of_the_paper_to_none(document):
    (figure,) = document.all("section", id="page.paper.laptop.fig10")
    links = figure.all("a", class_="source")
    assert links
    entry = f"{STUDY.name.replace('_', '-')}-laptop.c0"
    assert {link.attributes["href"] for link in links} == {f"#{entry}"}
    assert document.all(id=entry)
