"""The parent's side of a worker: start it, ask it, end it by its own id."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.verify.limits import Limits

_ROOT: Final = str(Path(__file__).resolve().parents[2])
_REPLY: Final = 65_536


class Process:
    """One worker, started when made; dead after a limit is hit."""

    def __init__(
        self,
        limits: Limits,
        module: str = "harness.verify.worker",
        words: Sequence[str] = (),
        *,
        in_group: bool = False,
    ) -> None:
        """Start it.

        Args:
            limits: of one question.
            module: what it runs, with the limits of CPU and memory as its first arguments.
            words: further arguments.
            in_group: whether processes that it starts are ended with it.

        """
        self._limits, self._in_group = limits, in_group
        self.silent = False  # whether it said nothing for as long as was waited
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        self._worker = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(limits.cpu_seconds), str(limits.memory_mb), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=in_group,
        )

    def ask(self, gold: str, answer: str, tolerance: float | None) -> tuple[bool, str]:
        """Right or wrong, and the reason; ``deadline`` or ``crash`` where the worker ended instead."""
        reply = self.exchange([gold, answer, tolerance])
        if reply is None:
            return False, self.ended()
        right, reason = reply
        return right, reason

    def key(self, answer: str) -> str | None:
        """Return the key of an answer's value; None where it has none or the worker ended instead."""
        reply = self.exchange([answer])
        if reply is None:
            self.ended()
            return None
        key: str | None = reply[0]
        return key

    def exchange(self, request: Any) -> Any:
        """Send a line of JSON and return the answer; None where the worker ended instead."""
        try:
            self._send(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return None
        return self.first(self._limits.wall_seconds)

    def first(self, seconds: float) -> Any:
        """Read one line within so many seconds; None where the worker ended or said nothing."""
        reply = self._reply(seconds)
        return None if reply is None else json.loads(reply)

    def ended(self) -> str:
        """End the process and return why there was no answer."""
        self.close()
        return "deadline" if self._worker.returncode == -signal.SIGPROF else "crash"

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
        if self._in_group:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.kill()
        for pipe in (self._worker.stdin, self._worker.stdout):
            if pipe is not None:
                pipe.close()
        self._worker.wait()

    def _send(self, request: bytes) -> None:
        assert self._worker.stdin is not None
        left = memoryview(request)
        while left:
            left = left[self._worker.stdin.write(left) :]

    def _reply(self, seconds: float) -> bytes | None:
        """One line, or nothing where the worker ended or never ran."""
        assert self._worker.stdout is not None
        held = b""
        while not held.endswith(b"\n"):
            ready, _, _ = select.select([self._worker.stdout], [], [], seconds)
            self.silent = not ready
            piece = os.read(self._worker.stdout.fileno(), _REPLY) if ready else b""
            if not piece:
                return None
            held += piece
        return held
