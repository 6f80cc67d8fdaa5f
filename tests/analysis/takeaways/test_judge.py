"""Every word is reached from records made by hand."""

import json
from dataclasses import asdict, replace
from math import exp, log

import pytest

from analysis.claims.claim import Claim, ClaimPart, Quoted, compare_labels, interaction_terms, level_terms
from analysis.claims.judge import judge_claims
from analysis.paper.claims.catalog import CLAIMS
from tests.analysis.takeaways.samples import around, material, records, shelf, study

P3 = study("p3_std_scope")
EASY, HARD = {"difficulty": "easy"}, {"difficulty": "hard"}
# Six differences with mean 0.1 and deviation 0.0029: t = 84. Those of the arms themselves are none, hence no pairs.
BASE = (0.50, 0.51, 0.52, 0.53, 0.54, 0.55)


def claim(*parts, **changes):
    settings = {"id": "T3.std", "title": "", "sentence": "", "source": "paper", "stands": "", "why_not": ""}
    return Claim(**settings | {"studies": ("p3_std_scope",), "parts": parts} | changes)


def std(where, expect="more", **options):
    return compare_labels("std", "batch", "group", {"model": "small_base", **where}, expect, **options)


def arms(where, gains, base=BASE, **scores):
    """Runs of both arms at one place: group norm as it is, the other ``gains`` above it."""
    arm = [value + gain for value, gain in zip(base, gains, strict=True)]
    return [
        *records(P3, {"std": "group", "control": "off", **where}, base, **scores),
        *records(P3, {"std": "batch", "control": "off", **where}, arm, **scores),
    ]


def judged(*runs, claims):
    return judge_claims(claims, shelf(material(P3, runs)))


def word(*runs, expect="more"):
    (finding,) = judged(*runs, claims=[claim(std(EASY, expect))])
    assert finding.parts[0].word == finding.word
    return finding.word


def test_a_gain_that_all_seeds_share_supports_a_claim_of_more_and_contradicts_one_of_less():
    runs = arms(EASY, around(0.1))
    assert word(*runs) == "supported"
    assert word(*runs, expect="less") == "contradicted"
    assert word(*runs, expect="same") == "contradicted"
    assert word(*runs, expect="no more") == "contradicted"


def test_a_gain_within_the_margin_is_equivalent_where_one_was_claimed():
    # Mean 0.001, deviation 0.0029, standard error 0.0012: t = 0.84; the margin of 0.03 is 24 errors away.
    runs = arms(EASY, around(0.001))
    assert word(*runs) == "equivalent"
    assert word(*runs, expect="same") == "supported"


def test_differences_that_scatter_are_inconclusive():
    assert word(*arms(EASY, (-0.1, 0.1, -0.05, 0.05, 0.1, 0.0))) == "inconclusive"


def test_five_seeds_are_exploratory():
    runs = arms(EASY, around(0.1, 5), BASE[:5])
    (finding,) = judged(*runs, claims=[claim(std(EASY))])
    assert finding.word == "exploratory"
    assert finding.parts[0].difference == pytest.approx(0.0992)  # the wobble that is left out is 0.004: 0.1 - 0.004 / 5


def test_one_seed_has_a_number_without_an_interval():
    (finding,) = judged(*arms(EASY, (0.1,), (0.5,)), claims=[claim(std(EASY))])
    (part,) = finding.parts
    assert (part.word, part.low, part.high, part.p, part.std) == ("exploratory", None, None, None, None)
    assert part.difference == pytest.approx(0.1)


def test_a_place_without_runs_is_said_and_the_claim_is_judged_on_the_others():
    (finding,) = judged(*arms(EASY, around(0.1)), claims=[claim(std(EASY), std(HARD))])
    assert [part.word for part in finding.parts] == ["supported", "no runs"]
    assert finding.word == "supported"
    assert finding.note == "1 of 2 parts has runs: 1 supported"
    assert "p3_std_scope has no seed with final/accuracy in all cells" in finding.parts[1].reason


