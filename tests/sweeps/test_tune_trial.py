import pytest

from sweeps.tuning.trial import TrialOutcome, count_averaged_steps, find_best, find_flat_range


def finished(value, *seeds):
    return TrialOutcome(value, "finished", sum(seeds) / len(seeds), seeds, None, 1.0, "c0ffee", False)


def pruned(value):
    return TrialOutcome(value, "pruned", None, (), "seed 1001, step 4", 1.0, "c0ffee", False)


@pytest.mark.parametrize(("steps", "last"), [(1, 1), (2, 1), (4, 1), (5, 2), (30, 8), (500, 125)])
def test_an_objective_is_the_mean_of_the_last_quarter_of_the_steps(steps, last):
    assert count_averaged_steps(steps) == last


def test_the_best_is_the_finished_trial_with_the_largest_objective_and_the_first_of_equal_ones():
    outcomes = [finished(1e-4, 0.5, 0.5), finished(2e-4, 0.6, 0.4), pruned(3e-4)]
    assert find_best(outcomes) == outcomes[0]
    assert find_best(outcomes[2:]) is None


def test_values_within_the_noise_between_seeds_are_as_good_as_the_best():
    # The three best of five: 0.60 0.64 (mean 0.62), 0.58 0.60 (0.59), 0.55 0.57 (0.56).
    # Seeds differ by 0.04, 0.02, 0.02 in them, 0.08 / 3 on the mean; what is left is half of 0.04/3, -0.02/3, -0.02/3
    # with both signs: s² = 2 (0.04² + 2 * 0.02²) / 36 / (2 * 1) = 0.0000667; t of two degrees of freedom is 4.3027,
    # so that noise = 4.3027 * 0.008165 * sqrt(2 / 2) = 0.03513. 0.59 is within it, 0.56 is not.
    outcomes = [
        finished(1e-5, 0.1, 0.1),
        finished(1e-4, 0.55, 0.57),
        finished(2e-4, 0.60, 0.64),
        finished(4e-4, 0.58, 0.60),
        finished(5e-3, 0.0, 0.0),
        pruned(1e-2),
    ]
    near = find_flat_range(outcomes)
    assert near is not None
    assert (near.low, near.high, near.trials) == (2e-4, 4e-4, 2)
    assert near.noise == pytest.approx(0.03513, abs=1e-5)


def test_what_a_seed_does_to_all_values_alike_is_no_noise():
    near = find_flat_range(
        [finished(value, 0.3 + gain, 0.7 + gain) for value, gain in ((1e-4, 0.0), (2e-4, 0.1), (3e-4, 0.2))]
    )
    assert near is not None
    assert near.noise == pytest.approx(0.0, abs=1e-12)
    assert near.trials == 1


def test_a_value_that_was_proposed_twice_counts_once():
    assert find_flat_range([finished(1e-4, 0.5, 0.6), finished(1e-4, 0.5, 0.6), finished(2e-4, 0.4, 0.4)]) is None
