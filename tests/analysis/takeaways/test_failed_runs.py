"""Parts of claims where runs failed for a reason of their arm: the worst outcome, and never an equivalence."""

from dataclasses import replace

import pytest

from analysis.claims.claim import Claim, ClaimPart, Quoted, compare_labels, interaction_terms
from analysis.claims.cost import compute_costs
from analysis.claims.judge import judge_claims
from analysis.claims.tables import comma_separated, format_finding
from analysis.guide.advice import advise
from analysis.guide.scenario import read_scenario
from analysis.paper.claims.catalog import CLAIMS
from tests.analysis.takeaways.samples import material, record, shelf, study

P3 = study("p3_std_scope")
EASY, HARD = {"difficulty": "easy"}, {"difficulty": "hard"}
DIVERGED, NODE = "Diverged: the gradient is not finite", "NodeDiedError: the node of the run is gone"


def runs(std, where, scores, error=DIVERGED):
    """Runs of a cell; None is one that failed."""
    labels = {"std": std, "control": "off", "model": "small_base", **where}
    made = [
        record(P3, labels, seed, final__accuracy=score or 0.0, final__length=9.0) for seed, score in enumerate(scores)
    ]
    return [
        replace(each, status="failed", scores={}, error=error) if score is None else each
        for each, score in zip(made, scores, strict=True)
    ]


def part_of(*records, part=None, expect="more", metric="final/accuracy"):
    part = part or compare_labels("std", "batch", "group", {"model": "small_base", **EASY}, expect, metric=metric)
    claim = Claim("T3.std", "", "", "paper", "", ("p3_std_scope",), (part,), why_not="")
    ((finding,),) = (judge_claims((claim,), shelf(material(P3, records))),)
    return finding.parts[0]


BASE = [0.5 + 0.001 * seed for seed in range(12)]
HALF = [0.55 + 0.002 * seed if seed % 2 else None for seed in range(12)]


def test_survivors_do_not_support_a_claim():
    found = part_of(*runs("group", EASY, BASE), *runs("batch", EASY, HALF))
    assert (found.word, found.failed) == ("inconclusive", "6 of 12 seeds failed")
    assert format_finding(found).endswith(" (6), 6 of 12 seeds failed")
    lost = part_of(*runs("group", EASY, BASE), *runs("batch", EASY, HALF, NODE))
    assert (lost.word, lost.failed) == ("supported", "")


def test_an_arm_that_diverges_under_every_seed_contradicts_a_claim_of_more():
    gone = (*runs("group", EASY, BASE[:8]), *runs("batch", EASY, [None] * 8))
    found = part_of(*gone)
    assert (found.word, found.difference, format_finding(found)) == ("contradicted", None, "—, 8 of 8 seeds failed")
    assert part_of(*gone, expect="no more").word == "supported"
    assert part_of(*gone, expect="same").word == "contradicted"


def test_no_equivalence_and_no_quoted_number_is_shown_with_a_failure():
    scores = [0.5 + 0.001 * (-1) ** seed for seed in range(11)]
    pairs = (*runs("group", EASY, [0.5] * 12), *runs("batch", EASY, [*scores, None]))
    assert part_of(*pairs, expect="same").word == "inconclusive"
    quoted = compare_labels("std", "batch", "group", {"model": "small_base", **EASY}, Quoted(0.0, 0.0, 0.1))
    assert part_of(*pairs, part=quoted).word == "inconclusive"


def test_a_change_of_gaps_weighs_which_side_failed():
    change = ClaimPart(
        "",
        interaction_terms("std", "batch", "group", {"model": "small_base", **HARD}, {"model": "small_base", **EASY}),
        "more",
    )
    whole = [*runs("group", EASY, BASE), *runs("group", HARD, BASE), *runs("batch", EASY, BASE)]
    found = part_of(*whole, *runs("batch", HARD, [None] * 12), part=change)
    assert (found.word, found.failed) == ("contradicted", "12 of 12 seeds failed")
    turned = [*runs("group", EASY, BASE), *runs("group", HARD, BASE), *runs("batch", HARD, BASE)]
    assert part_of(*turned, *runs("batch", EASY, [None] * 12), part=change).word == "supported"


def test_files_and_guide_name_the_count():
    records = [*runs("group", HARD, BASE), *runs("batch", HARD, HALF)]
    found = judge_claims(CLAIMS, shelf(material(P3, records)))
    assert "6 of 12 seeds failed" in comma_separated(found)
    case = read_scenario({"model": "small_base", "length": "short", "rewards": "spread"}, ["laptop"])
    assert any("6 of 12 seeds failed" in each.here for each in advise(case, found, shelf(material(P3, records))))


def test_costs_are_of_recipes_that_have_finished_runs():
    p9 = study("p9_liteppo_main")
    labels = {"recipe": "grpo", "control": "off", "model": "small_base", "difficulty": "easy"}
    gone = [replace(record(p9, labels, seed), status="failed", error=DIVERGED) for seed in range(3)]
    assert compute_costs(shelf(material(p9, gone))) == ()


@pytest.mark.parametrize("count", [1, 2])
def test_failures_alone_below_two_seeds_are_no_runs(count):
    found = part_of(*runs("group", EASY, BASE[:count]), *runs("batch", EASY, [None] * count))
    assert found.word == ("no runs" if count < 2 else "exploratory")
