"""Write the options of ROLL's pipelines with verifiable rewards and with agents, from their dataclasses.

python -m tools.peers options_roll [PATH OR ADDRESS OF THE REPOSITORY]
"""

from __future__ import annotations

import dataclasses
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

from tools.peers.common import Packages, run_inside
from tools.peers.roll import ABSENT
from tools.peers.snapshots import check_out, open_checkout, plain_value, write_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMIT: Final = "8eb27cc"
OPENED: Final = {  # options whose parts are listed; those of others are known by the name of the whole
    "actor_train": ("training_args", "strategy_args"),
    "actor_infer": ("generating_args", "strategy_args"),
    "train_infer_correction": ("is_weight",),
    "reward_normalization": (),
    "train_env_manager": (),
}


def _fields(cls: Any, prefix: str, opened: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the names and defaults of a dataclass; parts in ``opened`` with their own fields."""
    hints = {name: _classes(kind) for name, kind in get_type_hints(cls).items()}
    for field in dataclasses.fields(cls):
        known = field.default if field.default is not dataclasses.MISSING else {}
        inner = next((kind for kind in hints.get(field.name, ()) if dataclasses.is_dataclass(kind)), None)
        if inner is not None and field.name in opened:
            yield from _fields(inner, f"{prefix}{field.name}.", OPENED.get(field.name, ()))
        else:
            yield f"{prefix}{field.name}", plain_value(known)


def _classes(kind: Any) -> tuple[Any, ...]:
    return (kind, *get_args(kind))


def _answer(folder: str) -> dict[str, Any]:
    open_checkout(Path(folder), "roll", tuple(name for name in ABSENT if name != "roll.models"))
    found: dict[str, Any] = {}
    for module, name in (
        ("roll.pipeline.agentic.agentic_config", "AgenticConfig"),
        ("roll.pipeline.rlvr.rlvr_config", "RLVRConfig"),
    ):
        found |= dict(_fields(getattr(import_module(module), name), "", tuple(OPENED)))
    reward = import_module("roll.pipeline.rlvr.rlvr_config").RewardConfig
    found |= {f"rewards.NAME.{name}": None for name, _ in _fields(reward, "", ())}
    return found


def record(words: Sequence[str]) -> Path:
    """Write the options and return the file."""
    folder = check_out(words[0] if words else "alibaba/ROLL", COMMIT, Packages().folder / "roll")
    found = run_inside(Path(__file__), [Path(__file__).parents[2]], {"folder": str(folder)})
    return write_options("roll", COMMIT, found | {"hydra": {}, "defaults": None, "exp_name": None})


if __name__ == "__main__":
    print(json.dumps(_answer(json.load(sys.stdin)["folder"])))
