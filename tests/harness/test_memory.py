from __future__ import annotations

import pytest
import torch

from harness.common.resources import out_of_memory


def test_want_of_memory_is_said_with_the_settings_that_help() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert "optim.micro_batch_tokens" in out_of_memory(caught.value)
    assert "rollout.max_response_length" in out_of_memory(MemoryError())


def test_any_other_error_stays_one() -> None:
    with pytest.raises(RuntimeError, match="another"):
        out_of_memory(RuntimeError("another"))
