from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.data.synthetic import DIFFICULTIES, Difficulty, build_evaluation_set
from harness.models.load import load_model
from harness.models.locate import EMBEDDED_MODELS, WEIGHTS_FOLDER
from tests.tiers import only
from tools.embedded_models.measure import Sampling, measure
from tools.embedded_models.recipe import SHAPES

if TYPE_CHECKING:
    from harness.models.prompting import PromptForm
    from tools.embedded_models.measure import Measurement


@functools.cache
def _sampled(name: str, difficulty: Difficulty) -> Measurement:
    """256 samples, as the card draws its own."""
    model, tokenizer = load_model(f"builtin:{name}", torch.float32)
    form: PromptForm = "chat" if name.endswith("aligned") else "base"
    return measure(model, tokenizer, build_evaluation_set(difficulty, 32), form, Sampling(seed=1))


@functools.cache
def _card() -> dict[tuple[str, str], dict[str, float]]:
    entries = json.loads((WEIGHTS_FOLDER / "card.json").read_text())
    return {(entry["checkpoint"], entry["difficulty"]): entry["measured"] for entry in entries}


@pytest.mark.parametrize("name", EMBEDDED_MODELS)
def test_transformers_loads_a_checkpoint_from_its_folder(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS_FOLDER / name)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS_FOLDER / name)
    shape = SHAPES["small" if name.startswith("small") else "large"]
    assert type(model).__name__ == "Qwen3ForCausalLM"
    assert model.dtype == torch.bfloat16
    assert (model.config.hidden_size, model.config.num_hidden_layers) == (shape.hidden, shape.layers)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.config.vocab_size == len(tokenizer)
    assert model.generation_config.use_cache
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<eos>")


def test_all_checkpoints_together_stay_small() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS_FOLDER.rglob("*") if file.is_file()) < 4.5e6


@pytest.mark.parametrize("size", only(["small"], list(SHAPES)))
def test_base_models_ramble_and_aligned_ones_do_not(size: str) -> None:
    for difficulty in ("medium", "hard"):
        assert _sampled(f"{size}_base", difficulty).truncated > 0.05
        assert _sampled(f"{size}_aligned", difficulty).truncated < 0.02


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
@pytest.mark.parametrize("size", only(["small"], list(SHAPES)))
def test_alignment_lifts_accuracy(size: str, difficulty: Difficulty) -> None:
    assert _sampled(f"{size}_aligned", difficulty).accuracy > _sampled(f"{size}_base", difficulty).accuracy + 0.2


def test_the_small_base_leaves_reinforcement_learning_something_to_do() -> None:
    measured = [_sampled("small_base", difficulty) for difficulty in ("medium", "hard")]
    assert 0.12 < sum(one.accuracy for one in measured) / 2 < 0.30


@pytest.mark.parametrize("kind", ["base", "aligned"])
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_the_card_sets_the_larger_above_the_smaller_beyond_its_intervals(kind: str, difficulty: Difficulty) -> None:
    small, large = _card()[f"small_{kind}", difficulty], _card()[f"large_{kind}", difficulty]
    assert min(small["n"], large["n"]) >= 2000
    assert large["accuracy"] - large["accuracy_half_width"] > small["accuracy"] + small["accuracy_half_width"]


@pytest.mark.parametrize("name", only(["small_base", "small_aligned"], list(EMBEDDED_MODELS)))
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_the_card_agrees_with_fresh_samples(name: str, difficulty: Difficulty) -> None:
    fresh, card = _sampled(name, difficulty), _card()[name, difficulty]
    assert abs(fresh.accuracy - card["accuracy"]) < 2 * (fresh.accuracy_half_width + card["accuracy_half_width"])
