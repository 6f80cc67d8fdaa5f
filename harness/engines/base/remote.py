"""Engines in other processes: their errors, and digests of the model that they loaded."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.models import ModelError

_LONGEST: Final = 300  # characters of a quoted message
_ITS_NODE_DIED: Final = "its node has died"  # Ray's words for an actor that died with its node


class EngineError(RuntimeError):
    """Error for an engine that died or refused a call.

    The message names the engine, its own error and the way out in one line.
    """


class EngineLost(EngineError):  # noqa: N818 - no error of the run
    """Error for an engine or rank whose node died or is out of reach. The run did not cause it."""


class ParityError(RuntimeError):
    """Error for a sampler and a learner that score the same tokens differently.

    The message gives the gap, likely causes and what to change.
    """


def is_node_lost(error: BaseException) -> bool:
    """Return whether an error of Ray says that a node and everything on it is gone.

    An actor on another node is only "unavailable" until Ray knows that the node has died. The death of a process on a
    live node is known immediately and does not count.
    """
    from ray import exceptions  # noqa: PLC0415 - a run on PyTorch's engines has none

    if isinstance(error, exceptions.RayActorError):
        return isinstance(error, exceptions.ActorUnavailableError) or _ITS_NODE_DIED in str(error)
    return isinstance(error, exceptions.NodeDiedError | exceptions.ObjectLostError)


def summarize_error(error: BaseException) -> str:
    """Return an error's message as one line of bounded length."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."


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
