from __future__ import annotations

import psutil
import pytest
import torch

from harness.common.resources import ResourceMeter, explain_out_of_memory


def test_want_of_memory_is_said_with_the_settings_that_help() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert "optim.micro_batch_tokens" in explain_out_of_memory(caught.value)
    assert "rollout.max_response_length" in explain_out_of_memory(MemoryError())


def test_any_other_error_stays_one() -> None:
    with pytest.raises(RuntimeError, match="another"):
        explain_out_of_memory(RuntimeError("another"))


def test_the_peak_memory_is_in_mebibytes() -> None:
    usage = ResourceMeter()  # the peak begins anew here
    before = psutil.Process().memory_info().rss / 2**20
    peak = usage.spent().peak_memory_mb
    after = psutil.Process().memory_info().rss / 2**20
    assert min(before, after) * 0.99 < peak < max(before, after) * 1.01
