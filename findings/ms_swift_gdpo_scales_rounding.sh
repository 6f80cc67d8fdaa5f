#!/usr/bin/env bash
# ms-swift 4.6.0: with scale_rewards=gdpo, eight equal rewards get advantages as if half of them were right.
#
# Input       one reward function, two prompts with eight responses each: all rewards of the first are 0.7, and one of
#             the second is 1, the others 0; advantage_estimator=grpo.
# Expected    an advantage of 0 for every response of the first prompt, whose rewards say nothing.
# Seen        +0.50 for each of them. The float32 mean of eight times 0.7 is off by 6e-8, the standard deviation is taken
#             about that mean and is as small, and the epsilon of 1e-8 is smaller still: 6e-8 / (6.4e-8 + 1e-8) is 0.81
#             before the batch is normalized. With scale_rewards=group, whose epsilon is 1e-4, it is 0.0006.
# Why care    prompts that every response solves alike are most of a late batch. Their tokens are then reinforced, and
#             the normalization over the batch shrinks the advantages of all others.
# Source      https://pypi.org/project/ms-swift/4.6.0/ (swift/rl_core/advantage.py, lines 83 to 94)
# Exit        0: as seen; 1: something else; 2: the packages could not be installed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 transformers==5.19.0 datasets==4.8.4 || exit 2
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
  modelscope==1.33.0 ms-swift==4.6.0 || exit 2

export HF_HUB_OFFLINE=1 HF_HOME="$work/home" MODELSCOPE_CACHE="$work/cache"
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import platform
import sys
from importlib.metadata import version

import torch
from swift.rl_core.advantage import compute_advantages

rewards = torch.tensor([0.7] * 8 + [1.0] + [0.0] * 7)[:, None]
print(*(f"{name} {version(name)}" for name in ("ms-swift", "torch")), f"Python {platform.python_version()}")
found = {}
for scale in ("gdpo", "group"):
    advantages, _ = compute_advantages(rewards, torch.ones(1), 8, "grpo", scale)
    found[scale] = advantages[:8].tolist()
    print(f"{scale:6} equal rewards {advantages[0].item():+.4f}, one right of eight {advantages[8].item():+.4f}")
same = all(abs(value - 0.5049) < 1e-3 for value in found["gdpo"]) and max(map(abs, found["group"])) < 1e-3
sys.exit(0 if same else "changed: the advantages are not what this script saw")
PYTHON
