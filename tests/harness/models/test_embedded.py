"""The embedded models without transformers are those that transformers reads, to the last bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.engines.qwen3 import forward as qwen3
from harness.engines.torch.hf_scores import score_samples_hf
from harness.models.embedded import EmbeddedModel, EmbeddedTokenizer
from harness.models.load import load_embedded, load_model
from harness.models.locate import BUILTIN_PREFIX, EMBEDDED_MODELS
from harness.models.prompting import format_prompt, list_prompt_notes
from harness.models.validate import refuse_misfit
from tests.harness.engines.policies import random_samples

PATHS = [BUILTIN_PREFIX + name for name in EMBEDDED_MODELS]
HEAVY = (
    *("sklearn", "transformers", "ray", "matplotlib", "torch._dynamo", "accelerate", "sympy", "datasets"),
    *("pandas", "pyarrow", "sqlalchemy", "mlflow"),
)
BUILD = f"""
import sys
from pathlib import Path
from harness.config.experiment import load_config
from harness.training.session import build_training
import harness.training.single, harness.training.run
from harness.tracking.store import Store
Path("mlflow.db").touch()
Store.open(Path()).finished("single")
build_training(load_config("preset=grpo"), {{}})
print([name for name in {HEAVY!r} if name in sys.modules])
"""


@pytest.mark.parametrize("path", PATHS)
def test_parameters_are_those_of_transformers_in_their_order(path: str) -> None:
    whole, _ = load_model(path, torch.float32)
    here, there = dict(load_embedded(path).named_parameters()), dict(whole.named_parameters())
    assert list(here) == list(there)
    assert all(torch.equal(here[name], there[name]) for name in here)
    assert torch.equal(EmbeddedModel(path).get_buffer("model.rotary_emb.inv_freq"), whole.model.rotary_emb.inv_freq)


@pytest.mark.parametrize("path", PATHS)
def test_long_contexts_are_scored_by_the_model_of_transformers(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (whole, tokenizer) = load_embedded(path), load_model(path, torch.float32)
    refuse_misfit(path, model.of_transformers(), tokenizer, ())
    monkeypatch.setattr(qwen3, "KEPT_WEIGHTS", 0)
    scored, expected = (
        qwen3.score_samples_compact(model, random_samples(), 0.8),
        score_samples_hf(whole, random_samples(), 0.8),
    )
    assert torch.equal(scored.log_probs, expected.log_probs)
    scored.log_probs.sum().backward()
    expected.log_probs.sum().backward()
    assert all(
        torch.equal(one.grad, other.grad) for one, other in zip(model.parameters(), whole.parameters(), strict=True)
    )


@pytest.mark.parametrize("path", PATHS)
def test_texts_are_read_and_written_as_by_the_tokenizer_of_transformers(path: str) -> None:
    _, whole = load_model(path, torch.float32)
    ours, ids = EmbeddedTokenizer(path), list(range(len(whole)))
    for form in ("base", "chat"):
        for text in ("1+2=?", "Tom has 3 bags of pens. How many?", "what \u00e9 \\boxed{12}\n"):
            assert format_prompt(ours, text, form) == format_prompt(whole, text, form)
        assert list_prompt_notes(ours, form) == list_prompt_notes(whole, form)
    assert len(ours) == len(whole)
    assert ours.convert_ids_to_tokens(ids) == whole.convert_ids_to_tokens(ids)
    assert ours.convert_ids_to_tokens(9) == whole.convert_ids_to_tokens(9)
    rows = [ids, ids[::-1]]
    assert ours.decode(ids) == whole.decode(ids)
    assert ours.batch_decode(rows, skip_special_tokens=True) == whole.batch_decode(rows, skip_special_tokens=True)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id", "unk_token_id", "is_fast"):
        assert getattr(ours, name) == getattr(whole, name)
    assert set(ours.all_special_ids) == set(whole.all_special_ids)
    read, expected = ("7 pens \u00e9", whole("7 pens \u00e9", add_special_tokens=False, return_offsets_mapping=True))
    assert ours(read, add_special_tokens=False)["input_ids"] == expected["input_ids"]
    assert ours(read, add_special_tokens=False)["offset_mapping"] == expected["offset_mapping"]


def test_a_run_of_an_embedded_model_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", BUILD], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert told.strip().splitlines()[-1] == "[]"
