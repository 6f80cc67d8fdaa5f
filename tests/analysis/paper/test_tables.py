"""Numbers derived by hand."""

import csv
from dataclasses import replace
from io import StringIO

from analysis.paper.render import build_paper_table
from analysis.tables.render import render_csv, render_markdown
from tests.analysis.paper.samples import found, full, source
from tests.analysis.takeaways.samples import record, records, study

P1 = study("p1_norm_level")
EASY = {"model": "small_base", "difficulty": "easy", "control": "off"}


def rows(figure_id, *sources):
    """The rows of the Markdown table, by column title."""
    lines = [
        line
        for line in render_markdown(build_paper_table(*found(figure_id, *sources))).splitlines()
        if line.startswith("|")
    ]
    head, _, *body = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in body]


def pick(made, **labels):
    """The one row with these labels."""
    (row,) = [row for row in made if labels.items() <= row.items()]
    return row


def notes(figure_id, *sources):
    return "\n".join(build_paper_table(*found(figure_id, *sources)).notes)


def test_a_score_is_the_mean_over_seeds_and_a_difference_is_paired():
    # none: 0.4, 0.5, 0.6, mean 0.5, deviation 0.1, half-width 4.303 * 0.1 / sqrt(3) = 0.248.
    # group gains 0.1, 0.2, 0.3: mean 0.2, the same half-width.
    none = records(P1, {**EASY, "norm": "none"}, (0.4, 0.5, 0.6))
    group = records(P1, {**EASY, "norm": "group"}, (0.5, 0.7, 0.9))
    made = rows("fig04", source(P1, [*none, *group]))
    at = {"model": "small_base", "difficulty": "easy"}
    assert pick(made, **at, norm="none")["accuracy, end"] == "0.500 ± 0.248 (3)"
    assert pick(made, **at, norm="none")["difference to baseline"] == "baseline"
    assert pick(made, **at, norm="group")["difference to baseline"] == "+0.200 [-0.048, +0.448] (3)"
    assert pick(made, **at, norm="group")["verdict"] == "exploratory"  # three seeds
    assert pick(made, **at, norm="batch")["accuracy, end"] == "— not run yet"
    assert {row["the paper"] for row in made} == {"—"}


def test_controls_of_a_grid_are_no_rows_of_a_figure():
    control = record(P1, {"control": "lr_too_high"}, 0, final__accuracy=0.01)
    made = rows("fig04", source(P1, [control]))
    assert len(made) == 9  # easy and hard for the base model, medium for the aligned one, by three arms
    assert "0.010" not in str(made)


def test_the_gain_is_of_each_run_and_stands_beside_that_of_the_paper():
    # Gains of 0.1 and 0.3: mean 0.2, deviation 0.1414, half-width 12.706 * 0.1414 / sqrt(2) = 1.271.
    p0 = study("p0_difficulty")
    at = {"model": "small_aligned", "difficulty": "hard"}
    runs = [record(p0, at, seed, start__accuracy=0.5, final__accuracy=end) for seed, end in enumerate((0.6, 0.8))]
    row = pick(rows("fig03", source(p0, runs)), **at)
    assert row["gain from start to end"] == "+0.200 [-1.071, +1.471] (2)"
    assert row["the paper: gain"] == "≈ 2 points"
    assert row["the paper: precision"] == "about, as stated"
    assert pick(rows("fig03", source(p0, runs)), model="small_base", difficulty="hard")["the paper: gain"] == "—"


def test_the_first_steps_are_read_off_the_curve_without_the_evaluation_before_them():
    p2 = study("p2_std_removal")
    at = {**EASY, "norm": "batch"}
    run = record(p2, at, 0, train__reward__std=0.3)
    made = source(p2, [run])
    curve = ((0, 9.0), (1, 0.5), (2, 0.5), (3, 0.4), (4, 0.4), (5, 0.2), (6, 0.0))  # mean of steps 1 to 5: 0.4
    made = replace(made, history=lambda metric: {run.run_id: curve} if metric == "reward/std" else {})
    row = pick(rows("fig05", made), model="small_base", difficulty="easy", norm="batch")
    assert row["reward deviation, first five steps"] == "0.400 (1)"
    assert row["reward deviation, last five steps"] == "0.300 (1)"


def test_a_benchmark_that_only_the_paper_has_is_a_row_without_a_number_of_ours():
    p9 = study("p9_liteppo_main")
    at = {"model": "small_base", "difficulty": "easy", "recipe": "grpo"}
    run = record(p9, {**at, "control": "off"}, 0, final__accuracy=0.75, **{"final/arithmetic/avg@8": 0.75})
    made = rows("fig15", source(p9, [run]))
    mean = pick(made, **at, benchmark="mean")
    assert (mean["final"], mean["the paper: final"]) == ("0.750 (1)", "25 %")
    math = pick(made, **at, benchmark="MATH-500")
    assert (math["start"], math["final"], math["difference to baseline"]) == ("—", "—", "—")
    assert [math[f"the paper: {name}"] for name in ("start", "final", "best step")] == [
        "51 %",
        "54 %",
        "75 % at step 480",
    ]
    assert math["the paper: precision"] == "±0.5 point"
    assert math["the paper: source"] == "FIG (V3 Fig. 15), digitised"


