"""Every case has one answer to each question, and the grids that it names hold its model or are said not to."""

from itertools import product

import pytest

from analysis.claims.claim import AbsentError, find_cell
from analysis.guide.advice import _PARTS
from analysis.guide.rules import ROLES, RULES
from analysis.guide.scenario import Scenario
from tests.analysis.takeaways.samples import study

QUESTIONS = ["advantage", "loss", "upper clip bound", "truncated responses", "recipe"]
CASES = [
    Scenario(size, aligned, length, rewards, "laptop")
    for size, aligned, length, rewards in product(
        ("small", "large"), (False, True), ("short", "medium", "long"), ("spread", "concentrated")
    )
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_a_case_has_one_answer_to_each_question(case):
    assert [rule.question for rule in RULES if rule.fits(case)] == QUESTIONS


def relevant(rule, role):
    """The parts of the rule's claims that are about the model."""
    return [
        part
        for claim in rule.claims
        for part in _PARTS[claim]
        if {term.at.get("model") for term in part.terms} == {role}
        and (not rule.tiers or {term.at.get("difficulty") for term in part.terms} <= {*rule.tiers})
    ]


def holds(rule, role, profile):
    """Whether the grid, crossed in full, has a part of the rule's claims for the model."""
    planned = study(rule.grid, profile, full=True)
    for part in relevant(rule, role):
        try:
            for term in part.terms:
                find_cell(planned, term.at, ())
        except AbsentError:
            continue
        return True
    return False


@pytest.mark.parametrize("profile", ["laptop", "gpu"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.question}: {rule.do[:20]} {rule.lengths[0]}")
def test_a_rule_says_which_models_its_grid_does_not_hold(rule, profile):
    missing = {f"{profile} {role}" for role in rule.roles if not holds(rule, role, profile)}
    assert missing == {entry for entry in rule.absent if entry.startswith(profile) and entry.split()[1] in rule.roles}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.question}: {rule.do[:20]} {rule.lengths[0]}")
def test_what_the_paper_ran_for_a_rule_is_a_place_of_its_claims(rule):
    for role in {*rule.ran} & {*rule.roles}:
        assert [part for part in relevant(rule, role) if not part.beyond], role


def test_roles_are_those_of_the_claims():
    models = {
        term.at["model"] for parts in _PARTS.values() for part in parts for term in part.terms if "model" in term.at
    }
    assert {*ROLES} <= models
