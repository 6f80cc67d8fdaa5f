import json
from math import isnan

import pytest

from analysis.claims.evidence import measure_connectives, measure_fall, read_values
from tests.analysis.takeaways.samples import material, record, study

P5 = study("p5_clip_tokens")


def test_a_fall_is_from_the_best_five_steps_in_a_row_to_the_last_five():
    # Means of five: 0.4 over the first five steps, less from there on, 0.1 over the last.
    assert measure_fall([0.4] * 5 + [0.1] * 5) == pytest.approx(0.3)
    assert measure_fall([0.1] * 5 + [0.4] * 5) == 0


def test_a_single_good_step_is_no_height_to_fall_from():
    # One step of 1.0 among 0.5 lifts a mean of five to 0.6.
    assert measure_fall([0.5] * 4 + [1.0] + [0.5] * 10) == pytest.approx(0.1)


def test_a_short_curve_has_no_fall():
    assert isnan(measure_fall([0.5] * 9))


def clipped(*tokens):
    return json.dumps({"high": 0, "tokens": [{"text": text, "high": high, "low": 1} for text, high in tokens]})


def test_connectives_are_counted_whatever_their_spaces_and_capitals():
    assert measure_connectives(clipped((" Therefore", 2), ("wait", 1), ("7", 5), (" the", 0))) == pytest.approx(3 / 8)


@pytest.mark.parametrize("text", [clipped(("wait", 0)), "", "[]", "{}", '{"tokens": [1]}'])
def test_a_file_that_says_nothing_gives_no_number(text):
    assert isnan(measure_connectives(text))


def test_tokens_are_read_from_the_folder_of_each_run(tmp_path):
    runs = [record(P5, {"upper_bound": "0.28"}, seed, final__accuracy=0.5) for seed in (0, 1)]
    folder = tmp_path / f"p5_clip_tokens.{runs[0].run_id}"
    folder.mkdir()
    (folder / "clipped_tokens.json").write_text(clipped(("so", 1), ("3", 3)))
    # The files of seed 1 are on another machine.
    assert read_values(material(P5, runs, folder=tmp_path), "clipped(connectives)") == {1: {0: 0.25}}


def test_a_mean_of_a_curve_is_over_the_steps_of_training():
    run = record(P5, {"upper_bound": "0.20"}, 0, final__accuracy=0.5)
    made = material(P5, [run], {"seconds/cpu": {run.run_id: [1.0, 2.0, 3.0]}})
    assert read_values(made, "mean(seconds/cpu)") == {0: {0: 2.0}}
    assert read_values(made, "mean(rollout/tokens)") == {}
