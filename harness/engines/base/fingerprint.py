"""Digests of a model's tokenizer and configuration, to compare what two processes loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.models.errors import ModelError

_TOKENIZER: Final = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "added_tokens.json",
    "tiktoken.model",
)
_LEFT_OUT: Final = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")  # keys of the configuration


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A model as one process sees it."""

    path: str  # as that process knows it
    tokenizer: str  # digest of the files that decide which token an id is
    config: str  # digest of the configuration, without its origin and precision


def compute_fingerprint(path: str) -> Fingerprint:
    """Return the fingerprint of a model folder, or of a hub model in the local cache."""
    folder = Path(path) if Path(path).is_dir() else _cached(path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in config.items() if name not in _LEFT_OUT}
    files = [(folder / name).read_bytes() for name in _TOKENIZER if (folder / name).is_file()]
    return Fingerprint(path, _digest(*files), _digest(json.dumps(kept, sort_keys=True).encode()))


def refuse_mismatch(sampler: Fingerprint, learner: Fingerprint) -> None:
    """Raise ModelError where sampler and learner differ in tokenizer or configuration."""
    for part in ("tokenizer", "config"):
        if getattr(sampler, part) != getattr(learner, part):
            raise ModelError(
                f"the {part} of {sampler.path!r} (sampler) and of {learner.path!r} (learner) differ; give both the "
                "same folder, or copy it again to every node"
            )


def _cached(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - most models are folders

    return Path(snapshot_download(name, allow_patterns=["config.json", *_TOKENIZER]))


def _digest(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
