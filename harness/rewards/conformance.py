"""Check whether a reward function keeps its contract, and list the installed ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.common import PositiveFloat, PositiveInt
from harness.data import Problem, build_own_tier, read_own_file
from harness.rewards.contract import ENTRY_POINT_GROUP, SCORED
from harness.rewards.judges import Function, Judge, RewardError
from harness.rewards.locate import find_offered_rewards, locate_reward

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.verify.model import Judgment


Pair = tuple[Problem, str]

_PROBLEMS: Final = 8  # maximum number of problems taken from a file
_OWN: Final = (
    Problem("two", "What is 1+1?", "2"),
    Problem("half", "What is 1/2?", r"\frac{1}{2}"),
    Problem("capital", "What is the capital of France?", "Paris"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. ``fault`` is None where the check passed."""

    what: str
    fault: str | None


def responses(problem: Problem, other: Problem) -> tuple[str, ...]:
    """Return possible responses: correct, incorrect, empty, long and malformed."""
    answer = problem.answer
    return (
        answer,
        rf"The answer is \boxed{{{answer}}}.",
        f"<think>wait</think><answer>{answer}</answer>",
        other.answer,
        rf"\boxed{{{other.answer}}}",
        "",
        " \n\t",
        r"\boxed{",
        "}{)(][\\",
        "\x00\x1b[0m\ufeff\u2028\ud83d\ude00 ünïcode",
        "no " * 5_000,
        f"{problem.prompt} " * 20,
    )


def run_checks(function: Function, problems: Sequence[Problem] = ()) -> list[Check]:
    """Check a reward function on the given problems, or on three built-in ones.

    The first check is that the function can be called.
    """
    chosen = list(problems[:_PROBLEMS]) or list(_OWN)
    pairs = [
        (problem, response)
        for place, problem in enumerate(chosen)
        for response in responses(problem, chosen[(place + 1) % len(chosen)])
    ]
    judge = Judge(function)
    try:
        started = time.perf_counter()
        verdicts = judge.verify(pairs)
        spent = time.perf_counter() - started
    except RewardError as error:
        return [Check("gives a number from 0 to 1 for every response", str(error))]
    finally:
        judge.close()
    within = _limits(pairs, verdicts)
    found = [Check(f"gives a number from 0 to 1 for each of {len(pairs)} responses", None), within]
    if within.fault is None:
        found += _purity(function, pairs, verdicts)
    scores = sorted({verdict.credit for verdict in verdicts})
    right = sum(verdict.right for verdict in verdicts)
    summary = f"scores from {scores[0]:g} to {scores[-1]:g}, {right} of {len(pairs)} correct, in {spent:.1f} s"
    return [*found, Check(summary + (": one score for all of them" if len(scores) == 1 else ""), None)]


def _limits(pairs: Sequence[Pair], verdicts: Sequence[Judgment]) -> Check:
    hit = [(pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True) if verdict.reason != SCORED]
    what = "stays within the time and memory limits, and ends no process"
    if not hit:
        return Check(what, None)
    (problem, response), verdict = hit[0]
    return Check(what, f"{verdict.reason} on {response[:60]!r} to {problem.problem_id!r}, and on {len(hit) - 1} others")


def _purity(function: Function, pairs: Sequence[Pair], verdicts: Sequence[Judgment]) -> list[Check]:
    wanted = [verdict.credit for verdict in verdicts]
    variants: dict[str, Callable[[Judge], list[float]]] = {
        "gives the same scores in a new process": lambda judge: _scores(judge, pairs),
        "gives the same scores in another order": lambda judge: _scores(judge, pairs[::-1])[::-1],
        "gives the same scores one by one, each called twice": lambda judge: [
            max(_scores(judge, [pair]), _scores(judge, [pair]), key=lambda found: found[0] != score)[0]
            for pair, score in zip(pairs, wanted, strict=True)
        ],
    }
    return [_same(what, function, pairs, wanted, way) for what, way in variants.items()]


def _same(
    what: str, function: Function, pairs: Sequence[Pair], wanted: Sequence[float], way: Callable[[Judge], list[float]]
) -> Check:
    judge = Judge(function)
    try:
        repeated = way(judge)
    except RewardError as error:
        return Check(what, str(error))
    finally:
        judge.close()
    differ = [place for place, (one, other) in enumerate(zip(wanted, repeated, strict=True)) if one != other]
    if not differ:
        return Check(what, None)
    problem, response = pairs[differ[0]]
    scores = f"{wanted[differ[0]]:g}, then {repeated[differ[0]]:g}"
    return Check(what, f"{scores} for {response[:60]!r} to {problem.problem_id!r}, and {len(differ) - 1} others differ")


def _scores(judge: Judge, pairs: Sequence[Pair]) -> list[float]:
    return [verdict.credit for verdict in judge.verify(pairs)]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The problems for the check of a reward function, and its limits."""

    file: str | None = None
    seconds: PositiveFloat = 2.0
    memory_mb: PositiveInt = 4096


def list_reward_functions() -> str:
    """Return the reward functions of installed packages, one per line."""
    known = [f"{name:21} {target}" for name, target in sorted(find_offered_rewards().items())]
    return "\n".join(known) or f"no installed package has an entry point in the group {ENTRY_POINT_GROUP}"


def check_reward(name: str, options: CheckOptions) -> tuple[str, bool]:
    """Check a reward function against the contract.

    Returns a report, one line per check, and whether the function keeps the contract.
    """
    function = Function(locate_reward(name), 1.0, options.seconds, options.memory_mb)
    problems = build_own_tier(read_own_file(options.file), graded=False).problems if options.file else ()
    found = run_checks(function, problems)
    kept = all(one.fault is None for one in found)
    verb = "keeps" if kept else "breaks"
    lines = [f"{name} {verb} the contract of harness/rewards/contract.py ({function.located.file})"]
    for one in found:
        fault = "" if one.fault is None else f": {one.fault}"
        lines.append(f"  {'ok  ' if one.fault is None else 'FAULT'} {one.what}{fault}")
    return "\n".join(lines), kept
