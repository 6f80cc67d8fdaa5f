"""The checkpoints of a run: save, rotate, find and restore."""

from __future__ import annotations

import json
import random
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError

from harness.checkpoint.folder import difference, fault, sum_up, write_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


_FILE: Final = "random.json"


def save(folder: Path) -> None:
    """Write the states of Python, NumPy, PyTorch and its GPUs, where those are in use."""
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


def restore(folder: Path) -> None:
    """Go on from the states that ``save`` wrote."""
    states = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    if states["cuda"]:
        torch.cuda.set_rng_state_all([torch.tensor(state, dtype=torch.uint8) for state in states["cuda"]])


FOLDER: Final = "checkpoints"  # in the folder of a run
_PREFIX: Final = "step-"
_IDENTITY: Final = "identity.json"


class Checkpoints:
    """Writes checkpoints of one run and finds the one to go on from. What goes wrong is told in a line each."""

    def __init__(self, run: Path, identity: Mapping[str, str], keep: int) -> None:
        self._folder, self._identity, self._keep = run / FOLDER, identity, keep
        self.latest: int | None = None  # step of the newest one that this run has found or written

    def newest(self) -> Path | None:
        """The newest whole one, if it is of this very run and code. Drafts of killed processes are removed."""
        for draft in self._folder.glob(f".{_PREFIX}*"):
            shutil.rmtree(draft, ignore_errors=True)
        step, folder = next(whole(self._folder.parent), (None, None))
        if folder is None:
            return None
        theirs = json.loads((folder / _IDENTITY).read_text(encoding="utf-8"))
        if reason := difference(self._identity, theirs):
            _say(f"checkpoint {folder.name} is of another run or code, so this one starts anew: {reason}")
            return None
        _say(f"goes on from checkpoint {folder.name}")
        self.latest = step
        return folder

    def write(self, step: int, fill: Callable[[Path], None]) -> None:
        """Keep a checkpoint, unless it is kept already. One that cannot be written does not stop the run."""
        if self.latest is not None and step <= self.latest:
            return
        try:
            write_folder(self._folder / f"{_PREFIX}{step:06d}", lambda draft: self._fill(draft, fill))
        except (OSError, SafetensorError) as error:
            _say(f"no checkpoint of step {step}, the run goes on: {str(error).splitlines()[0]}")
            return
        self.latest = step
        self._thin_out(step)

    def clear(self) -> None:
        """Delete them all: the run is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fill(self, draft: Path, fill: Callable[[Path], None]) -> None:
        (draft / _IDENTITY).write_text(json.dumps(self._identity, indent=1), encoding="utf-8")
        fill(draft)
        sum_up(draft)

    def _thin_out(self, step: int) -> None:
        """Delete all but the newest; later steps than this one are of a run that another code has made."""
        found = _steps(self._folder)
        kept = sorted(other for other in found if other <= step)[-self._keep :]
        for other in found.keys() - set(kept):
            shutil.rmtree(found[other], ignore_errors=True)


def whole(run: Path) -> Iterator[tuple[int, Path]]:
    """Steps and folders of the checkpoints in the folder of a run, newest first. A broken one is passed over."""
    for step, folder in sorted(_steps(run / FOLDER).items(), reverse=True):
        if reason := fault(folder):
            _say(f"checkpoint {folder.name} is passed over: {reason}")
        else:
            yield step, folder


def resume_message(run: Path) -> str:
    """What the same command would do with a run that was stopped."""
    steps = _steps(run / FOLDER)
    return f"goes on from step {max(steps)}" if steps else "starts the run again"


def _steps(folder: Path) -> dict[int, Path]:
    """Every checkpoint, whole or not, by its step."""
    found = {path.name.removeprefix(_PREFIX): path for path in folder.glob(f"{_PREFIX}*")}
    return {int(step): path for step, path in found.items() if step.isdecimal()}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
