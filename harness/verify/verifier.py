"""Right or wrong, whatever the response holds. ``shared()`` is the one that a process keeps."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from harness.verify.boxes import read_boxes
from harness.verify.limits import MOST_CHARACTERS, Limits
from harness.verify.process import Process
from harness.verify.quick import exact_number, quick, written
from harness.verify.verdict import Gold, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from harness.verify.boxes import Boxes, OpenBox

_TRIES: Final = 2  # a worker that ends for another reason than its deadline is asked once more
_FEW: Final = 8  # questions that one process answers sooner than two

Question = tuple[Gold, str]


class Verifier:
    """Judges responses; expressions in killable processes that start when first needed."""

    def __init__(self, processes: int = 1, limits: Limits | None = None) -> None:
        self._processes = processes
        self._limits = limits or Limits()
        self._begin()

    def verify(
        self, pairs: Sequence[tuple[Gold, str]], *, open_box: OpenBox = "wrong", votes: bool = False
    ) -> list[Verdict]:
        """Judge responses. Safe from any thread; a fork gets processes of its own.

        Args:
            pairs: (gold, response), any number of them.
            open_box: What a response earns whose last box is left open behind a complete one.
            votes: Whether wrong answers of one value have one ``Verdict.answer``, the text of the first of them.

        Returns:
            One verdict a pair, in the same order.

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
        """Return the key of each answer: the same for answers of one value, None for one that does not vote."""
        if self._owner != os.getpid():
            self._begin()
        texts = [written(answer) for answer in answers]
        first = {text: answer for text, answer in reversed(list(zip(texts, answers, strict=True))) if text is not None}
        with self._lock:
            keys = {text: self._key(text, answer) for text, answer in first.items()}
        return [None if text is None else keys[text] for text in texts]

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

    def _merged(self, verdicts: Sequence[Verdict], answers: Sequence[str | None]) -> list[Verdict]:
        """Give wrong answers of one value the text of the first of them. Undecided ones keep their text."""
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
        """Return the key of an answer's value, or its text where it has none."""
        size = exact_number(text)
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

    def _process(self, slot: int) -> Process:
        """Return the process of a slot, a new one where there is none or it has ended."""
        process = self._slots[slot]
        if process is None or not process.alive:
            if process is not None:
                process.close()
            process = self._slots[slot] = Process(self._limits)
        return process


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


def _reason(boxes: Boxes, open_box: OpenBox) -> str | None:
    """Return why a response gives no answer to judge; None where it gives one."""
    if boxes.last is None:
        return "no_box"
    if boxes.left_open and open_box == "wrong":
        return "open_box"
    return None if boxes.last.strip() else "empty_box"


def _unanswered(boxes: Boxes, open_box: OpenBox) -> Verdict:
    return Verdict(right=False, reason=_reason(boxes, open_box) or "no_box", answer=None)


def _verdict(answer: str, opinion: tuple[bool, str] | None) -> Verdict:
    assert opinion is not None  # text or a process has decided
    return Verdict(*opinion, written(answer))


def _close(slots: list[Process | None]) -> None:
    for at, process in enumerate(slots):
        if process is not None:
            process.close()
            slots[at] = None
