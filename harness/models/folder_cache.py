"""A folder that is written once and used ever after: whole or not there, whoever dies on the way."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.models.locate import ModelError
from harness.writing import flush

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
