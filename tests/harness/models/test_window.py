"""The window of prompt and response is the same on every engine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import (
    AutoConfig,
    BartConfig,
    BartForConditionalGeneration,
    BloomConfig,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MistralConfig,
    OPTConfig,
    Qwen2Config,
    T5Config,
    T5ForConditionalGeneration,
)

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.config.window import (
    max_prompt_tokens,
    max_text_tokens,
    read_loaded_positions,
    read_local_positions,
    read_positions,
)
from harness.data.catalog import Problem
from harness.engines.base.protocols import Decoding
from harness.engines.build import build_sampler_alone, build_torch_engines
from harness.models.errors import ModelError
from harness.models.load import load_tokenizer
from harness.models.locate import WEIGHTS_FOLDER
from harness.rollouts.prompts import Prompts
from sweeps.grid.cells import compose_cells, select_cells
from tests.sweeps.grids import PLAIN, grid
from tools.embedded_models.tokenizer import VOCABULARY_SIZE, build_tokenizer

if TYPE_CHECKING:
    from harness.config.experiment import ExperimentConfig

TINY = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def scaled(**rotations: Any) -> LlamaConfig:
    return LlamaConfig(max_position_embeddings=4096, rope_parameters={"rope_theta": 10000.0, **rotations})


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LlamaConfig(max_position_embeddings=160), 160),
        (GPT2Config(n_positions=300), 300),
        (OPTConfig(max_position_embeddings=2048), 2048),  # the embedding has two rows more
        (MistralConfig(max_position_embeddings=32768, sliding_window=4096), 32768),
        (MambaConfig(), None),
        (scaled(rope_type="default"), 4096),
        (scaled(rope_type="linear", factor=4.0), 16384),
        (scaled(rope_type="dynamic", factor=2.0), 8192),
        (scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=1024), 4096),
        (Qwen2Config(max_position_embeddings=131072), 131072),
        (Gemma3TextConfig(max_position_embeddings=131072), 131072),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "to_dict") else "",
)
def test_the_window_is_read_from_settings_and_from_what_transformers_makes_of_them(
    config: Any, expected: int | None, tmp_path: Path
) -> None:
    config.save_pretrained(tmp_path)
    assert read_local_positions(str(tmp_path)) == expected
    assert read_loaded_positions(AutoConfig.from_pretrained(tmp_path)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"max_position_embeddings": None}, None),
        ({"max_position_embeddings": 1e30}, None),
        ({"max_position_embeddings": 8192, "model_max_length": 131072}, 131072),  # Command-R
        ({"max_seq_len": 2048}, 2048),  # MPT
        ({"max_position_embeddings": 4096, "max_sequence_length": 2048}, 2048),
        ({"text_config": {"max_position_embeddings": 99}, "max_position_embeddings": 7}, 99),
        ({"max_position_embeddings": 100, "rope_scaling": {"type": "linear", "factor": 2}}, 200),
        ({"max_position_embeddings": 100, "rope_scaling": {"type": "linear", "factor": None}}, 100),
        ({"max_position_embeddings": 100, "rope_scaling": None}, 100),
        (
            {
                "max_position_embeddings": 100,
                "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 3}},
            },
            300,
        ),
        (
            {
                "model_type": "gemma3_text",
                "max_position_embeddings": 100,
                "rope_scaling": {"rope_type": "linear", "factor": 8},
            },
            100,
        ),
    ],
)
def test_the_names_and_scales_of_real_configurations(settings: dict[str, Any], expected: int | None) -> None:
    assert read_positions(settings) == expected


def test_bloom_counts_the_length_that_it_was_trained_on() -> None:
    assert read_positions({**BloomConfig().to_dict(), "seq_length": 2048}) == 2048


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with rotations and 160 positions."""
    folder = tmp_path_factory.mktemp("short")
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    LlamaForCausalLM(
        LlamaConfig(vocab_size=VOCABULARY_SIZE, max_position_embeddings=160, **TINY, **ends)
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def backend(engine: str) -> list[str]:
    return {
        "laptop": [],
        "hf": ["backend.engine=hf"],
        "vllm": ["backend=cpu_engines", "backend.deepspeed=null"],
        "deepspeed": ["backend=cpu_engines"],
    }[engine]


@pytest.mark.parametrize("engine", ["laptop", "hf", "vllm", "deepspeed"])
class TestPromptAndResponseBeyondTheWindow:
    """Are refused alike on every engine, before anything starts."""

    def of(self, short: Path, engine: str, *overrides: str) -> ExperimentConfig:
        return load_config(f"model.path={short}", *backend(engine), *overrides)

    def test_by_both_settings_and_what_would_fit(self, short: Path, engine: str) -> None:
        told = (
            r"^rollout\.max_prompt_length and rollout\.max_response_length allow prompts and responses of 161 tokens "
            r"in total, but model\.path '.*' has 160 positions; set one lower: rollout\.max_prompt_length=96 with "
            r"responses of 64 or rollout\.max_response_length=63 with prompts of 97$"
        )
        with pytest.raises(SchemaError, match=told):
            self.of(short, engine, "rollout.max_prompt_length=97")
        assert max_text_tokens(self.of(short, engine, "rollout.max_prompt_length=96").limits) == 160

    def test_of_an_evaluation_too(self, short: Path, engine: str) -> None:
        told = r"rollout\.max_prompt_length and eval\.max_response_length allow .* eval\.max_response_length=80 with"
        with pytest.raises(SchemaError, match=told):
            self.of(short, engine, "rollout.max_prompt_length=80", "eval.max_response_length=81")

    def test_where_neither_fits_alone(self, short: Path, engine: str) -> None:
        with pytest.raises(SchemaError, match="set one lower: prompt and response fit with 160 together"):
            self.of(short, engine, "rollout.max_prompt_length=160", "rollout.max_response_length=200")


def test_a_plan_refuses_them(short: Path, tmp_path: Path) -> None:
    found = grid(tmp_path, f"{PLAIN}\noverrides: [model.path={short}]\n")
    with pytest.raises(SchemaError, match="has 160 positions; set one lower"):
        compose_cells(found, select_cells(found, full=True).cells)


class TestEmbeddedModels:
    """Are asked short problems under a setting that allows longer ones, as recorded runs had it."""

    def test_prompts_without_room_for_a_response_count_as_too_long(self) -> None:
        config = load_config("rollout.max_response_length=500")
        assert max_prompt_tokens(config.limits, 500) == 12
        assert max_text_tokens(config.limits) == 512
        exams = Prompts(config, load_tokenizer(config.model.path)).eval_sets(
            {"arithmetic": [Problem("x", "1+1=?", "2")]}
        )
        assert exams[0].longest == 12

    def test_by_default_nothing_changes_but_beyond_their_positions(self) -> None:
        config = load_config()
        assert (
            config.rollout.max_prompt_length,
            max_prompt_tokens(config.limits, 64),
            max_text_tokens(config.limits),
        ) == (
            1024,
            448,
            512,
        )

    def test_what_was_trained_from_one_and_exported_is_asked_alike(self, tmp_path: Path) -> None:
        folder = shutil.copytree(WEIGHTS_FOLDER / "large_base", tmp_path / "model")
        config = load_config(f"model.path={folder}")
        assert (max_prompt_tokens(config.limits, 64), max_text_tokens(config.limits)) == (448, 512)
        assert build_sampler_alone(config).sample([[1, 7, 8]], Decoding(1, 4), seed=0).texts

    def test_a_response_that_fills_the_window_is_refused(self) -> None:
        with pytest.raises(SchemaError, match=r"has 512 positions; set one lower"):
            build_sampler_alone(load_config("rollout.max_response_length=512"))


def test_a_model_in_memory_is_held_to_its_window_too(short: Path) -> None:
    model = LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY_SIZE, max_position_embeddings=160, **TINY))
    outside = load_config("model.path=Qwen/Nowhere")  # whose settings cannot be read here
    with pytest.raises(SchemaError, match="1088 tokens in total, but LlamaForCausalLM has 160 positions"):
        build_torch_engines(model, build_tokenizer(), outside)


@pytest.mark.parametrize(
    "model",
    [
        lambda: T5ForConditionalGeneration(
            T5Config(vocab_size=VOCABULARY_SIZE, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        ),
        lambda: BartForConditionalGeneration(
            BartConfig(
                vocab_size=VOCABULARY_SIZE,
                d_model=16,
                encoder_layers=1,
                decoder_layers=1,
                encoder_ffn_dim=16,
                decoder_ffn_dim=16,
                encoder_attention_heads=2,
                decoder_attention_heads=2,
                pad_token_id=0,
                bos_token_id=1,
                eos_token_id=2,
                decoder_start_token_id=2,
                forced_eos_token_id=2,
            )
        ),
    ],
    ids=["t5", "bart"],
)
def test_a_model_with_an_encoder_is_refused_before_it_is_read(model: Any, tmp_path: Path) -> None:
    model().save_pretrained(tmp_path)
    build_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"is an encoder-decoder model; give a decoder-only language model"):
        load_config(f"model.path={tmp_path}")
