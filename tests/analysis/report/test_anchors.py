from dataclasses import replace

from analysis.report.links import TraceLink, assign_anchors, slug, sort_studies
from tests.analysis.samples import STUDY


def test_studies_stand_by_name_and_numbers_by_size():
    names = ["p10_b", "p2", "p1b", "dialects", "p1"]
    found = sort_studies([replace(STUDY, name=name) for name in names])
    assert [study.name for study in found] == ["dialects", "p1", "p1b", "p2", "p10_b"]


def test_an_id_is_made_of_letters_digits_and_hyphens():
    assert slug("Norm ablation.<laptop>") == "norm-ablation-laptop"
    assert slug("1st") == "s-1st"


def test_names_that_look_alike_have_ids_of_their_own():
    assert assign_anchors([replace(STUDY, name=name) for name in ("a.b", "a-b", "a b")]) == (
        "a-b-laptop",
        "a-b-laptop-2",
        "a-b-laptop-3",
    )


def test_a_number_has_one_id_however_often_it_is_shown():
    trace = TraceLink("norms")
    assert trace.score(1, "final/accuracy") == trace.score(1, "final/accuracy") == "norms.c1.0"
    assert trace.score(1, "final/length") == "norms.c1.1"


def test_a_difference_asks_for_the_scores_of_both_cells():
    trace = TraceLink("norms")
    assert trace.gap(1, 0, "final/accuracy") == "norms.c1.d0"
    assert (trace.scores[0], trace.scores[1]) == ({"final/accuracy": "norms.c0.0"}, {"final/accuracy": "norms.c1.0"})
