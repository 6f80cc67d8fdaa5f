"""Measure time, CPU time and memory, tune the allocator, explain out-of-memory errors."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """Wall time, CPU time and peak memory of a run."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float


NO_USE: Final = ResourceUse(0.0, 0.0, 0.0)


class ResourceMeter:
    """Measurement of what this process spends on a run, from the creation of the object.

    ``before`` is what the run had already spent in an earlier process.
    """

    def __init__(self, before: ResourceUse = NO_USE) -> None:
        self._before, self._wall, self._cpu = before, time.perf_counter(), time.process_time()
        self._others: Callable[[], ResourceUse] = lambda: NO_USE
        with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak then covers the process's life
            _RESET.write_text("5")

    def add(self, others: Callable[[], ResourceUse]) -> None:
        """Include other processes of the run; their wall time overlaps and is not added."""
        self._others = others

    def spent(self) -> ResourceUse:
        """Return wall seconds, CPU seconds of all threads, and peak resident memory in MB.

        CPU seconds and peak memories of several processes are added up.
        """
        others = self._others()
        return ResourceUse(
            self._before.wall_seconds + time.perf_counter() - self._wall,
            self._before.cpu_seconds + time.process_time() - self._cpu + others.cpu_seconds,
            max(self._before.peak_memory_mb, peak_memory_mb() + others.peak_memory_mb),
        )


def measure_lifetime_use() -> ResourceUse:
    """Return what this process and its finished children have spent so far; no wall time."""
    times = os.times()
    cpu = times.user + times.system + times.children_user + times.children_system
    return ResourceUse(0.0, cpu, peak_memory_mb())


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process in MB, since the last reset if any."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# PyTorch's messages: on a CPU, from the C++ library, on a GPU.
_WORDS: Final = ("can't allocate memory", "bad_alloc", "out of memory")


def explain_out_of_memory(error: MemoryError | RuntimeError) -> str:
    """Return the message for an out-of-memory error; raise any other error again."""
    if not isinstance(error, MemoryError) and not any(words in str(error) for words in _WORDS):
        raise error
    return (
        "out of memory; lower optim.micro_batch_tokens, rollout.max_response_length, eval.max_response_length or "
        "rollout.prompts_per_batch, or set optim.gradient_checkpointing=true"
    )


# Parameters of mallopt(3), as malloc.h numbers them.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_A_GIGABYTE: Final = 1 << 30


def keep_freed_memory() -> bool:
    """Let the C library reuse large blocks instead of returning them; return whether it can.

    A step frees and requests hundreds of blocks of a few megabytes. By default glibc returns each to the system and
    faults its pages in again: 26,000 page faults a step on the small model.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    return mallopt is not None and all(mallopt(name, _A_GIGABYTE) for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))


def limit_worker(memory_mb: int) -> None:
    """Limit the memory of this process, which answers its parent and leaves Ctrl-C to it."""
    if sys.platform != "darwin":  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def deadline(cpu_seconds: float) -> Iterator[None]:
    """Limit the CPU time of the block: beyond it the kernel ends the process unconditionally."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # the block may have set a handler before
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def release_freed_memory() -> None:
    """Return to the system what ``keep_freed_memory`` kept, at the end of a run."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # as above
    if trim is not None:
        trim(0)


class Stopwatch:
    """Sums of wall seconds per phase, and the CPU seconds since the watch was created."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._cpu = time.process_time()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall time of the block to ``seconds/<name>``."""
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.seconds[f"seconds/{name}"] = self.seconds.get(f"seconds/{name}", 0.0) + taken

    def spent(self) -> dict[str, float]:
        """Return the phases so far, and the CPU seconds of the process as ``seconds/cpu``."""
        return {**self.seconds, "seconds/cpu": time.process_time() - self._cpu}
