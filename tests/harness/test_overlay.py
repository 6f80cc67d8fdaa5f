"""The quick way to compose gives what Hydra gives, faults included."""

import pytest

from harness.common.schema import SchemaError
from harness.config.compose import compose_config, compose_fast

PLAIN = [
    (),
    ("model=large_base", "data=arithmetic_easy", "reward=plus_minus_one"),
    ("optim.lr=1", "optim=paper"),  # a choice comes first, wherever it is written
    ("eval=paper", "eval.every=3"),
    ("seed=1", "seed=2"),
    ("model=large_base", "model=small_aligned"),
    ("model=larg_base", "optim=paper", "model=small_aligned"),  # of a group the last option counts
    ("+tricks.group_norm={}", "preset=grpo"),
    ("tricks.clip_higher.clip_ratio_high=0.32",),
    ("+tricks.group_norm.mean=batch", "+tricks.group_norm.std=group", "tricks.group_norm.std=none"),
    ("+tricks.group_norm={}", "tricks.group_norm=null", "+tricks.group_norm.mean=batch"),
    ("+optim.lr.deep=1",),
    ("+optim.new.deep=1", "optim.new.deep=2"),
    ("+tricks.clip_higher={clip_ratio_high: 0.24}", "tricks.clip_higher.clip_ratio_high=0.32"),
    ("+tricks.clip_higher={clip_ratio_high: 0.24}", "+tricks.clip_higher={other: 1}"),
    ("preset=dapo", "tricks.clip_higher=null"),
    ("~tricks.clip_higher",),
    ("tricks={}",),
    ("tricks={group_norm: {}}",),
    ("+eval.samples_of.aime24=64", "eval.benchmarks=[aime24,aime25]"),
    ("optim.betas=[0.1,0.2]", "data.path=null", "model.path='a b'"),
    ("steps=07",),
    ("model.path=${data.source}",),
    ("steps=choice(1,2)",),
    ("optim.betas.0=0.5",),
]
FAULTY = [
    ("model=larg_base",),
    ("modle=large_base",),
    ("optim.lrr=1",),
    ("x=1",),
    ("+steps=1",),
    ("eval.samples_of.aime24=64",),
    ("eval.samples_of={aime24: 64}",),
    ("optim={speed: 1}",),
    ("reward@here=zero_one",),
    ("steps",),
    ("steps=[1",),
]


def outcome(how, overrides):
    try:
        return how(overrides)
    except SchemaError as error:
        return str(error)


@pytest.mark.parametrize("overrides", PLAIN, ids=" ".join)
def test_overrides_give_what_hydra_makes_of_them(overrides):
    assert outcome(compose_fast, overrides) == outcome(compose_config, overrides)


@pytest.mark.parametrize("overrides", FAULTY, ids=" ".join)
def test_faults_are_refused_in_the_words_of_compose(overrides):
    with pytest.raises(SchemaError) as caught:
        compose_config(overrides)
    assert outcome(compose_fast, overrides) == str(caught.value)


def test_what_one_composition_changes_the_next_does_not_see():
    compose_fast(("eval.benchmarks=[aime24]", "+tricks.group_norm={}"))["optim"]["betas"].append(1)
    assert compose_fast(()) == compose_config(())
