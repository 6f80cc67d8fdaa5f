"""The parent's side of a worker: start it, ask it, end it by its own id."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harness.verify.limits import Limits

_ROOT: Final = str(Path(__file__).resolve().parents[2])
_REPLY: Final = 65_536


class Process:
    """One worker, started when made; dead after a limit is hit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        self._worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.verify.worker", str(limits.cpu_seconds), str(limits.memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
        )

    def ask(self, gold: str, answer: str, tolerance: float | None) -> tuple[bool, str]:
        """Right or wrong, and the reason; ``deadline`` or ``crash`` where the worker ended instead."""
        reply = self._told([gold, answer, tolerance])
        if reply is None:
            return False, self._ended()
        right, reason = reply
        return right, reason

    def key(self, answer: str) -> str | None:
        """The key of the value of an answer; None where it has none or the worker ended instead."""
        reply = self._told([answer])
        if reply is None:
            self._ended()
            return None
        key: str | None = reply[0]
        return key

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._worker.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._worker.pid

    def close(self) -> None:
        """End it and wait for its end."""
        self._worker.kill()
        for pipe in (self._worker.stdin, self._worker.stdout):
            if pipe is not None:
                pipe.close()
        self._worker.wait()

    def _told(self, request: list[Any]) -> list[Any] | None:
        """The answer to a request; None where the worker ended."""
        try:
            self._send(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return None
        reply = self._reply()
        return None if reply is None else list(json.loads(reply))

    def _send(self, request: bytes) -> None:
        assert self._worker.stdin is not None
        left = memoryview(request)
        while left:
            left = left[self._worker.stdin.write(left) :]

    def _reply(self) -> bytes | None:
        """One line, or nothing where the worker ended or never ran."""
        assert self._worker.stdout is not None
        held = b""
        while not held.endswith(b"\n"):
            ready, _, _ = select.select([self._worker.stdout], [], [], self._limits.wall_seconds)
            piece = os.read(self._worker.stdout.fileno(), _REPLY) if ready else b""
            if not piece:
                return None
            held += piece
        return held

    def _ended(self) -> str:
        self.close()
        return "deadline" if self._worker.returncode == -signal.SIGPROF else "crash"