def test_a_study_that_was_never_planned_gives_no_runs():
    (finding,) = judge_claims([claim(std(EASY))], shelf())
    assert (finding.word, finding.note) == ("no runs", "p3_std_scope is not planned here")


def test_a_study_of_mixed_commits_gives_no_runs_and_its_reason():
    (finding,) = judge_claims([claim(std(EASY))], shelf(refused={"p3_std_scope": "its runs are of 2 commits"}))
    assert (finding.word, finding.note) == ("no runs", "its runs are of 2 commits")


def test_one_part_called_the_other_way_contradicts_the_claim():
    runs = (*arms(EASY, around(0.1)), *arms(HARD, around(-0.1)))
    (finding,) = judged(*runs, claims=[claim(std(EASY), std(HARD))])
    assert finding.word == "contradicted"


def test_the_claims_of_a_takeaway_share_a_family_of_tests():
    # Mean 0.005, deviation 0.00290: t(5) = 4.23, p = 0.0083. Alone it is called; beside nine planned tests p = 0.075.
    runs = arms(EASY, around(0.005))
    (alone,) = judged(*runs, claims=[claim(std(EASY))])
    assert alone.word == "supported"
    assert alone.parts[0].p == pytest.approx(0.0083, abs=0.0001)
    other = claim(*[std(HARD)] * 8, id="T3.other")
    together, _ = judged(*runs, claims=[claim(std(EASY)), other])
    assert together.word == "equivalent"
    assert together.parts[0].p_adjusted == pytest.approx(9 * alone.parts[0].p)
    of_another = replace(other, id="T4.other")
    apart, _ = judged(*runs, claims=[claim(std(EASY)), of_another])
    assert apart.word == "supported"


def test_places_that_a_profile_does_not_plan_do_not_count_in_the_family():
    unplanned = compare_labels("std", "batch", "group", {"model": "large_base", **EASY})
    (finding,) = judged(*arms(EASY, around(0.005)), claims=[claim(std(EASY), *[unplanned] * 8)])
    assert finding.parts[0].p_adjusted == finding.parts[0].p


def test_an_interaction_is_a_difference_of_differences_by_seed():
    # Gains of 0.1 on easy and 0.02 on hard data: what is more on easy is 0.08.
    parts = ClaimPart("easy against hard", interaction_terms("std", "batch", "group", EASY, HARD), "more")
    (finding,) = judged(*arms(EASY, around(0.1)), *arms(HARD, [0.02] * 6), claims=[claim(parts)])
    assert finding.word == "supported"
    assert finding.parts[0].difference == pytest.approx(0.08)
    assert len(finding.parts[0].runs) == 24


def test_a_score_can_be_taken_off_within_each_run():
    # Arms end 0.1 apart but start 0.1 apart too: nothing was gained.
    base = records(P3, {"std": "group", "control": "off", **EASY}, BASE, start__accuracy=0.2)
    arm = records(P3, {"std": "batch", **EASY}, [v + 0.1 for v in BASE], start__accuracy=0.3)
    (finding,) = judged(*base, *arm, claims=[claim(std(EASY, "same", less="start/accuracy"))])
    assert finding.parts[0].difference == pytest.approx(0.0, abs=1e-12)
    assert finding.word == "supported"


def quoted(*runs, low, high, tolerance):
    part = ClaimPart("a level", level_terms({"std": "group", "control": "off", **EASY}), Quoted(low, high, tolerance))
    (finding,) = judged(*runs, claims=[claim(part)])
    return finding.word


def test_a_quoted_number_is_supported_within_its_tolerance_and_contradicted_outside():
    # A level of mean 0.525 and deviation 0.0187, standard error 0.0076.
    runs = records(P3, {"std": "group", "control": "off", **EASY}, BASE)
    assert quoted(*runs, low=0.52, high=0.53, tolerance=0.03) == "supported"
    assert quoted(*runs, low=0.1, high=0.2, tolerance=0.03) == "contradicted"
    assert quoted(*runs, low=0.52, high=0.53, tolerance=0.001) == "inconclusive"


