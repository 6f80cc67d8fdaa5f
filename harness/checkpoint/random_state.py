"""The global random states of a process, as JSON. Runs draw from seeds of their own; libraries may not."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

if TYPE_CHECKING:
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
