"""Write the options of open-instruct's grpo_fast and grpo: the fields of the dataclasses that they parse.

The parser adds ``no_NAME`` for each flag that is on by default.

    python -m tools.peers.options_open_instruct [PATH OR ADDRESS OF THE REPOSITORY]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tools.peers.common import Packages
from tools.peers.dataclass_options import dataclass_options
from tools.peers.snapshots import check_out, write_options

if TYPE_CHECKING:
    from pathlib import Path

COMMIT: Final = "e6c3044"
FILES: Final = (
    "model_utils.py",
    "grpo_utils.py",
    "olmo_core_utils.py",
    "dataset_transformation.py",
    "data_loader.py",
    "environments/tools/utils.py",
)
CLASSES: Final = (
    *("TokenizerConfig", "GRPOExperimentConfig", "ModelConfig", "StreamingDataLoaderConfig", "VLLMConfig"),
    "EnvsConfig",
)
OVER: Final = {"exp_name": "grpo", "warmup_ratio": 0.0, "max_grad_norm": 1.0, "per_device_train_batch_size": 1}


def write(words: list[str]) -> Path:
    """Write the options and return the file; ``OVER`` is what they set before it parses."""
    folder = check_out(words[0] if words else "allenai/open-instruct", COMMIT, Packages().folder / "open_instruct")
    files = [folder / "open_instruct" / name for name in FILES]
    olmo_core = dataclass_options(files[2:], ["ModelConfig"])  # grpo.py has this class in place of that of grpo_fast.py
    options = olmo_core | dataclass_options(files, CLASSES) | OVER
    negated = {f"no_{name}": False for name, default in options.items() if default is True}
    return write_options("open_instruct", COMMIT, options | negated)


if __name__ == "__main__":
    print(write(sys.argv[1:]))
