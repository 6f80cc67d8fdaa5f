"""The contract of one's own reward: a function from a problem, its answer and a response to a score.

    def reward(*, problem: str, answer: str, response: str) -> float:
        return float(response.strip() == answer)

``reward.function=package.module:reward`` trains with it and scores with it, in place of the verifier. ``answer`` is the
field of that name as the file has it, so it may hold whatever the function needs, such as tests as JSON.

The contract, which ``python -m harness.rewards check package.module:reward`` tries out:

bounded    The result is one finite number from 0 to 1 (a bool counts). The run's scale makes a reward of it:
           reward.wrong + score * (reward.correct - reward.wrong). A response is right, for accuracy and pass@k, from a
           score of reward.right_from on, which is 1 unless set.
pure       The same arguments give the same score: whatever was asked before, in whichever order, in a new process.
limited    One call takes at most reward.seconds of processor time, and the process reward.memory_mb of memory.

The function runs in a process of its own that is killed when a limit is hit. The response then has a score of 0, and
its reason is ``deadline``, ``memory`` or ``crash`` (counted as ``verifier/undecided``). An exception, and a result that
is no number from 0 to 1, are faults of the function: they stop the run and name the problem.

The arguments are passed by name. A function must take these three, and may take more with defaults.
"""

from __future__ import annotations

from typing import Final, Protocol

ENTRY_POINT_GROUP: Final = "liteppo.rewards"  # of packages that offer rewards by name
ARGUMENTS: Final = ("problem", "answer", "response")
SCORED: Final = "scored"  # reason of a verdict that a function has given
RESULT: Final = "a reward is one number from 0 to 1"


class RewardFunction(Protocol):
    """A reward; see the module."""

    def __call__(self, *, problem: str, answer: str, response: str) -> float:
        """Score a response, from 0 to 1.

        Args:
            problem: the question as its file has it, without the prompt around it.
            answer: the reference, as its file has it.
            response: what the model wrote after the prompt.

        """
        ...
