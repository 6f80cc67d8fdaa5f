"""Write the options of NeMo-RL's GRPO: its first example configuration over the defaults of its models.

    python -m tools.peers options_nemo_rl [PATH OR ADDRESS OF THE REPOSITORY]

A recipe names a file below it in ``defaults``; almost all of them end at ``examples/configs/grpo_math_1B.yaml``, which
is also what ``run_grpo.py`` reads without an argument.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tools.peers.common import Packages, run_inside
from tools.peers.nemo_rl import ABSENT
from tools.peers.snapshots import check_out, open_checkout, plain_value, write_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMMIT: Final = "7ea279a"
EXAMPLE: Final = "examples/configs/grpo_math_1B.yaml"
OPENED: Final = (
    "grpo", "grpo.reward_shaping", "grpo.adv_estimator", "grpo.reward_scaling", "grpo.async_grpo", "loss_fn", "policy",
    "policy.generation", "policy.optimizer", "policy.optimizer.kwargs", "policy.megatron_cfg",
    "policy.megatron_cfg.optimizer", "policy.dtensor_cfg", "reward_penalties",
)  # fmt: skip
COMPLETE: Final = tuple(name for name in OPENED if not name.startswith("policy"))  # no other names are read in them
MORE: Final = (
    "grpo.adv_estimator.normalize_advantages", "async_rl", "data_plane", "on_policy_distillation", "value",
    "defaults", "draft", "modelopt",
)  # fmt: skip


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name not in COMPLETE:
            yield name, plain_value(value)
        if isinstance(value, dict) and name in OPENED:
            yield from _flat(value, f"{name}.")


def _answer(folder: str, example: str) -> dict[str, Any]:
    open_checkout(Path(folder), "nemo_rl", ABSENT)
    grpo, loss = import_module("nemo_rl.algorithms.grpo"), import_module("nemo_rl.algorithms.loss.loss_functions")
    models = {"grpo": grpo.GRPOConfig().model_dump(), "loss_fn": loss.ClippedPGLossConfig().model_dump()}
    return dict.fromkeys(MORE) | dict(_flat(models)) | dict(_flat(yaml.safe_load(example)))


def record(words: Sequence[str]) -> Path:
    """Write the options and return the file."""
    folder = check_out(words[0] if words else "NVIDIA-NeMo/RL", COMMIT, Packages().folder / "nemo_rl")
    shown = ["git", "-C", str(folder), "show", f"{COMMIT}:{EXAMPLE}"]
    example = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    request = {"folder": str(folder), "example": example}
    return write_options("nemo_rl", COMMIT, run_inside(Path(__file__), [Path(__file__).parents[2]], request))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(_answer(asked["folder"], asked["example"])))
