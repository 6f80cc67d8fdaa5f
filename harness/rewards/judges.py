"""Judge responses: integers in this process, a user's function in a separate one.

Faults of the function stop the run with a clear message.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import weakref
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common import SchemaError
from harness.rewards.contract import SCORED
from harness.rewards.locate import Located, locate_reward
from harness.verify import WorkerProcess, compute_vote_key
from harness.verify.model import Judgment, Limits, find_last_box, read_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data import Problem
    from harness.verify.model import OpenBox


_BOX: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def judge_integer(response: str, answer: str, *, open_box: OpenBox = "wrong") -> Judgment:
    """Judge a response to a problem whose answer is an integer.

    Args:
        response: The text of the response.
        answer: The gold answer in decimal digits.
        open_box: How to judge a response whose last box is not closed but that has a complete box before it.

    Returns:
        The verdict, with a reason of the verifier.

    """
    boxes = _BOX.findall(response)
    if boxes and open_box == "wrong" and read_boxes(response).left_open:
        return Judgment(right=False, reason="open_box", answer=None)
    held = boxes[-1].strip() if boxes else ""
    if not _INTEGER.fullmatch(held):
        return Judgment(right=False, reason="other_form" if boxes else "no_box", answer=None)
    right = int(held) == int(answer)
    return Judgment(right, "same_number" if right else "different", str(int(held)))


def is_correct(response: str, answer: str) -> bool:
    """Return whether the last complete box of the response holds the integer ``answer``."""
    return judge_integer(response, answer).right


_TRIES: Final = 2  # a call is repeated once if its process ends for another reason than the deadline
_WALL: Final = 30.0  # wall-time limit as a multiple of the CPU limit, for a function that waits
_STARTING: Final = 300.0  # seconds allowed for the import
_HOPELESS: Final = 8  # if this many responses of one call all hit a limit, the run stops
_TEXT: Final = 64  # a response of at most so many characters is its own candidate in the majority vote

JudgeQuestion = tuple[str, str, str]  # problem, answer, response


class RewardError(SchemaError):
    """A reward function broke its contract; the message names it, the response and the way out."""


@dataclass(frozen=True, slots=True)
class Function:
    """A reward function with its limits."""

    located: Located
    right_from: float  # lowest score that counts as correct
    seconds: float  # CPU seconds allowed for one call
    memory_mb: int

    @property
    def key(self) -> str:
        """The text that identifies everything the scores depend on.

        It includes the source of the function but not its path.
        """
        known = (self.located.attribute, self.located.sha256, self.right_from, self.seconds, self.memory_mb)
        return repr(known)


class Judge:
    """A judge that scores responses by a function; its process starts when first needed."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._begin()

    def verify(self, pairs: Sequence[tuple[Problem, str]]) -> list[Judgment]:
        """Judge each response, in order.

        Any thread may call it. A forked process starts a separate function process. Raises RewardError for a fault of
        the function.
        """
        if self._owner != os.getpid():
            self._begin()
        questions = [(problem.prompt, problem.answer, response) for problem, response in pairs]
        found: dict[JudgeQuestion, tuple[float, str]] = {}
        with self._lock:
            for (problem, _), question in zip(pairs, questions, strict=True):
                if question not in found:
                    found[question] = self._scored(question, problem.problem_id)
        if len(found) >= _HOPELESS and all(reason != SCORED for _, reason in found.values()):
            reasons = ", ".join(sorted({reason for _, reason in found.values()}))
            raise RewardError(
                f"{self._name}: not one of {len(found)} responses was scored ({reasons}); raise reward.seconds (now "
                f"{self._function.seconds:g}) or reward.memory_mb (now {self._function.memory_mb}), {self._way_out}"
            )
        return [self._verdict(*found[question], question[2]) for question in questions]

    def _begin(self) -> None:
        self._owner, self._lock = os.getpid(), threading.Lock()
        self._held: list[WorkerProcess] = []
        weakref.finalize(self, _close, self._held)

    def start(self) -> None:
        """Import the function in its process. Raises RewardError where that fails."""
        with self._lock:
            self._process()

    def close(self) -> None:
        """End the process; the next call starts another."""
        with self._lock:
            _close(self._held)

    @property
    def _name(self) -> str:
        return f"reward.function={self._function.located.target}"

    @property
    def _way_out(self) -> str:
        return f"or correct the function: python -m harness.rewards check {self._function.located.target}"

    def _verdict(self, score: float, reason: str, response: str) -> Judgment:
        right = reason == SCORED and score >= self._function.right_from
        return Judgment(right, reason, _vote(response), score)

    def _scored(self, question: JudgeQuestion, problem_id: str) -> tuple[float, str]:
        reason = "crash"
        for _ in range(_TRIES):
            process = self._process()
            words = process.exchange(question)
            if words is None:
                ended = process.ended()
                reason = "deadline" if process.silent else ended
            elif words[0] == "score":
                return words[1], SCORED
            elif words[0] == "memory":
                process.close()
                reason = "memory"
            else:
                raise RewardError(
                    f"{self._name}: {words[1]}, on a response to the problem {problem_id!r} "
                    f"({question[2][:_TEXT]!r}); {self._way_out.removeprefix('or ')}"
                )
            if reason != "crash":
                break
        return 0.0, reason

    def _process(self) -> WorkerProcess:
        if self._held and self._held[0].alive:
            return self._held[0]
        _close(self._held)
        located, limits = _present(self._function.located), self._function
        process = WorkerProcess(
            Limits(limits.seconds, _WALL * limits.seconds, limits.memory_mb),
            "harness.rewards.worker",
            (located.target, located.root, located.file),
            in_group=True,
        )
        words = process.first(_STARTING)
        if words is None or words[0] != "ready":
            process.close()
            why = f"its module ended the process, or took more than {_STARTING:g} s" if words is None else words[1]
            raise RewardError(f"{self._name}: {why}")
        self._held.append(process)
        return process


@cache
def find_judge(function: Function) -> Judge:
    """Return this process's judge for a function."""
    return Judge(function)


def _present(located: Located) -> Located:
    """Find the function on this machine. Raises RewardError where it is missing or changed."""
    path = Path(located.file)
    try:
        found = located if path.is_file() else locate_reward(located.target)
        digest = hashlib.sha256(Path(found.file).read_bytes()).hexdigest()
    except (OSError, SchemaError) as error:
        raise RewardError(
            f"reward.function={located.target}: {located.file} is missing ({error}); on a cluster put it on a "
            "shared folder or install it on every node"
        ) from None
    if digest != located.sha256:
        raise RewardError(
            f"reward.function={located.target}: {found.file} has changed since the run was described (SHA-256 "
            f"{located.sha256[:12]}…, now {digest[:12]}…); start the command again to begin another run"
        )
    return found


def _vote(response: str) -> str | None:
    """Return a response's candidate for the majority vote: its last box, or all of its text."""
    box = find_last_box(response)
    if box is not None and box.strip():
        return compute_vote_key(box)
    text = response.strip()
    if len(text) <= _TEXT:
        return text or None
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _close(held: list[WorkerProcess]) -> None:
    for process in held:
        process.close()
    held.clear()
