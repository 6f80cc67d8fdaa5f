"""Right or wrong, whatever the response holds. ``shared()`` is the one that a process keeps."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final

from harness.verify.boxes import last_box
from harness.verify.limits import MOST_CHARACTERS, Limits
from harness.verify.process import Process
from harness.verify.quick import quick, vote
from harness.verify.verdict import Gold, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

_TRIES: Final = 2  # a worker that ends for another reason than its deadline is asked once more
_FEW: Final = 8  # questions that one process answers sooner than two

Question = tuple[Gold, str]


class Verifier:
    """Judges responses; expressions in killable processes that start when first needed."""

    def __init__(self, processes: int = 1, limits: Limits | None = None) -> None:
        self._processes = processes
        self._limits = limits or Limits()
        self._begin()

    def verify(self, pairs: Sequence[tuple[Gold, str]]) -> list[Verdict]:
        """Verdicts in the order of (gold, response). Safe from any thread; a fork gets processes of its own."""
        if self._owner != os.getpid():
            self._begin()
        boxes = [last_box(response) for _, response in pairs]
        questions = [
            (gold, box) for (gold, _), box in zip(pairs, boxes, strict=True) if box is not None and box.strip()
        ]
        found = {question: _without_process(*question) for question in questions}
        with self._lock:
            found |= self._asked([question for question, opinion in found.items() if opinion is None])
        return [_verdict(box, found.get((gold, box or ""))) for (gold, _), box in zip(pairs, boxes, strict=True)]

    def close(self) -> None:
        """End the processes; the next question starts new ones."""
        with self._lock:
            _close(self._slots)

    def pids(self) -> list[int]:
        """The processes that run now."""
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
        self._slots: list[Process | None] = [None] * self._processes
        weakref.finalize(self, _close, self._slots)

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
            process = self._slots[slot]
            if process is None or not process.alive:
                if process is not None:
                    process.close()
                process = self._slots[slot] = Process(self._limits)
            right, reason = process.ask(gold.answer, box, gold.tolerance)
            if reason != "crash":
                break
        return right, reason


@cache
def shared() -> Verifier:
    """The verifier of this process, made at the first call and closed at exit."""
    return Verifier()


def _without_process(gold: Gold, box: str) -> tuple[bool, str] | None:
    if len(box) > MOST_CHARACTERS:
        return False, "too_long"
    if len(gold.answer) > MOST_CHARACTERS:
        return False, "gold_unreadable"
    return quick(gold, box)


def _verdict(box: str | None, opinion: tuple[bool, str] | None) -> Verdict:
    if box is None or opinion is None:
        return Verdict(right=False, reason="no_box" if box is None else "empty_box", answer=None)
    return Verdict(opinion[0], opinion[1], vote(box))


def _close(slots: list[Process | None]) -> None:
    for at, process in enumerate(slots):
        if process is not None:
            process.close()
            slots[at] = None
