"""The checkpoints of a run: atomic folders that are saved, rotated, found and restored."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError

from harness.common import atomic_write_folder, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.config import ExperimentConfig


MODEL_FILE: Final = "model.json"  # in a checkpoint: the settings of its model
LEARNER_FOLDER: Final = "learner"  # in a checkpoint: the folder of the learner's files
MANIFEST: Final = "manifest.json"
_HASHED_AT_ONCE: Final = 8  # files; hashing releases the GIL


@dataclass(frozen=True, slots=True)
class Manifest:
    """Checksums of the files in a folder."""

    sha256: Mapping[str, str]  # path in the folder -> SHA-256


def write_manifest(folder: Path) -> None:
    """Write the checksums of all files of a folder; ``find_fault`` compares with them."""
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    summed = Manifest(_sums(folder, files))
    (folder / MANIFEST).write_text(json.dumps(asdict(summed), indent=1), encoding="utf-8")


def find_fault(folder: Path) -> str | None:
    """Return what is wrong with a folder that has checksums; None where it is intact."""
    try:
        summed = read_json(Manifest, (folder / MANIFEST).read_text(encoding="utf-8")).sha256
    except (OSError, ValueError):
        return f"{MANIFEST} cannot be read"
    found = _sums(folder, list(summed))
    wrong = next((name for name, sha256 in summed.items() if found[name] != sha256), None)
    return None if wrong is None else f"{wrong} differs from its checksum"


def _sums(folder: Path, names: Sequence[str]) -> dict[str, str]:
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as threads:
        return dict(zip(names, threads.map(lambda name: _sum(folder / name), names), strict=True))


def _sum(path: Path) -> str:
    """Return the file's checksum, or a value that matches no checksum if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


_ROOT: Final = Path(__file__).resolve().parents[2]
_MACHINE: Final = ("processor", "cores")  # a run may resume on another machine


def compute_identity(config: ExperimentConfig, provenance: Mapping[str, str]) -> dict[str, str]:
    """Return what a checkpoint must share with the run that resumes it.

    These are the run id, engines with their resources, commit, packages, data, and a digest of the source code.
    """
    known = {name: word for name, word in provenance.items() if name not in _MACHINE}
    return {"run": config.run_id(), "backend": json.dumps(asdict(config.backend)), **known, "code": _code()}


def find_difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Return the first part that differs, with both values; None where all are equal."""
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            return f"{name} {theirs.get(name, 'unknown')}, now {ours.get(name, 'unknown')}"
    return None


@cache  # a process keeps running the code that it has loaded
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(path for package in ("harness", "tricks") for path in (_ROOT / package).rglob("*.py")):
        found.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()


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
