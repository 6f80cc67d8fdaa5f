"""The bar: every run on a laptop is predicted within 20 % from two others of its model."""

from functools import cache
from statistics import median

from tests.sweeps.cost.laptop_runs import errors, laptop_runs

BAR = 0.2


@cache
def predictions():
    return {number: errors(run) for number, run in enumerate(laptop_runs()) if not run.broken}


def test_every_run_is_predicted_within_a_fifth_by_the_usual_two_others():
    off = {number: median(map(abs, found)) for number, found in predictions().items()}
    assert max(off.values()) <= BAR, off


def test_hardly_any_two_others_mislead():
    every = [abs(error) for found in predictions().values() for error in found]
    assert len(every) > 1500
    assert sum(error <= BAR for error in every) / len(every) >= 0.9


def test_the_runs_cover_models_problems_limits_and_epochs():
    configs = [run.config for run in laptop_runs()]
    assert len({config.model.path for config in configs}) == 4
    assert len({tuple(config.data.difficulties) for config in configs}) >= 4
    assert len({config.rollout.max_response_length for config in configs}) >= 4
    assert {config.optim.epochs for config in configs} == {1, 2, 4}
    assert any(config.update_rule().resampling for config in configs)
