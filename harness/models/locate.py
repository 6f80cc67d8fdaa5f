"""Find a model's files and check that they are complete.

This module imports neither torch nor transformers.
"""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.models.errors import ModelError

BUILTIN_PREFIX = "builtin:"
WEIGHTS_FOLDER = Path(__file__).parent / "weights"
EMBEDDED_MODELS = ("small_base", "small_aligned", "large_base", "large_aligned")

_SMOL = "smol"  # harness.models.download imports this module, so it is imported inside functions
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tiktoken.model")
_WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")


def check_model(path: str) -> None:
    """Raise ModelError if a local model lacks files, or "smol" lacks its package.

    A hub name is not looked up. Whether it exists shows only when it is loaded.
    """
    if path == _SMOL:
        from harness.models.download import check_smol  # noqa: PLC0415

        check_smol()
        return
    source = locate_model(path)
    if isinstance(source, Path):
        _check_folder(path, source)


def read_local_settings(path: str) -> Mapping[str, Any]:
    """Return a model's ``config.json`` if it is on this machine, otherwise an empty mapping.

    It is found for embedded models, folders, "smol" once it is converted, and hub models in the local cache. A file
    that is not a JSON object also gives an empty mapping.
    """
    file = _settings_file(path)
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):  # loading the model reports the fault of the file
        return {}
    return found if isinstance(found, Mapping) else {}


def refuse_encoder(path: str, settings: Mapping[str, Any]) -> None:
    """Raise ModelError for an encoder-decoder model, such as T5."""
    if settings.get("is_encoder_decoder"):
        kind = str(settings.get("model_type") or "an encoder-decoder")
        raise ModelError(f"model.path {path!r}: {kind} is an encoder-decoder model; give a decoder-only language model")


def locate_model(path: str) -> Path | str:
    """Return the folder of an embedded or local model, or the hub name as given.

    "smol" is converted first if needed. Raises ModelError where there is no such folder and no such form of hub name.
    """
    if path == _SMOL:
        from harness.models.download import smol_folder  # noqa: PLC0415

        return smol_folder()
    if path.startswith(BUILTIN_PREFIX):
        return _builtin_folder(path.removeprefix(BUILTIN_PREFIX))
    folder = Path(path).expanduser()
    if folder.exists():
        return folder
    if _is_hub_name(path):
        return path
    raise ModelError(f"model.path {path!r}: no such folder, and not a hub name such as Qwen/Qwen3-4B-Base")


def _settings_file(path: str) -> Path | None:
    if path == _SMOL:
        from harness.models.download import find_converted_smol  # noqa: PLC0415

        folder = find_converted_smol()
        return folder / "config.json" if folder else None
    source = locate_model(path)
    if isinstance(source, Path):
        return source / "config.json"
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - needed only for a hub model

    cached = try_to_load_from_cache(source, "config.json")
    return Path(cached) if isinstance(cached, str) else None


def _builtin_folder(name: str) -> Path:
    if name in EMBEDDED_MODELS:
        return WEIGHTS_FOLDER / name
    near = difflib.get_close_matches(name, EMBEDDED_MODELS, n=1, cutoff=0.4)
    hint = f"did you mean {BUILTIN_PREFIX}{near[0]}?" if near else f"known: {', '.join(EMBEDDED_MODELS)}"
    raise ModelError(f"model.path {BUILTIN_PREFIX + name!r}: no embedded model has this name; {hint}")


def _is_hub_name(path: str) -> bool:
    owner, slash, name = path.partition("/")
    return bool(slash and owner and name) and "/" not in name and not path.startswith((".", "~"))


def _check_folder(path: str, folder: Path) -> None:
    if not folder.is_dir():
        raise ModelError(f"model.path {path!r}: not a folder; give the folder that holds config.json")
    if not (folder / "config.json").is_file():
        raise ModelError(f"model.path {path!r}: no config.json; give the folder that save_pretrained wrote")
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(f"model.path {path!r}: no tokenizer; write it there with tokenizer.save_pretrained(folder)")
    if not any((folder / name).is_file() for name in _WEIGHT_FILES):
        raise ModelError(f"model.path {path!r}: no safetensors weights; write them with model.save_pretrained(folder)")
