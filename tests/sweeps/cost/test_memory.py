from dataclasses import replace

import pytest

from sweeps.cost.hardware import Cluster, Device, parse_cluster
from sweeps.cost.memory import LOGITS, RUNTIME, memory, unfit
from sweeps.cost.models import SHAPES, ModelShape
from sweeps.cost.published import PEAKS

TINY = ModelShape(2, 10, 1, 1, 10, 10, 10)
PAIR = Cluster(1, 2, Device("toy", 1e6, 1e6, 100e9))


@pytest.mark.parametrize("peak", PEAKS, ids=lambda peak: f"{peak.model} {peak.tokens} on {peak.cluster}")
def test_published_peaks_of_training_are_met_within_a_quarter(peak):
    assert peak.predicted == pytest.approx(peak.gib, rel=0.25)


def test_states_are_sixteen_bytes_a_parameter_shared_by_all_gpus():
    held = memory(TINY, PAIR, 100, 100, recompute=True)
    assert held.states == 16 * TINY.parameters / 2


def test_activations_are_layer_inputs_one_layer_and_what_is_gathered():
    # Inputs 2 * 100 * 10 * 2; a layer 2 * 100 * (40 + 40 + 40), twice; two layers of 700 and two embeddings of 100.
    held = memory(TINY, PAIR, 100, 100, recompute=True)
    assert held.activations == 4000 + 2 * 24000 + 2 * (2 * 700 + 2 * 100) + LOGITS
    kept = memory(TINY, PAIR, 100, 100, recompute=False)
    assert kept.activations == held.activations - 4000 + 24000


def test_a_micro_batch_is_at_least_one_sequence():
    assert memory(TINY, PAIR, 10, 100, recompute=True) == memory(TINY, PAIR, 100, 100, recompute=True)


def test_trainer_and_sampler_share_a_gpu():
    held = memory(TINY, PAIR, 100, 100, recompute=True)
    assert held.sampler == 60e9
    assert held.sampling == held.states + held.sampler + RUNTIME
    assert held.peak == held.sampling
    assert held.cached == pytest.approx((60e9 - 2 * TINY.parameters) / TINY.cache_bytes)


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
    held = memory(SHAPES[model], parse_cluster(cluster), 32768, 9216, recompute=True)
    assert (unfit(held, 9216) is None) == fits


def test_the_reason_names_the_half_that_does_not_fit():
    room = memory(TINY, PAIR, 100, 100, recompute=True)
    assert unfit(replace(room, activations=200e9), 100) == "training needs 202 of 95 GB a GPU"
    assert unfit(replace(room, sampler=200e9), 100) == "trainer and sampler need 202 of 95 GB a GPU"
    assert unfit(replace(room, cached=50.0), 100) == "the sampler's cache holds 50 of the 100 tokens of one response"
