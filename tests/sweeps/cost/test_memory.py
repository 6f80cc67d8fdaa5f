from dataclasses import replace

import pytest

from sweeps.cost.inputs import SHAPES, Cluster, Device, ModelShape, parse_cluster
from sweeps.cost.memory import LOGITS, RUNTIME, estimate_memory, explain_unfit
from sweeps.cost.setup import assume_setup
from tools.cost_fit import PEAKS

TINY = ModelShape(2, 10, 1, 1, 10, 10, 10)
PAIR = Cluster(1, 2, Device("toy", 1e6, 1e6, 100e9))


def usually(model=TINY, cluster=PAIR, tokens=100, recompute=True, **other):
    """Of a run that says nothing of its engines."""
    return estimate_memory(model, cluster, tokens, recompute, replace(assume_setup(model, cluster), **other))


@pytest.mark.parametrize("peak", PEAKS, ids=lambda peak: f"{peak.model} {peak.tokens} on {peak.cluster}")
def test_published_peaks_of_training_are_met_within_a_quarter(peak):
    assert peak.predicted == pytest.approx(peak.gib, rel=0.25)


def test_states_are_sixteen_bytes_a_parameter_shared_by_all_gpus():
    assert usually().states == 16 * TINY.parameters / 2


def test_activations_are_layer_inputs_one_layer_and_what_is_gathered():
    # Inputs 2 * 100 * 10 * 2; a layer 2 * 100 * (40 + 40 + 40), twice; two layers of 700 and two embeddings of 100.
    held = usually()
    assert held.activations == 4000 + 2 * 24000 + 2 * (2 * 700 + 2 * 100) + LOGITS
    assert usually(recompute=False).activations == held.activations - 4000 + 24000
    assert usually(gathered=False).activations == held.activations - 2 * (2 * 700 + 2 * 100)
    assert usually(number=4).activations == 2 * (held.activations - LOGITS) + LOGITS


def test_trainer_and_sampler_share_a_gpu():
    held = usually()
    assert held.sampler == 60e9
    assert held.sampling == held.states + held.sampler + RUNTIME
    assert held.peak == held.sampling
    assert held.cached == pytest.approx((60e9 - 2 * TINY.parameters) / TINY.cache_bytes)


def test_a_stated_share_is_taken_whatever_else_is_there():
    held = usually(share=0.9, reference=10e9)
    assert held.sampler == pytest.approx(90e9)
    assert held.sampling == pytest.approx(held.states + 10e9 + 90e9 + RUNTIME)
    assert explain_unfit(held, 100).startswith("trainer and sampler need 102.0 of 95.0 GB per GPU: the sampler 90.0, ")


def test_with_gpus_of_its_own_the_sampler_is_alone_on_them():
    held = usually(share=0.9, reference=10e9, apart=True)
    assert held.sampling == held.sampler
    assert held.training == usually(reference=10e9).training
    assert explain_unfit(held, 100) is None
    assert explain_unfit(replace(held, sampler=97e9), 100) == "the sampler takes 97.0 of 95.0 GB per GPU"


def test_the_optimizers_step_counts_where_it_takes_more_than_activations():
    held = usually()
    stepping = replace(held, stepping=held.activations + 5e9)
    assert stepping.training == held.training + 5e9


@pytest.mark.parametrize(
    ("model", "cluster", "fits"),
    [
        ("Qwen/Qwen3-4B", "8xH100", True),
        ("Qwen/Qwen3-8B", "8xH100", True),
        ("meta-llama/Llama-3.1-8B", "8xA100", True),
        ("Qwen/Qwen3-8B", "1xH100", False),
        ("Qwen/Qwen3-32B", "8xH100", False),
        ("Qwen/Qwen3-32B", "8xGB200", True),
        ("Qwen/Qwen3-8B", "8xL40", True),
        ("Qwen/Qwen3-235B-A22B", "8xH100", False),
    ],
)
def test_known_models_fit_or_do_not(model, cluster, fits):
    held = usually(SHAPES[model], parse_cluster(cluster), 32768)
    assert (explain_unfit(held, 9216) is None) == fits


def test_the_reason_names_the_half_that_does_not_fit_and_what_takes_the_memory():
    room = replace(usually(), states=1e9, resting=0.5e9, sampler=60e9, served=50e9, activations=4e9)
    assert explain_unfit(replace(room, activations=200e9, reference=3e9), 100) == (
        "training needs 206.0 of 95.0 GB per GPU: activations 200.0, the reference model 3.0, the runtime 2.0, "
        "states 1.0"
    )
    assert (
        explain_unfit(replace(room, stepping=200e9), 100)
        == "training needs 203.0 of 95.0 GB per GPU: the optimizer's step 200.0, the runtime 2.0, states 1.0"
    )
    assert (
        explain_unfit(replace(room, sampler=200e9), 100)
        == "trainer and sampler need 202.5 of 95.0 GB per GPU: the sampler 200.0, the runtime 2.0, states 0.5"
    )
    assert explain_unfit(replace(room, cached=50.0), 100) == (
        "the sampler's cache holds 50 of the 100 tokens of one response; its weights take 50.0 of its 60.0 GB per GPU"
    )
