import csv
from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
from scipy.stats import t

from sweeps.plan.power import GPU_STD, LAPTOP_STD, Noise, PriorStudy, estimate_noise
from tests.sweeps.records import record

METRIC = "final/accuracy"
TABLE = Path(__file__).parent.parent.parent / "results" / "reference" / "tables" / "norm_ablation.laptop.csv"


def runs(arm, scores):
    """Finished runs of one arm, seed by seed; None is a run that failed."""
    for seed, score in enumerate(scores):
        run = record(labels={"norm": arm, "size": "small"}, seed=seed)
        failed = replace(run, status="failed", scores={})
        yield failed if score is None else replace(run, scores={METRIC: score})


def pilot(name="own", **arms):
    return PriorStudy(name, {"norm": "none"}, [run for arm, scores in arms.items() for run in runs(arm, scores)])


def test_differences_of_paired_seeds_are_pooled_over_contrasts():
    # group: differences 0.1, 0.3, 0.2 with squares 0.02 about 0.2; batch: 0.0, 0.0, 0.3 with squares 0.06 about 0.1.
    own = pilot(none=[0.1, 0.2, 0.3], group=[0.2, 0.5, 0.5], batch=[0.1, 0.2, 0.6])
    found = estimate_noise(METRIC, own, [], "laptop")
    assert found.std == pytest.approx(sqrt((0.02 + 0.06) / 4))
    assert found.source == "from 6 recorded pairs of this study"


def test_a_seed_without_its_pair_does_not_count():
    own = pilot(none=[0.1, 0.2, 0.3, None, 0.4, 0.5], group=[0.2, 0.4, None, 0.9, 0.5, 0.7])
    # differences 0.1, 0.2, 0.1, 0.2 of seeds 0, 1, 4, 5: three degrees of freedom, too few to say
    assert estimate_noise(METRIC, own, [], "laptop").source.startswith("that of norm_ablation")
    more = pilot(none=[0.1, 0.2, 0.3, None, 0.4, 0.5, 0.0], group=[0.2, 0.4, None, 0.9, 0.5, 0.7, 0.1])
    assert estimate_noise(METRIC, more, [], "laptop").std == pytest.approx(sqrt((3 * 0.04**2 + 2 * 0.06**2) / 4))


def test_other_studies_stand_in_where_this_one_has_too_few_runs():
    other = pilot("other", none=[0.0] * 5, group=[0.1, 0.2, 0.3, 0.4, 0.5])
    found = estimate_noise(METRIC, pilot(), [other], "laptop")
    assert found == Noise(pytest.approx(sqrt(0.1 / 4)), "from 5 recorded pairs of other")


def test_a_study_is_not_its_own_stand_in():
    own = pilot(none=[0.0], group=[0.1])
    assert estimate_noise(METRIC, own, [replace(own, records=own.records * 9)], "laptop").std == LAPTOP_STD


def test_controls_say_nothing_about_noise():
    control = [
        replace(run, labels={**run.labels, "control": "hot"}) for run in runs("group", [0.9, 0.1, 0.9, 0.1, 0.9])
    ]
    base = [replace(run, labels={**run.labels, "control": "hot"}) for run in runs("none", [0.0] * 5)]
    assert (
        estimate_noise(METRIC, PriorStudy("own", {"norm": "none"}, [*control, *base]), [], "laptop").std == LAPTOP_STD
    )


def test_without_runs_a_constant_of_the_profile_is_used_and_named():
    assert estimate_noise(METRIC, pilot(), [], "laptop").std == LAPTOP_STD
    found = estimate_noise(METRIC, pilot(), [], "gpu")
    assert (found.std, "arXiv:2504.07086" in found.source) == (GPU_STD, True)


def test_the_laptop_constant_is_that_of_the_committed_table():
    # The half of a 95 % interval of n pairs is t s / sqrt(n).
    with TABLE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row[f"{METRIC} difference"]]
    pairs = [int(float(row[f"{METRIC} difference pairs"])) for row in rows]
    halves = [(float(row[f"{METRIC} difference high"]) - float(row[f"{METRIC} difference low"])) / 2 for row in rows]
    variances = [n * (half / t.ppf(0.975, n - 1)) ** 2 for n, half in zip(pairs, halves, strict=True)]
    freedom = [n - 1 for n in pairs]
    pooled = sqrt(sum(f * v for f, v in zip(freedom, variances, strict=True)) / sum(freedom))
    assert pooled == pytest.approx(LAPTOP_STD, abs=0.0005)


def scored(metric, name="own", model="builtin:small_base", seeds=5, scale=1.0, baseline=True, start=0):
    """Runs of two arms with this score alone, of one model."""
    found = []
    for arm, sign in (("none", 1.0), ("group", 3.0)):
        for seed in range(start, start + seeds):
            run = record(labels={"norm": arm, "model": model}, seed=seed, model=model, seconds=10.0 + sign * seed)
            found.append(replace(run, scores={metric: scale * sign * seed}))
    return PriorStudy(name, {"norm": "none"} if baseline else {}, found)


@pytest.mark.parametrize("profile", ["laptop", "gpu"])
@pytest.mark.parametrize(
    "metric", ["cost/tokens", "final/accuracy/se", "auc/accuracy", "final/pass@8", "final/aime24/avg@8", "final/length"]
)
def test_no_other_score_is_given_the_noise_of_final_accuracy(metric, profile):
    found = estimate_noise(metric, scored(METRIC), [scored(METRIC, "other")], profile)
    assert not found.known
    assert found.source == f"no recorded pair of {metric}"
    few = estimate_noise(metric, scored(metric, seeds=2), [], profile)
    assert (few.known, few.source) == (False, f"2 recorded pairs of {metric}")


@pytest.mark.parametrize(("metric", "scale"), [("cost/tokens", 1000.0), ("final/accuracy/se", 1e-4)])
def test_the_noise_of_a_score_has_its_unit(metric, scale):
    # differences 0, 2, 4, 6, 8 in units of the scale: a deviation of sqrt(10)
    assert estimate_noise(metric, scored(metric, scale=scale), [], "gpu").std == pytest.approx(scale * sqrt(10))


def test_what_a_run_cost_is_a_score_too():
    assert estimate_noise("cpu_seconds", scored(METRIC), [], "laptop").std == pytest.approx(sqrt(10))


def test_models_without_a_recorded_pair_are_named():
    small, large = "builtin:small_base", "builtin:large_base"
    own = estimate_noise(METRIC, scored(METRIC), [], "laptop", [small, large])
    assert own.source == f"from 5 recorded pairs of this study, none of {large}"
    assert estimate_noise(METRIC, scored(METRIC), [], "laptop", [small]).source == "from 5 recorded pairs of this study"


def test_other_studies_speak_by_the_planned_models_first():
    small, large = "builtin:small_base", "builtin:large_base"
    others = [scored(METRIC, "one", small), scored(METRIC, "two", large, scale=10.0)]
    found = estimate_noise(METRIC, pilot(), others, "laptop", [large])
    assert found == Noise(pytest.approx(10 * sqrt(10)), "from 5 recorded pairs of two")
    elsewhere = estimate_noise(METRIC, pilot(), others[:1], "laptop", [large])
    assert elsewhere == Noise(pytest.approx(sqrt(10)), f"from 5 recorded pairs of one, none of {large}")


def test_without_a_baseline_cells_are_paired_with_the_fullest_one():
    found = estimate_noise("cost/tokens", scored("cost/tokens", baseline=False), [], "laptop")
    assert found == Noise(pytest.approx(sqrt(10)), "from 5 recorded pairs of this study")
