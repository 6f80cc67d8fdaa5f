from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: what else a process has mapped decides where its heap can grow.
WORK = """
import resource, torch
from harness.common.resources import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24).sum()  # 64 MiB, more than glibc keeps by default
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(keep_freed_memory(), min(faults() for _ in range(20)))
"""

RELEASE = """
import torch
from pathlib import Path
from harness.common.resources import keep_freed_memory, release_freed_memory

def resident():  # MiB
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 >> 10

keeps = keep_freed_memory()
blocks = [torch.ones(1 << 18) for _ in range(256)]
blocks.clear()
kept = resident()
release_freed_memory()
print(keeps, kept - resident())
"""


def test_big_blocks_are_reused_without_new_pages() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    kept, fewest = done.stdout.split()
    if kept == "False":
        pytest.skip("the C library has no mallopt")
    assert int(fewest) < 16384 / 2  # a page is 4 KiB; the layout of the heap decides how often a block fits again


def test_kept_memory_is_returned_on_request() -> None:
    done = subprocess.run([sys.executable, "-c", RELEASE], capture_output=True, text=True, check=True)
    kept, returned = done.stdout.split()
    if kept == "False":
        pytest.skip("the C library has no mallopt")
    assert int(returned) > 128  # of 256 MiB
