"""What a right answer earns that is alone in its group, under each framework's group norm and each other normaliser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch

from tests.markdown import code, table
from tricks.api import TrickError
from tricks.batch import Rollouts, Setup
from tricks.dialects.build import DIALECTS, NO_DIALECT, build_rule

RIGHT = (1, 0, 2, 4, 4, 6, 7, 8)  # of eight, in each group of the batch; the first is looked at
OTHERS: dict[str, Mapping[str, Any]] = {
    "group_mean": {},
    "rloo": {},
    "leave_one_out_norm": {},
    "batch_norm": {},
    "group_mean_batch_std": {},
    "group_mean_batch_std with about=group": {"about": "group"},
}


def one_of_eight() -> Iterator[str]:
    """A row for each number that anybody gives."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in (NO_DIALECT, *DIALECTS):
        for loss in ("token_mean", "sequence_mean"):  # whichever the framework has
            with suppress(TrickError):
                names = found.setdefault(_earned({"group_norm": {}, loss: {}}, name), [])
                names += [title for title in ["here" if name == NO_DIALECT else name] if title not in names]
    rows = [(f"`group_norm`: {', '.join(names)}", *earned) for earned, names in found.items()]
    rows += [(code(title), *_earned({title.split()[0]: settings}, NO_DIALECT)) for title, settings in OTHERS.items()]
    yield from table(("normaliser", "right", "wrong"), rows)


def _earned(tricks: Mapping[str, Mapping[str, Any]], emulate: str) -> tuple[str, str]:
    rule = build_rule("vanilla_ppo", tricks, emulate, Setup(8, len(RIGHT), 4, 1))
    rewards = torch.tensor([float(place < right) for right in RIGHT for place in range(8)])
    one = torch.ones(len(rewards), 1)
    batch = Rollouts(-one, one.bool(), rewards, torch.arange(len(rewards)) // 8, torch.zeros_like(rewards).bool())
    right, wrong = rule.signal(batch).advantages[:2, 0].tolist()
    return f"{right:+.4f}", f"{wrong:+.4f}"
