import json
import re
from dataclasses import replace
from itertools import pairwise

from analysis.__main__ import main
from analysis.report.page import render_page
from tests.analysis.report.html import parse
from tests.analysis.report.samples import IMAGE, SCRIPT, STUDY, curve, record

MLFLOW = "http://127.0.0.1:5000/#/"  # a page of `make ui`; nothing is fetched from it


def links(document):
    return [element.attributes["href"] for element in document.all() if "href" in element.attributes]


def section(document, name):
    (found,) = document.all(id=f"norms-laptop.{name}")
    return found


def test_every_id_is_there_once_and_every_link_leads_to_one(document):
    ids = [element.attributes["id"] for element in document.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids)) > 30
    inside = [link for link in links(document) if not link.startswith(MLFLOW)]
    assert {link[:1] for link in inside} == {"#"}
    assert {link[1:] for link in inside} <= set(ids)
    named = [
        element.attributes["aria-labelledby"] for element in document.all() if "aria-labelledby" in element.attributes
    ]
    assert set(named) <= set(ids)


def test_nothing_is_fetched_from_anywhere(document):
    assert not [
        element for element in document.all() if {"src", "srcset", "data", "poster"} & element.attributes.keys()
    ]
    assert {element.tag for element in document.all()}.isdisjoint({"link", "iframe", "object", "embed", "base", "form"})
    (style,) = document.all("style")
    assert not re.search(r"url\(|@import|@font-face", style.text)
    script = document.all("script")[-1].text
    assert not re.search(r"fetch|XMLHttpRequest|import\s*\(|innerHTML|eval|new Function|insertAdjacent", script)


def test_the_policy_that_forbids_the_network_stands_before_everything_it_governs(document):
    head = document.all("head")[0].children
    assert head[1].attributes["http-equiv"] == "Content-Security-Policy"
    rules = head[1].attributes["content"].split("; ")
    assert rules[0] == "default-src 'none'"
    assert not [rule for rule in rules if "http" in rule or "*" in rule]


def test_markup_in_names_messages_and_settings_is_shown_and_never_read(document, text):
    assert not [element for element in document.all() if "onerror" in element.attributes]
    assert len(document.all("script")) == text.count("<script")  # what the parser took for one was meant as one
    assert not [each for each in document.all("script") if each.text.startswith("alert")]
    for place in ("plan", "verdicts", "table", "curves", "lineage"):
        assert IMAGE in section(document, place).text
        assert SCRIPT in section(document, place).text


def test_data_inside_a_script_element_cannot_end_it(document):
    figure = section(document, "curves").all("script")[0]
    assert "<" not in figure.text
    assert ">" not in figure.text
    assert SCRIPT in [line["cell"] for panel in json.loads(figure.text)["panels"] for line in panel["lines"]]


def test_the_same_store_gives_the_same_bytes(filled, text, tmp_path):
    assert render_page(filled, filled.studies(), tmp_path) == text


