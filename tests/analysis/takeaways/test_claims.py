"""The claims fit the grids: every place that they name exists, or the grid says why not."""

from collections import Counter

import pytest

from analysis.claims.claim import AbsentError, Quoted, find_cell, interaction_terms, trend_terms
from analysis.paper.claims.catalog import CLAIMS
from sweeps.grid.grid import list_grid_names
from tests.analysis.takeaways.samples import study

PARTS = [(claim, part) for claim in CLAIMS for part in claim.parts]


def plans(claim, part, profile, full):
    """Whether a study of the claim plans all cells of the part."""
    for name in claim.studies:
        planned = study(name, profile, full)
        try:
            for term in part.terms:
                find_cell(planned, term.at, ())
        except AbsentError:
            continue
        return True
    return False


def test_every_takeaway_of_the_paper_has_a_claim():
    assert {f"T{number}" for number in range(1, 9)} <= {claim.family for claim in CLAIMS}
    assert max(Counter(claim.id for claim in CLAIMS).values()) == 1


def test_every_study_is_a_grid_and_every_grid_that_feeds_takeaways_is_read():
    read = {name for claim in CLAIMS for name in claim.studies}
    assert read <= {*list_grid_names()}
    feeding = {"p1_norm_level", "p1b_reward_scale", "p2_std_removal", "p3_std_scope", "p4_clip_higher"}
    feeding |= {"p5_clip_tokens", "p6_clip_sweep", "p7_loss_agg", "p8_overlong", "p9_liteppo_main", "p11_iclr_ext"}
    assert feeding <= read


def test_what_the_paper_ran_is_a_cell_of_the_gpu_grid():
    ran = [(claim, part) for claim, part in PARTS if not part.beyond]
    assert ran
    assert [f"{claim.id}: {part.says}" for claim, part in ran if not plans(claim, part, "gpu", full=True)] == []


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.parts and not c.profiles], ids=lambda claim: claim.id)
def test_a_claim_that_any_model_can_judge_has_a_place_on_the_laptop(claim):
    laptop = any(plans(claim, part, "laptop", full=True) for part in claim.parts)
    assert laptop is (claim.id != "R.family")  # no model of another family is embedded


def test_a_claim_that_no_run_can_judge_says_why():
    assert all(claim.why_not for claim in CLAIMS if claim.profiles or not claim.parts)


def test_only_a_quoted_number_may_be_a_level():
    levels = [each for each in PARTS if abs(sum(term.weight for term in each[1].terms)) >= 1e-12]
    assert [part.says for _, part in levels if not isinstance(part.expect, Quoted) or len(part.terms) != 1] == []


def test_a_trend_is_what_the_line_gains_from_end_to_end():
    # 0.1, 0.2, 0.3, 0.4 lie on a line that gains 0.3; its weights are 3 x / 5 for x = -1.5, -0.5, 0.5, 1.5.
    terms = trend_terms("upper_bound", ("a", "b", "c", "d"), {})
    assert [round(term.weight, 12) for term in terms] == [-0.9, -0.3, 0.3, 0.9]
    assert sum(term.weight * value for term, value in zip(terms, (0.1, 0.2, 0.3, 0.4), strict=True)) == pytest.approx(
        0.3
    )


def test_a_change_of_a_gap_is_a_difference_of_differences():
    terms = interaction_terms("filter", "on", "off", {"max_length": "44"}, {"max_length": "64"})
    assert [(term.weight, *term.at.values()) for term in terms] == [
        (1.0, "44", "on"),
        (-1.0, "44", "off"),
        (-1.0, "64", "on"),
        (1.0, "64", "off"),
    ]
