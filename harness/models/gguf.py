"""From a model in one GGUF file to a folder of safetensors: quantised weights are multiplied out to float32."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from harness.models.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def convert(gguf: Path, folder: Path, sha256: str) -> None:
    """Write model and tokenizer into the folder. Raises ModelError when it is not the file with this SHA-256."""
    _refuse_other(gguf, sha256)
    logging.disable_progress_bar()
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    quantised = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = quantised.config
    del config.quantization_config  # with it, transformers refuses to save the weights
    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(config)
    plain.generation_config = quantised.generation_config
    plain.save_pretrained(folder, state_dict=quantised.state_dict())
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)


def _refuse_other(gguf: Path, sha256: str) -> None:
    with gguf.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelError(
            f"{gguf}: SHA-256 is {found[:16]}..., expected {sha256[:16]}...; "
            "the file is damaged or of another version, install its package anew"
        )
