"""The checkpoints of a run (save, rotate, find, restore) and its random states."""

from __future__ import annotations

import json
import random
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError

from harness.checkpoint.folder import find_difference, find_fault, write_manifest
from harness.common.files import atomic_write_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


_FILE: Final = "random.json"


def save_random_states(folder: Path) -> None:
    """Write the random states of Python, NumPy, PyTorch, and the GPUs that are in use."""
    version, words, gauss = random.getstate()
    numbers: Any = np.random.get_state()  # its type depends on an argument
    name, keys, *rest = numbers
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    states = {
        "python": [version, list(words), gauss],
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state().tolist(),
        "cuda": [state.tolist() for state in gpus],
    }
    (folder / _FILE).write_text(json.dumps(states), encoding="utf-8")


def restore_random_states(folder: Path) -> None:
    """Set the random states that ``save_random_states`` wrote."""
    states = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    if states["cuda"]:
        torch.cuda.set_rng_state_all([torch.tensor(state, dtype=torch.uint8) for state in states["cuda"]])


CHECKPOINT_FOLDER: Final = "checkpoints"  # in the folder of a run
_PREFIX: Final = "step-"
_IDENTITY: Final = "identity.json"


class CheckpointManager:
    """The checkpoints of one run: writes them, and finds the one to resume from.

    Problems are printed to standard error, one line each.
    """

    def __init__(self, run: Path, identity: Mapping[str, str], keep: int) -> None:
        self._folder, self._identity, self._keep = run / CHECKPOINT_FOLDER, identity, keep
        self.latest: int | None = None  # step of the newest checkpoint found or written by this run

    def newest(self) -> Path | None:
        """Return the newest intact checkpoint of this run and this code; None without one.

        Drafts that killed processes left are deleted.
        """
        for draft in self._folder.glob(f".{_PREFIX}*"):
            shutil.rmtree(draft, ignore_errors=True)
        step, folder = next(find_intact_checkpoints(self._folder.parent), (None, None))
        if folder is None:
            return None
        theirs = json.loads((folder / _IDENTITY).read_text(encoding="utf-8"))
        if reason := find_difference(self._identity, theirs):
            _say(f"checkpoint {folder.name} is of another run or code; the run starts from step 0: {reason}")
            return None
        _say(f"resumes from checkpoint {folder.name}")
        self.latest = step
        return folder

    def write(self, step: int, fill: Callable[[Path], None]) -> None:
        """Write a checkpoint unless it exists. A failure to write does not stop the run."""
        if self.latest is not None and step <= self.latest:
            return
        try:
            atomic_write_folder(self._folder / f"{_PREFIX}{step:06d}", lambda draft: self._fill(draft, fill))
        except (OSError, SafetensorError) as error:
            _say(f"no checkpoint of step {step}; the run continues: {str(error).splitlines()[0]}")
            return
        self.latest = step
        self._thin_out(step)

    def clear(self) -> None:
        """Delete all checkpoints, because the run is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fill(self, draft: Path, fill: Callable[[Path], None]) -> None:
        (draft / _IDENTITY).write_text(json.dumps(self._identity, indent=1), encoding="utf-8")
        fill(draft)
        write_manifest(draft)

    def _thin_out(self, step: int) -> None:
        """Delete all but the newest checkpoints.

        Checkpoints of later steps come from another version of the code, and are deleted too.
        """
        found = _steps(self._folder)
        kept = sorted(other for other in found if other <= step)[-self._keep :]
        for other in found.keys() - set(kept):
            shutil.rmtree(found[other], ignore_errors=True)


def find_intact_checkpoints(run: Path) -> Iterator[tuple[int, Path]]:
    """Yield step and folder of each intact checkpoint of a run, newest first.

    ``run`` is the folder of the run. Damaged checkpoints are skipped with a message.
    """
    for step, folder in sorted(_steps(run / CHECKPOINT_FOLDER).items(), reverse=True):
        if reason := find_fault(folder):
            _say(f"checkpoint {folder.name} is skipped: {reason}")
        else:
            yield step, folder


def describe_resume(run: Path) -> str:
    """Return what the same command would do with a stopped run, for a message."""
    steps = _steps(run / CHECKPOINT_FOLDER)
    return f"resumes from step {max(steps)}" if steps else "restarts the run"


def _steps(folder: Path) -> dict[int, Path]:
    """Return every checkpoint by its step, intact or not."""
    found = {path.name.removeprefix(_PREFIX): path for path in folder.glob(f"{_PREFIX}*")}
    return {int(step): path for step, path in found.items() if step.isdecimal()}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
