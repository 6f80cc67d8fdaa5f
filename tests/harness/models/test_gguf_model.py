from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch

from harness.models.download import fill_cache
from harness.models.errors import ModelError
from harness.models.gguf import convert
from harness.models.load import load_model
from tests.harness.engines.policies import llama
from tests.harness.models.full_disk import no_file_above

HEADS, GROUPS, WIDTH, INNER = 2, 1, 64, 96
WORDS = ["<|endoftext|>", "<bos>", "<eos>", *"0123456789", "Ġ", "a", "b", "ab"]
NAMES = {  # ours and llama.cpp's
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def model() -> Any:
    return llama(
        vocab_size=len(WORDS), hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=1, head_dim=WIDTH // HEADS,
        num_attention_heads=HEADS, num_key_value_heads=GROUPS, tie_word_embeddings=True, rms_norm_eps=1e-5,
    )  # fmt: skip


def write(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """The model as llama.cpp has it: other names, rotary halves interleaved, the feed-forward part in four bits."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([3] * 3 + [1] * (len(WORDS) - 3))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    for name, weight in weights.items():
        part = name.split(".")[-2]
        known = {"embed_tokens": "token_embd", "norm": "output_norm"}.get(part) or f"blk.0.{NAMES[part]}"
        values = weight.numpy()
        if part in ("q_proj", "k_proj"):
            heads = HEADS if part == "q_proj" else GROUPS
            values = values.reshape(heads, 2, -1, WIDTH).swapaxes(1, 2).reshape(values.shape)
        if "mlp" in name:
            kind = gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(f"{known}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{known}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write(path, {name: weight.detach() for name, weight in model().named_parameters()})
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_converted_model_is_the_one_that_was_quantised(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path, sha256(source))
    found, tokenizer = load_model(str(tmp_path), torch.float32)
    expected = model()
    kind = gguf.GGMLQuantizationType.Q4_1
    with torch.no_grad():
        for name, weight in expected.named_parameters():
            if "mlp" in name:
                weight.copy_(torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(weight.numpy(), kind), kind)))
        ids = torch.randint(0, len(WORDS), (2, 9), generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(found(ids).logits, expected(ids).logits, atol=1e-5, rtol=1e-5)
    assert {weight.dtype for weight in found.parameters()} == {torch.float32}
    assert tokenizer.encode("ab 17") == [WORDS.index(word) for word in ("ab", "Ġ", "1", "7")]
    assert (tokenizer.eos_token_id, found.generation_config.eos_token_id) == (2, 2)


def test_a_file_with_a_wrong_hash_is_refused(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(source.read_bytes() + b"?")
    with pytest.raises(ModelError, match="other.gguf: SHA-256 is .*expected .*install its package again"):
        convert(other, tmp_path / "folder", sha256(source))
    assert not (tmp_path / "folder").exists()


def test_a_disk_that_fills_up_during_conversion_leaves_no_half_model(source: Path, tmp_path: Path) -> None:
    folder, digest = tmp_path / "model", sha256(source)
    with no_file_above(50_000), pytest.raises(ModelError, match="cannot be written: .*File too large"):
        fill_cache(folder, lambda draft: convert(source, draft, digest), 0)
    assert not [path for path in tmp_path.rglob("*") if not path.name.endswith(".lock")]
    assert (fill_cache(folder, lambda draft: convert(source, draft, digest), 0) / "model.safetensors").is_file()
