from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import torch

from harness.checkpoint import manager as random_state


def draws() -> list[float]:
    """An odd number of normal ones: generators of pairs keep the second."""
    return [
        random.random(),
        random.gauss(0, 1),
        *np.random.normal(size=3),
        *torch.rand(2).tolist(),
        torch.randn(()).item(),
    ]


def test_every_generator_goes_on_where_it_was(tmp_path: Path) -> None:
    draws()
    random_state.save_random_states(tmp_path)
    first = draws()
    assert draws() != first
    random_state.restore_random_states(tmp_path)
    assert draws() == first


def test_it_is_json(tmp_path: Path) -> None:
    random_state.save_random_states(tmp_path)
    (file,) = tmp_path.iterdir()
    assert set(json.loads(file.read_text())) == {"python", "numpy", "torch", "cuda"}
