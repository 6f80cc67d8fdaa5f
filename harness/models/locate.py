"""Where a model's files are, and whether they are all there; imports neither torch nor transformers."""

from __future__ import annotations

import difflib
from pathlib import Path

BUILTIN = "builtin:"
WEIGHTS = Path(__file__).parent / "weights"
CHECKPOINTS = ("small_base", "small_aligned", "large_base", "large_aligned")

_SMOL = "smol"  # harness.models.smol imports this module, so it is imported where it is needed
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tiktoken.model")
_WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")


class ModelError(ValueError):
    """A model that cannot be used: which, why, and the way out, in one line."""


def check_model(path: str) -> None:
    """Raise `ModelError` if ``path`` is an embedded or local model with files missing, or "smol" without its package.

    A hub name is not looked up: whether it can be had shows only when it is loaded.
    """
    if path == _SMOL:
        from harness.models.smol import check_smol  # noqa: PLC0415

        check_smol()
        return
    source = model_source(path)
    if isinstance(source, Path):
        _check_folder(path, source)


def model_source(path: str) -> Path | str:
    """The folder of an embedded or local model, or the hub name as given. "smol" is converted where it has to be."""
    if path == _SMOL:
        from harness.models.smol import smol_folder  # noqa: PLC0415

        return smol_folder()
    if path.startswith(BUILTIN):
        return _builtin_folder(path.removeprefix(BUILTIN))
    folder = Path(path).expanduser()
    if folder.exists():
        return folder
    if _is_hub_name(path):
        return path
    raise ModelError(f"model.path {path!r}: there is no such folder, and it is no hub name such as Qwen/Qwen3-4B-Base")


def _builtin_folder(name: str) -> Path:
    if name in CHECKPOINTS:
        return WEIGHTS / name
    near = difflib.get_close_matches(name, CHECKPOINTS, n=1, cutoff=0.4)
    hint = f"did you mean {BUILTIN}{near[0]}?" if near else f"there are {', '.join(CHECKPOINTS)}"
    raise ModelError(f"model.path {BUILTIN + name!r}: no embedded model has this name; {hint}")


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