def test_headings_go_down_one_level_at_a_time(document):
    levels = [int(element.tag[1]) for element in document.all() if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_number_of_the_table_leads_to_its_runs(document):
    # cell 1, final/accuracy: 0.75 + 0.011 * (0 + ... + 5) / 6 = 0.7775
    (link,) = [each for each in section(document, "table").all("a") if each.text.startswith("0.777 ±")]
    (head,) = document.all(id=link.attributes["href"][1:])
    assert head.text == "final/accuracy"
    table = head.parent.parent.parent
    runs = [row for row in table.all("tr") if "id" in row.attributes]
    assert [row.all("code")[0].text for row in runs] == [f"c1-s{seed}" for seed in STUDY.seeds]
    place = head.parent.children.index(head)
    assert [row.children[place].text for row in runs] == ["0.75", "0.761", "0.772", "0.783", "0.794", "0.805"]


def test_a_difference_leads_to_its_seeds_and_to_its_baseline(document):
    # cell 1 less cell 0: 0.25 + 0.001 * seed, 0.2525 in the mean
    (link,) = [each for each in section(document, "verdicts").all("table")[0].all("a") if each.text == "+0.253"]
    (head,) = document.all(id=link.attributes["href"][1:])
    table = head.parent.parent.parent
    assert [row.children[1].text for row in table.all("tbody")[0].all("tr")][:2] == ["+0.25", "+0.251"]
    (baseline,) = table.all("caption")[0].all("a")
    assert (
        document.all(id=baseline.attributes["href"][1:])[0]
        .text.strip()
        .startswith("norm = none, control = off 6 runs: c0-s0, -s1")
    )


def test_an_entry_names_commit_rule_and_settings(document):
    (entry,) = document.all("details", id="norms-laptop.c1")
    words = [element.text for element in entry.all() if element.tag in {"dt", "dd"}]
    assert words[words.index("advantages") + 1] == f"Normalize({SCRIPT})"
    assert words[words.index("tricks.label") + 1] == SCRIPT  # cells differ in it
    assert "0123456789" in entry.text
    assert "steps" not in words  # all cells share it, so that it stands once


def test_verdicts_come_with_a_word_a_shape_and_their_family(document):
    tables = section(document, "verdicts").all("table", class_="verdicts")
    assert [table.all("caption")[0].text.partition(",")[0] for table in tables] == [
        "Primary contrasts",
        "Exploratory contrasts",
        "Controls",
    ]
    words = [table.all("span", class_="word")[0].text.strip() for table in tables]
    assert words == ["better", "exploratory", "worse"]  # cell 2 has two seeds
    assert tables[0].all("path", class_="mark better")
    assert tables[2].all("path", class_="mark worse")
    assert "expected: worse" in tables[2].text


def test_a_failed_run_is_told(document):
    assert f"seed 2: OSError: {IMAGE}" in section(document, "plan").text
    assert "4 cells, 24 runs planned; 20 finished, 1 failed." in section(document, "plan").text
    (entry,) = document.all("details", id="norms-laptop.c2")
    assert f"failed: OSError: {IMAGE}" in entry.text


def test_curves_are_drawn_without_the_script_and_kept_for_it(document):
    figure = section(document, "curves").all("figure")[0]
    # panels: cells 1 and 2 beside their baseline; the control beside it again
    assert [len(svg.all("polyline", class_="seed c0")) for svg in figure.all("svg", class_="plot")] == [6, 6]
    data = json.loads(figure.all("script")[0].text)
    (baseline, *_), (_, control) = (panel["lines"] for panel in data["panels"])
    assert baseline["runs"][3] == {"id": "c0-s3", "seed": 3, "steps": [1, 2, 3, 4], "values": curve(0, 3)}
    assert control["cell"] == "lr"


def test_runs_of_other_code_are_shown_as_such(store, results):
    store.save_study(STUDY)
    for seed, commit in ((0, "a" * 40), (1, "b" * 40)):
        found = record(0, seed, provenance={"commit": commit, "dirty": "yes"})
        store.finish(store.begin(found.head), found)
    notices = [each.text for each in parse(render_page(store, store.studies(), results)).all("p", class_="notice")]
    assert (
        "Mixed commits, so that a difference may come from the code: aaaaaaaaaa (1 runs); bbbbbbbbbb (1 runs)."
        in notices[0]
    )
    assert "The code of 2 of 2 runs is not that of its commit" in notices[1]


def test_a_study_without_a_run_and_without_a_baseline_has_a_page_too(store, results):
    store.save_study(replace(STUDY, baseline={}, controls=(), primary=None))
    document = parse(render_page(store, store.studies(), results))
    assert "No contrast has two paired seeds yet." in section(document, "verdicts").text
    assert "the grid names no baseline" in section(document, "verdicts").text
    assert not document.all("figure")


def test_two_studies_of_like_names_have_ids_of_their_own(store, results):
    for name in ("a_b", "a-b"):
        store.save_study(replace(STUDY, name=name))
    articles = parse(render_page(store, store.studies(), results)).all("article")
    assert [article.attributes["id"] for article in articles] == ["a-b-laptop", "a-b-laptop-2"]


def test_the_command_writes_the_page_under_the_name_of_what_was_chosen(store, results, capsys):
    store.save_study(STUDY)
    assert main(["report", f"results={results}"]) == 0
    assert main(["report", f"results={results}", "grid=norms", "profile=laptop"]) == 0
    assert capsys.readouterr().out.split() == [f"{results}/report.html", f"{results}/report.norms.laptop.html"]
    assert parse((results / "report.html").read_text())
