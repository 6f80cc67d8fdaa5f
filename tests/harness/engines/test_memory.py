from __future__ import annotations

import resource

import pytest
import torch

from harness.engines.memory import keep_freed_memory


def test_big_blocks_are_reused_without_new_pages() -> None:
    if not keep_freed_memory():
        pytest.skip("the C library has no mallopt")
    torch.ones(1 << 24).sum()  # 64 MiB, more than glibc keeps by default
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(1 << 24).sum()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 5 * 16384 / 2  # a page is 4 KiB
