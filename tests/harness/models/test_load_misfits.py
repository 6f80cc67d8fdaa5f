"""Folders that transformers would read without a word, though no response could come of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertLMHeadModel,
    LlamaConfig,
    LlamaForSequenceClassification,
    LlamaModel,
    T5Config,
    T5ForConditionalGeneration,
)

from harness.models.errors import ModelError
from harness.models.load import load_model, load_tokenizer
from harness.models.validate import collect_end_ids
from tests.harness.engines.policies import llama, qwen3
from tools.embedded_models.tokenizer import EOS, VOCABULARY_SIZE, build_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

FEW = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
}
ENDS = {"eos_token_id": 2, "pad_token_id": 0}


def write(folder: Path, model: Any, tokenizer: Any = None) -> str:
    model.save_pretrained(folder)
    (tokenizer or build_tokenizer()).save_pretrained(folder)
    return str(folder)


def complaint(folder: Path, model: Any, tokenizer: Any = None) -> str:
    with pytest.raises(ModelError, match=r"^model\.path") as raised:
        load_model(write(folder, model, tokenizer), torch.float32)
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("rows", [VOCABULARY_SIZE, 2 * VOCABULARY_SIZE])
def test_embeddings_may_be_padded_beyond_the_tokenizer(rows: int, tmp_path: Path) -> None:
    model, tokenizer = load_model(write(tmp_path, llama(vocab_size=rows, **ENDS)), torch.float32)
    assert model.get_input_embeddings().num_embeddings == rows
    assert collect_end_ids(model, tokenizer) == (2,)


def test_a_tokenizer_beyond_the_embeddings_names_both_sizes(tmp_path: Path) -> None:
    said = complaint(tmp_path, llama(vocab_size=50, **ENDS))
    assert "the tokenizer has ids up to 63, but the model has embeddings for 50 tokens" in said


def test_a_tokenizer_far_below_the_embeddings_names_both_sizes(tmp_path: Path) -> None:
    said = complaint(tmp_path, llama(vocab_size=1000, **ENDS))
    assert "the tokenizer knows 64 tokens, but the model has embeddings for 1000" in said


def test_an_end_token_that_the_tokenizer_does_not_know_is_named(tmp_path: Path) -> None:
    said = complaint(tmp_path, llama(vocab_size=100, eos_token_id=[2, 90], pad_token_id=0))
    assert "the model ends responses with token 90, which its tokenizer does not know" in said


def test_a_model_without_an_end_is_refused(tmp_path: Path) -> None:
    write(tmp_path, llama(vocab_size=64, eos_token_id=None))
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"eos_token": None}))
    with pytest.raises(ModelError, match="names a token that ends a response; set eos_token"):
        load_model(str(tmp_path), torch.float32)


def test_a_missing_padding_token_is_the_end_token(tmp_path: Path) -> None:
    write(tmp_path, llama(vocab_size=64, **ENDS))
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"pad_token": None}))
    assert load_tokenizer(str(tmp_path)).pad_token == EOS


def test_a_model_that_sees_the_tokens_to_come_is_refused(tmp_path: Path) -> None:
    said = complaint(tmp_path, BertLMHeadModel(BertConfig(vocab_size=64, **FEW)))
    assert "BertLMHeadModel attends to later tokens" in said


def test_an_encoder_and_decoder_is_refused_in_one_line(tmp_path: Path) -> None:
    model = T5ForConditionalGeneration(T5Config(vocab_size=64, d_model=24, num_layers=1, num_heads=2, d_ff=30, d_kv=12))
    assert "T5Config" in complaint(tmp_path, model)


@pytest.mark.parametrize("kind", [LlamaModel, LlamaForSequenceClassification])
def test_weights_without_a_head_are_refused(kind: Any, tmp_path: Path) -> None:
    assert "the weights lack lm_head.weight" in complaint(tmp_path, kind(LlamaConfig(vocab_size=64, **FEW)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_precisions_load(dtype: torch.dtype, tmp_path: Path) -> None:
    model, _ = load_model(write(tmp_path, qwen3(vocab_size=64, **ENDS)), dtype)
    assert {weight.dtype for weight in model.parameters()} == {dtype}


def test_code_of_a_model_is_never_run(tmp_path: Path) -> None:
    write(tmp_path, qwen3(vocab_size=64, **ENDS))
    mark = tmp_path / "it ran"
    (tmp_path / "evil.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Evil: ...\n")
    settings = json.loads((tmp_path / "config.json").read_text())
    auto_map = {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil", "AutoTokenizer": ["evil.Evil", None]}
    for kind in ("qwen3", "evil"):
        (tmp_path / "config.json").write_text(json.dumps(settings | {"model_type": kind, "auto_map": auto_map}))
        if kind == "qwen3":  # transformers knows the architecture and uses its own
            load_model(str(tmp_path), torch.float32)
        else:
            with pytest.raises(ModelError, match="custom code, which is never run"):
                load_model(str(tmp_path), torch.float32)
        assert not mark.exists()


def test_truncated_weights_are_named_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, llama(vocab_size=64, **ENDS))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="the weights cannot be read") as raised:
        load_model(str(tmp_path), torch.float32)
    assert "\n" not in str(raised.value)


def test_pickled_weights_are_never_read(tmp_path: Path) -> None:
    write(tmp_path, llama(vocab_size=64, **ENDS))
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no safetensors weights"):
        load_model(str(tmp_path), torch.float32)
