"""List the reward functions of installed packages, and check one against the contract."""

from __future__ import annotations

from dataclasses import dataclass

from harness.common.schema import PositiveFloat, PositiveInt
from harness.data.files import read_own_file
from harness.data.own import build_own_tier
from harness.rewards.conformance import run_checks
from harness.rewards.contract import ENTRY_POINT_GROUP
from harness.rewards.function import Function
from harness.rewards.locate import find_offered_rewards, locate_reward


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
