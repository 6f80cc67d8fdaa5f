"""Judge responses in worker processes that can be killed.

``WorkerProcess`` is one worker. ``Verifier`` distributes questions over workers.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.verify.compare import judge_fast, normalize_answer, parse_exact_number
from harness.verify.model import MOST_CHARACTERS, Gold, Judgment, Limits, read_boxes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from harness.verify.model import Boxes, OpenBox


_ROOT: Final = str(Path(__file__).resolve().parents[2])
_REPLY: Final = 65_536


class WorkerProcess:
    """A worker process. It runs from the creation of the object until a limit is hit."""

    def __init__(
        self,
        limits: Limits,
        module: str = "harness.verify.worker",
        words: Sequence[str] = (),
        *,
        in_group: bool = False,
    ) -> None:
        """Start the process.

        Args:
            limits: Limits of one question.
            module: The module to run; its first arguments are the limits of CPU time and memory.
            words: Further arguments.
            in_group: True if processes that it starts are killed with it.

        """
        self._limits, self._in_group = limits, in_group
        self.silent = False  # True: the process did not reply within the last waiting time
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
        """Judge one answer.

        Args:
            gold: The gold answer.
            answer: The content of a box.
            tolerance: Largest absolute difference that counts as equal; None means exact.

        Returns:
            Whether the answer is correct, and the reason, which is ``deadline`` or ``crash`` where the worker ended.

        """
        reply = self.exchange([gold, answer, tolerance])
        if reply is None:
            return False, self.ended()
        right, reason = reply
        return right, reason

    def key(self, answer: str) -> str | None:
        """Return the key of an answer's value; None where it has none or the worker ended."""
        reply = self.exchange([answer])
        if reply is None:
            self.ended()
            return None
        key: str | None = reply[0]
        return key

    def exchange(self, request: Any) -> Any:
        """Send one line of JSON and return the reply; None where the worker ended."""
        try:
            self._send(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return None
        return self.first(self._limits.wall_seconds)

    def first(self, seconds: float) -> Any:
        """Read one line within the given seconds; None where the worker ended or did not reply."""
        reply = self._reply(seconds)
        return None if reply is None else json.loads(reply)

    def ended(self) -> str:
        """End the process and return why there was no reply: ``deadline`` or ``crash``."""
        self.close()
        return "deadline" if self._worker.returncode == -signal.SIGPROF else "crash"

    @property
    def alive(self) -> bool:
        """True if the process can answer more requests."""
        return self._worker.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._worker.pid

    def close(self) -> None:
        """Kill the process and wait until it has ended."""
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
        """Return one line, or None where the worker ended or did not reply."""
        assert self._worker.stdout is not None
        held = b""
        poll = select.poll()  # select.select refuses file descriptors from 1024 on
        poll.register(self._worker.stdout, select.POLLIN)
        while not held.endswith(b"\n"):
            ready = poll.poll(seconds * 1000)
            self.silent = not ready
            piece = os.read(self._worker.stdout.fileno(), _REPLY) if ready else b""
            if not piece:
                return None
            held += piece
        return held


_TRIES: Final = 2  # a question is repeated once if its worker ends for another reason than the deadline
_FEW: Final = 8  # fewer questions than this are faster in one process

Question = tuple[Gold, str]


class Verifier:
    """The verifier of responses; its worker processes start when first needed."""

    def __init__(self, processes: int = 1, limits: Limits | None = None) -> None:
        self._processes = processes
        self._limits = limits or Limits()
        self._begin()

    def verify(
        self, pairs: Sequence[tuple[Gold, str]], *, open_box: OpenBox = "wrong", votes: bool = False
    ) -> list[Judgment]:
        """Judge responses.

        Any thread may call it. A forked process starts its own workers.

        Args:
            pairs: Any number of (gold answer, response).
            open_box: How to judge a response whose last box is not closed but that has a complete box before it.
            votes: True if incorrect answers of equal value get the same ``Judgment.answer``, the text of the first of
                them.

        Returns:
            One verdict per pair, in the same order.

        """
        if self._owner != os.getpid():
            self._begin()
        boxes = [read_boxes(response) for _, response in pairs]
        answers = [None if _reason(found, open_box) else found.last for found in boxes]
        questions = [(gold, answer) for (gold, _), answer in zip(pairs, answers, strict=True) if answer is not None]
        found = {question: _without_process(*question) for question in questions}
        with self._lock:
            found |= self._asked([question for question, opinion in found.items() if opinion is None])
        verdicts = [
            _unanswered(box, open_box) if answer is None else _verdict(answer, found[gold, answer])
            for (gold, _), box, answer in zip(pairs, boxes, answers, strict=True)
        ]
        return self._merged(verdicts, answers) if votes else verdicts

    def votes(self, answers: Sequence[str]) -> list[str | None]:
        """Return a key per answer, equal for answers of equal value.

        The key is None for an answer that does not vote.
        """
        if self._owner != os.getpid():
            self._begin()
        texts = [normalize_answer(answer) for answer in answers]
        first = {text: answer for text, answer in reversed(list(zip(texts, answers, strict=True))) if text is not None}
        with self._lock:
            keys = {text: self._key(text, answer) for text, answer in first.items()}
        return [None if text is None else keys[text] for text in texts]

    def close(self) -> None:
        """End the worker processes; the next question starts new ones."""
        with self._lock:
            _close(self._slots)

    def pids(self) -> list[int]:
        """Return the ids of the running worker processes."""
        return [process.pid for process in self._slots if process is not None and process.alive]

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._slots: list[WorkerProcess | None] = [None] * self._processes
        weakref.finalize(self, _close, self._slots)

    def _merged(self, verdicts: Sequence[Judgment], answers: Sequence[str | None]) -> list[Judgment]:
        """Give incorrect answers of equal value the text of the first; undecided ones keep theirs."""
        read = [
            at
            for at, verdict in enumerate(verdicts)
            if verdict.answer is not None and not verdict.right and not verdict.undecided
        ]
        keys = self.votes([answers[at] or "" for at in read])
        first: dict[str | None, str | None] = {}
        merged = list(verdicts)
        for at, key in zip(read, keys, strict=True):
            merged[at] = replace(verdicts[at], answer=first.setdefault(key, verdicts[at].answer))
        return merged

    def _key(self, text: str, answer: str) -> str:
        """Return the key of an answer's value, or of its text where it has no value."""
        size = parse_exact_number(text)
        if size is not None:
            return str(size)
        return self._process(0).key(answer) or f"text {text}"

    def _asked(self, questions: list[Question]) -> dict[Question, tuple[bool, str] | None]:
        if len(questions) < _FEW or len(self._slots) == 1:
            return dict(zip(questions, self._answers(0, questions), strict=True))
        waiting = iter(questions)
        with ThreadPoolExecutor(len(self._slots)) as threads:
            shares = threads.map(lambda slot: self._share(slot, waiting), range(len(self._slots)))
            return {question: opinion for share in shares for question, opinion in share}

    def _share(self, slot: int, waiting: Iterable[Question]) -> list[tuple[Question, tuple[bool, str]]]:
        return [(question, self._answer(slot, *question)) for question in waiting]

    def _answers(self, slot: int, questions: list[Question]) -> list[tuple[bool, str]]:
        return [self._answer(slot, *question) for question in questions]

    def _answer(self, slot: int, gold: Gold, box: str) -> tuple[bool, str]:
        for _ in range(_TRIES):
            right, reason = self._process(slot).ask(gold.answer, box, gold.tolerance)
            if reason != "crash":
                break
        return right, reason

    def _process(self, slot: int) -> WorkerProcess:
        """Return the process of a slot; start one where there is none or it has ended."""
        process = self._slots[slot]
        if process is None or not process.alive:
            if process is not None:
                process.close()
            process = self._slots[slot] = WorkerProcess(self._limits)
        return process


@cache
def get_shared_verifier() -> Verifier:
    """Return the verifier of this process, created at the first call and closed at exit."""
    return Verifier()


def _without_process(gold: Gold, box: str) -> tuple[bool, str] | None:
    if len(box) > MOST_CHARACTERS:
        return False, "too_long"
    if len(gold.answer) > MOST_CHARACTERS:
        return False, "gold_unreadable"
    return judge_fast(gold, box)


def _reason(boxes: Boxes, open_box: OpenBox) -> str | None:
    """Return why a response has no answer to judge; None where it has one."""
    if boxes.last is None:
        return "no_box"
    if boxes.left_open and open_box == "wrong":
        return "open_box"
    return None if boxes.last.strip() else "empty_box"


def _unanswered(boxes: Boxes, open_box: OpenBox) -> Judgment:
    return Judgment(right=False, reason=_reason(boxes, open_box) or "no_box", answer=None)


def _verdict(answer: str, opinion: tuple[bool, str] | None) -> Judgment:
    assert opinion is not None  # decided by text or by a process
    return Judgment(*opinion, normalize_answer(answer))


def _close(slots: list[WorkerProcess | None]) -> None:
    for at, process in enumerate(slots):
        if process is not None:
            process.close()
            slots[at] = None


def compute_vote_key(answer: str) -> str | None:
    """Return the key of an answer in a majority vote; equal values have equal keys.

    A plain number is compared as text. The shared verifier's process parses any other answer. An answer without a value
    votes with its text. An answer above the maximum length does not vote.
    """
    return get_shared_verifier().votes([answer])[0]
