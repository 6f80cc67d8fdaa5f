"""Shapes give the sizes that their makers state."""

import json

import pytest

from sweeps.cost.inputs import SHAPES, ModelShape, find_shape

# Billions, from the model cards: in all, and of a mixture of experts those that are active.
STATED = {
    "Qwen/Qwen3-0.6B": 0.6,
    "Qwen/Qwen3-1.7B": 1.7,
    "Qwen/Qwen3-4B": 4.0,
    "Qwen/Qwen3-8B": 8.2,
    "Qwen/Qwen3-14B": 14.8,
    "Qwen/Qwen3-32B": 32.8,
    "Qwen/Qwen3-30B-A3B": 30.5,
    "Qwen/Qwen3-235B-A22B": 235.0,
    "Qwen/Qwen2.5-0.5B": 0.49,
    "Qwen/Qwen2.5-1.5B": 1.54,
    "Qwen/Qwen2.5-7B": 7.61,
    "meta-llama/Llama-3.1-8B": 8.03,
    "meta-llama/Llama-3.2-1B": 1.24,
    "meta-llama/Llama-3.2-3B": 3.21,
}

# Two layers, hidden 4, 2 query heads and 1 key head of size 3, gated layers of width 5, 7 words, 3 experts of which 2.
TOY = ModelShape(2, 4, 2, 1, 3, 5, 7, experts=3, chosen=2)


@pytest.mark.parametrize(("name", "billions"), STATED.items())
def test_a_shape_has_as_many_parameters_as_its_maker_states(name, billions):
    assert SHAPES[name].parameters / 1e9 == pytest.approx(billions, rel=0.015)


def test_parameters_are_those_of_attention_experts_and_embeddings():
    assert TOY.attention == 2 * 4 * (2 * 2 + 2 * 1) * 3  # layers, hidden, query-output-key-value heads, size
    assert TOY.expert == 2 * 3 * 4 * 5
    assert TOY.parameters == TOY.attention + 3 * TOY.expert + 2 * 4 * 7
    assert TOY.active == TOY.attention + 2 * TOY.expert + 4 * 7


def test_a_cached_token_has_a_key_and_a_value_in_each_layer():
    assert TOY.cache_bytes == 2 * 2 * 2 * 1 * 3  # half precision, key and value, layers, heads, size


def test_a_larger_batch_visits_more_experts():
    # One token visits 2 of 3 experts, two of them 1 - (1/3)^2 of all.
    rest = TOY.attention + TOY.head
    assert TOY.read_bytes(1) == pytest.approx(2 * (rest + 2 * TOY.expert))
    assert TOY.read_bytes(2) == pytest.approx(2 * (rest + 3 * (8 / 9) * TOY.expert))


@pytest.mark.parametrize("suffix", ["", "-Base"])
def test_variants_have_the_shape_of_their_kind(suffix):
    assert find_shape(f"Qwen/Qwen3-8B{suffix}") is SHAPES["Qwen/Qwen3-8B"]


def test_a_folder_tells_its_shape():
    # The card counts 311,088; norms are not counted here.
    assert find_shape("builtin:small_base").parameters == pytest.approx(311_088, rel=0.01)


def test_an_unknown_model_has_no_shape(tmp_path):
    assert find_shape("someone/unheard-of") is None
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4}), encoding="utf-8")
    assert find_shape(str(tmp_path)) is None