def test_a_cost_is_a_ratio_of_geometric_means():
    curves = {"seconds/cpu": {}}
    for labels, seconds in (({"recipe": "vanilla_ppo"}, 1.0), ({"recipe": "dapo"}, 2.0)):
        for run in records(P9, {**EASY, "control": "off", **labels}, BASE):
            curves["seconds/cpu"][run.run_id] = [seconds * (1 + 0.01 * run.seed)] * 3
    runs = [
        run
        for recipe in ("vanilla_ppo", "dapo")
        for run in records(P9, {**EASY, "control": "off", "recipe": recipe}, BASE)
    ]
    where = {"model": "small_base", **EASY}
    number = Quoted(log(2.1), log(2.1), log(1.05))
    part = compare_labels("recipe", "dapo", "vanilla_ppo", where, number, metric="step seconds", ratio=True)
    made = claim(part, id="S.cost", studies=("p9_liteppo_main",))
    (finding,) = judge_claims([made], shelf(material(P9, runs, curves)))
    (found,) = finding.parts
    assert found.metric == "mean(seconds/cpu)"
    assert found.expected == "2.1"
    assert found.difference == pytest.approx(2.0)  # 2.1 / 2 is 1.05, at the edge of the tolerance
    assert found.difference == pytest.approx(exp(log(found.low)))


P9 = study("p9_liteppo_main")


def test_twins_are_a_control_outside_the_family():
    # Both sides are the same to the last bit: exact p of equivalence 1 / 2^6 = 0.016, called alone and not among ten.
    p1b = study("p1b_reward_scale", full=True)
    where = {"model": "small_base", "difficulty": "easy", "norm": "group"}
    pair = tuple(labels for labels in p1b.cells if where.items() <= labels.items())
    told = replace(p1b, twins=(pair,), because=(("dividing by a deviation cancels the scale",),))
    runs = [run for labels in pair for run in records(p1b, labels, BASE)]
    scales = ("reward_scale", "plus_minus_one", "zero_one")
    others = [compare_labels(*scales, {**where, "norm": "none"})] * 9
    made = claim(compare_labels(*scales, where, "same"), *others, studies=("p1b_reward_scale",))
    (unknown,) = judge_claims([made], shelf(material(p1b, runs)))
    assert unknown.parts[0].word == "inconclusive"
    (known,) = judge_claims([made], shelf(material(told, runs)))
    assert known.parts[0].word == "supported"
    assert known.parts[0].tests == 1
    assert known.parts[0].reason == "twins: dividing by a deviation cancels the scale"


def test_a_claim_about_other_models_is_not_judged_here():
    (finding,) = judged(
        *arms(EASY, around(0.1)), claims=[claim(std(EASY), profiles=("gpu",), why_not="only Qwen3 can tell")]
    )
    assert (finding.word, finding.note, finding.parts) == ("no runs", "only Qwen3 can tell", ())


def test_the_same_claims_are_judged_on_the_paper_s_models():
    gpu = study("p3_std_scope", "gpu")
    runs = [
        run
        for name, gain in (("group", 0.0), ("batch", 0.1))
        for run in records(gpu, {"model": "qwen3_4b_base", "std": name, **EASY}, [v + gain for v in BASE])
    ]
    (finding,) = judge_claims([claim(std(EASY))], shelf(material(gpu, runs), profile="gpu"))
    assert finding.word == "supported"
    assert {cell["model"] for cell in finding.parts[0].cells} == {"qwen3_4b_base"}


def test_findings_are_plain_data():
    found = judged(*arms(EASY, around(0.1)), claims=[claim(std(EASY), std(HARD))])
    assert json.loads(json.dumps([asdict(each) for each in found], allow_nan=False))


def test_all_claims_have_a_finding_in_their_order_without_any_run():
    found = judge_claims(CLAIMS, shelf())
    assert [each.id for each in found] == [each.id for each in CLAIMS]
    assert {each.word for each in found} == {"no runs"}
    assert all(each.note for each in found)
