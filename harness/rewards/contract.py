"""The contract of a user's reward: a function of problem, gold answer and response.

    def reward(*, problem: str, answer: str, response: str) -> float:
        return float(response.strip() == answer)

``reward.function=package.module:reward`` uses it for training and for scores instead of the verifier. ``answer`` is the
field of that name in the file. It may hold whatever the function needs, such as tests in JSON.

The command ``python -m harness.rewards check package.module:reward`` checks the contract:

bounded    The result is one finite number from 0 to 1 (a bool counts). The reward is
           reward.wrong + score * (reward.correct - reward.wrong). For accuracy and pass@k, a response is correct if
           its score is at least reward.right_from, which is 1 by default.
pure       The same arguments give the same score, in any order of calls and in a new process.
limited    One call takes at most reward.seconds of CPU time, and the process at most reward.memory_mb of memory.

The function runs in a separate process, which is killed when it exceeds a limit. The response then scores 0, and the
reason is ``deadline``, ``memory`` or ``crash`` (counted as ``verifier/undecided``). An exception, or a result that is
not a number from 0 to 1, is a fault of the function. It stops the run, and the message names the problem.

The arguments are passed by name. A function must accept these three. It may accept more with defaults.
"""

from typing import Final

ENTRY_POINT_GROUP: Final = "liteppo.rewards"  # entry points of packages that offer rewards by name
ARGUMENTS: Final = ("problem", "answer", "response")
SCORED: Final = "scored"  # reason of a verdict from a reward function
RESULT: Final = "a reward is one number from 0 to 1"