def test_a_benchmark_that_both_have_is_one_row():
    p9 = study("p9_liteppo_main", "gpu")
    at = {"model": "qwen3_8b_base", "difficulty": "hard", "recipe": "liteppo"}
    scores = {"final/math500/avg@8": 0.5, "final/aime24/avg@8": 0.25, "final/math500/avg@8/se": 0.01}
    made = rows("fig15", source(p9, [record(p9, at, 0, final__accuracy=0.375, **scores)]))
    math = pick(made, **at, benchmark="MATH-500")
    assert (math["final"], math["the paper: final"]) == ("0.500 (1)", "85.4 %")
    assert pick(made, **at, benchmark="AIME24")["final"] == "0.250 (1)"


def test_the_paper_s_bars_stand_beside_our_bins():
    p4 = study("p4_clip_higher")
    at = {"model": "small_base", "difficulty": "medium", "upper_bound": "0.28"}
    run = record(p4, {**at, "control": "off"}, 0, **{"train/probability/0.99-1": 0.9})
    row = pick(rows("fig09", source(p4, [run])), **at, **{"probability of the sampled token": "[0.99, 1]"})
    assert row["share of tokens, last five steps"] == "0.900 (1)"
    assert row["the paper: share of tokens"] == "88.2 % of tokens"


def test_the_main_table_takes_what_there_is_of_several_studies():
    p9, p11 = full("p9_liteppo_main", "gpu"), full("p11_iclr_ext", "gpu")
    alone, both = rows("main", p9), rows("main", p9, p11)
    assert [row["model"] for row in both][: len(alone)] == [row["model"] for row in alone]
    row = pick(both, model="qwen3_8b", difficulty="hard", recipe="liteppo")
    assert row["the paper: final, mean of six benchmarks"] == "66.96 %"
    assert "second hand" in row["the paper: precision"]


def test_axis_ranges_and_other_numbers_without_a_row_are_notes():
    said = notes("fig07", full("p4_clip_higher"))
    assert "The paper, entropy: 0.05 to 0.3 nats a token (an axis tick: bounds what is drawn, is no measurement" in said
    # The quick plan has the small base model alone. Left are six means of the larger one, four of the aligned
    # one and three of Llama.
    p9 = study("p9_liteppo_main")
    assert "Numbers of the paper without a row here: 13 (results/paper), of Qwen3-8B-Base, easy, GRPO;" in notes(
        "main", source(p9)
    )


def test_notes_say_what_is_ours_what_the_paper_leaves_open_and_what_was_chosen():
    planned = study("p7_loss_agg", choices=("a sequence mean over eleven turtles",))
    said = notes("fig12", source(planned))
    assert "The paper does not say: the normaliser" in said
    assert "Chosen here: a sequence mean over eleven turtles" in said
    assert "small_base for Qwen3-4B-Base" in said
    assert "Commit: 0123456789." in notes("fig12", full("p7_loss_agg"))


def test_a_failed_run_and_a_twin_that_did_not_run_say_why():
    p1b = study("p1b_reward_scale", once=True)
    at = {"model": "small_base", "difficulty": "easy", "norm": "batch"}
    one, other = ({**at, "reward_scale": scale} for scale in ("zero_one", "plus_minus_one"))
    p1b = replace(p1b, twins=((one, other),), because=(("dividing cancels the scale",),))
    failed = replace(record(p1b, one, 0), status="failed", error="OutOfMemoryError: no memory")
    made = rows("fig18", source(p1b, [failed]))
    assert pick(made, reward_scale="zero_one")["accuracy, end"] == "— failed"
    assert pick(made, reward_scale="plus_minus_one")["accuracy, end"] == "— twin of zero_one"


def test_beside_a_baseline_whose_runs_failed_the_difference_says_so():
    p1 = study("p1_norm_level")
    arm, baseline = ({**EASY, "norm": norm} for norm in ("group", "none"))
    failed = replace(record(p1, baseline, 0), status="failed", error="Diverged: a weight is nan")
    made = rows("fig04", source(p1, [failed, record(p1, arm, 0, final__accuracy=0.5)]))
    row = pick(made, model="small_base", difficulty="easy", norm="group")
    assert row["difference to baseline"] == "— baseline failed"


def test_csv_gives_each_number_of_ours_three_fields_and_each_of_the_paper_s_one():
    text = render_csv(build_paper_table(*found("main", full("p9_liteppo_main"))))
    first = next(csv.DictReader(StringIO(text)))
    assert (first["final/accuracy"], first["final/accuracy half-width"], first["final/accuracy n"]) == (
        "0.125",
        "0",
        "2",
    )
    assert first["paper final"] == "25 %"
    assert "paper final n" not in first
