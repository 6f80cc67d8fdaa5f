"""What is drawn, read off the comments that an SVG keeps of its texts."""

import json
import re
from xml.etree import ElementTree

from analysis.paper.numbers import BENCHMARKS
from analysis.paper.render import draw_paper_figure
from tests.analysis.paper.samples import found, full, source
from tests.analysis.paper.test_tokens import AT, P5, SEEDS, document, entry, files
from tests.analysis.takeaways.samples import record, study


def texts(figure_id, *sources):
    svg = draw_paper_figure(*found(figure_id, *sources), ("svg",))["svg"]
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    return re.findall(r"<!-- (.*?) -->", svg.decode())


def lines(svg_texts):
    return " ".join(svg_texts)


def test_a_setting_without_runs_says_so():
    assert "no finished run" in texts("fig07", source(study("p4_clip_higher")))


def test_a_run_without_the_metric_says_so():
    p4 = study("p4_clip_higher")
    run = record(p4, {"model": "small_base", "difficulty": "medium", "upper_bound": "0.20", "control": "off"}, 0)
    assert "no curve in the store" in texts("fig07", source(p4, [run]))


def test_the_paper_s_numbers_have_panels_of_their_own():
    said = texts("fig09", full("p4_clip_higher"))
    assert "ours, last five steps: % of tokens" in said
    assert "the paper: % of tokens" in said
    assert "91.7" in said
    assert "12.5" in said  # ours: all scores are 0.125
    assert "Qwen3-4B-Base, data not named" in said


def test_a_figure_without_numbers_in_the_paper_has_no_panel_of_them():
    assert not any("the paper:" in text for text in texts("fig06", full("p3_std_scope")))


def test_six_benchmarks_have_six_panels():
    said = texts("fig05", full("p2_std_removal", "gpu"))
    assert set(BENCHMARKS.values()) <= set(said)
    assert "accuracy in training" not in said
    assert "accuracy in training" in texts("fig06", full("p3_std_scope"))


def test_held_out_accuracy_is_drawn_where_it_was_logged_often_enough():
    p3 = study("p3_std_scope")
    runs = [record(p3, labels, 0, final__accuracy=0.5) for labels in p3.cells]
    curves = {"eval/accuracy": {run.run_id: [0.1, 0.2, 0.3] for run in runs}}
    assert "held-out accuracy" in texts("fig06", source(p3, runs, curves))


def test_tokens_are_drawn_with_their_text_whatever_it_is(tmp_path):
    runs = [record(P5, AT, seed) for seed in (0, 1)]
    odd = document(entry(1, "$x$", 20, 6), entry(2, "中", 20, 5), entry(3, " so", 20, 4), entry(4, "--", 20, 3))
    files(tmp_path, runs, {0: odd, 1: SEEDS[1]})
    said = texts("fig10", source(P5, runs, folder=tmp_path))
    assert {"$x$", "\\u4e2d", "␣so"} <= set(said)
    assert "no finished run" in said  # under 0.28


def test_a_run_that_clipped_nothing_says_so(tmp_path):
    run = record(P5, AT, 0)
    files(tmp_path, [run], {0: document(entry(1, "so", 10, 0))})
    assert "no token was clipped" in texts("fig10", source(P5, [run], folder=tmp_path))
    assert "files not here" in texts("fig10", source(P5, [run], folder=tmp_path / "elsewhere"))


def test_classes_have_a_bar_for_each_arm(tmp_path):
    runs = [record(P5, {**AT, "upper_bound": bound}, 0) for bound in ("0.20", "0.28")]
    for run in runs:
        place = tmp_path / f"{P5.name}.{run.run_id}"
        place.mkdir()
        (place / "clipped_tokens.json").write_text(json.dumps(SEEDS[0]))
    assert {"connective", "number or sign"} <= set(texts("fig19", source(P5, runs, folder=tmp_path)))


def test_parts_of_a_figure_stand_one_above_the_other():
    said = lines(texts("fig14", full("p8_overlong")))
    assert said.index("Its left panel: base model") < said.index("Its right panel: aligned model")
