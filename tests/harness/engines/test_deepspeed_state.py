"""The file of a rank's optimizer without ZeRO, where DeepSpeed leaves weights and moments to PyTorch's AdamW."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.engines.deepspeed.rank import restore_rank_state, save_rank_state


def rank(seed: int) -> tuple[torch.nn.Module, Any]:
    """A module, and what of a rank's policy the file is about."""
    torch.manual_seed(seed)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    return module, SimpleNamespace(stage=0, engine=SimpleNamespace(basic_optimizer=optimizer, optimizer=optimizer))


def descend(module: torch.nn.Module, policy: Any, steps: int) -> None:
    for _ in range(steps):
        module(torch.ones(4, 3)).square().sum().backward()
        policy.engine.basic_optimizer.step()
        policy.engine.basic_optimizer.zero_grad()


@pytest.mark.parametrize("steps", [0, 3])
def test_a_rank_that_was_saved_goes_on_as_if_it_had_not_been(steps: int, tmp_path: Path) -> None:
    module, policy = rank(0)
    descend(module, policy, steps)
    save_rank_state(policy, tmp_path / "rank")
    other, its_policy = rank(1)
    restore_rank_state(its_policy, tmp_path / "rank")
    before = deepcopy(list(module.parameters()))
    assert all(torch.equal(one, two) for one, two in zip(before, other.parameters(), strict=True))
    descend(module, policy, 2)
    descend(other, its_policy, 2)
    assert all(torch.equal(one, two) for one, two in zip(module.parameters(), other.parameters(), strict=True))
