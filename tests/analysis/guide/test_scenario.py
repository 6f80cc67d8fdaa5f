import pytest

from analysis.guide.scenario import LIMITS, ScenarioError, read_scenario
from tests.analysis.takeaways.samples import study

LAPTOP = ("laptop",)


def read(**options):
    return read_scenario({"length": "short", **options}, LAPTOP)


@pytest.mark.parametrize(
    ("options", "role", "profile"),
    [
        ({"model": "small_base"}, "small_base", "laptop"),
        ({"model": "large_aligned"}, "large_aligned", "laptop"),
        ({"model": "qwen3_4b_base"}, "small_base", "gpu"),
        ({"model": "qwen3_8b"}, "large_aligned", "gpu"),
        ({"model": "8b", "aligned": "no"}, "large_base", "gpu"),
        ({"model": "small", "aligned": "YES"}, "small_aligned", "laptop"),
        ({"model": "small", "aligned": "no", "profile": "gpu"}, "small_base", "gpu"),
    ],
)
def test_a_model_is_told_by_its_name_its_size_or_its_role(options, role, profile):
    case = read(**options)
    assert (case.role, case.profile) == (role, profile)


@pytest.mark.parametrize(
    ("word", "model", "length"),
    [
        ("medium", "8b", "medium"),
        ("8k", "8b", "short"),
        ("8192", "8b", "short"),
        ("8193", "8b", "medium"),
        ("16k", "8b", "medium"),
        ("20k", "8b", "long"),
        ("44", "small", "short"),
        ("52", "small", "medium"),
        ("64", "small", "long"),
    ],
)
def test_a_length_is_a_word_or_a_number_of_tokens(word, model, length):
    assert read(model=model, aligned="no", length=word).length == length


def test_the_limits_are_those_of_the_grid():
    laptop, gpu = (study("p8_overlong", profile).axes["max_length"] for profile in ("laptop", "gpu"))
    assert tuple(map(int, laptop[:2])) == LIMITS["laptop"]
    assert tuple(int(label.removesuffix("k")) * 1024 for label in gpu[:2]) == LIMITS["gpu"]


def test_rewards_are_spread_unless_said_otherwise_and_a_budget_is_hours():
    case = read(model="small_base", budget="2.5")
    assert (case.rewards, case.hours) == ("spread", 2.5)
    assert read(model="small_base", rewards="concentrated").rewards == "concentrated"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "MODEL: required; known: small, large, 4b, 8b"),
        ({"model": "smal_base"}, "MODEL: no model 'smal_base'; did you mean 'small_base'?"),
        ({"model": "small"}, "MODEL=small does not say whether it is aligned; add ALIGNED=yes or ALIGNED=no"),
        ({"model": "small_base", "aligned": "yes"}, "ALIGNED: small_base is not aligned; leave ALIGNED out"),
        ({"model": "small_base", "aligned": "maybe"}, "ALIGNED: write yes or no, not 'maybe'"),
        ({"model": "small_base", "length": ""}, "LENGTH is missing; write short, medium, long, or tokens"),
        ({"model": "small_base", "length": "tiny"}, "LENGTH: no length 'tiny'; write short, medium, long"),
        ({"model": "small_base", "length": "0"}, "LENGTH: no length '0'"),
        ({"model": "small_base", "rewards": "concentratd"}, "REWARDS: no 'concentratd'; did you mean 'concentrated'?"),
        ({"model": "small_base", "budget": "much"}, "BUDGET: write hours, such as BUDGET=2, not 'much'"),
        ({"model": "small_base", "budget": "-1"}, "BUDGET: write hours"),
        ({"model": "small_base", "budget": "nan"}, "BUDGET: write hours"),
        ({"model": "small_base", "profile": "gpu"}, "PROFILE: the model is of the profile laptop, not gpu"),
        ({"model": "small_base", "profile": "gup"}, "PROFILE: no profile 'gup'; did you mean 'gpu'?"),
    ],
)
def test_what_is_unknown_is_refused_with_a_suggestion(options, message):
    with pytest.raises(ScenarioError) as caught:
        read(**options)
    assert message in str(caught.value)
