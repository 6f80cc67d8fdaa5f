r"""Estimate the CPU seconds of a run of the small embedded model on one laptop core.

.. math:: C = a\,(S + E) + b\,T e + c\,U + d\,P

S are the tokens sampled in steps, E those sampled in evaluations, and T those trained on in each of e epochs. U is the
number of updates and P the number of decoding steps. The constants were fitted by non-negative least squares to 195
recorded runs of the four embedded models. They predict the seconds within 6 % (root mean square) where the tokens are
known. Another core or model has its own pace: the seconds of recorded runs divided by this estimate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sweeps.cost.work import count_eval_responses, count_evaluations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SAMPLED: Final = 29e-6  # seconds per sampled token
TRAINED: Final = 52e-6  # seconds per trained token and epoch, log-probs included
UPDATE: Final = 0.4e-3
PLACE: Final = 1.8e-3  # seconds per decoding step, for any number of sequences
TAIL: Final = 3.0  # decoding steps, in mean lengths, after which almost no response is running


def estimate_cpu_seconds(config: Mapping[str, Any], length: float, held_out: float, drawn: float = 1.0) -> float:
    """Return the estimated CPU seconds C of a run.

    Args:
        config: the settings of the run as plain data
        length: mean tokens per response in steps
        held_out: mean tokens per response in evaluations
        drawn: batches sampled per step; one of them is trained on

    Returns:
        CPU seconds on the core that measured the constants.

    """
    rollout, optim, steps = config["rollout"], config["optim"], config["steps"]
    trained = steps * rollout["prompts_per_batch"] * rollout["group_size"] * length
    moments, limit = count_evaluations(config), rollout["max_response_length"]
    sampled = drawn * trained + moments * count_eval_responses(config) * held_out
    places = drawn * steps * min(limit, TAIL * length) + moments * min(find_evaluation_limit(config), TAIL * held_out)
    updates = steps * optim["updates_per_rollout"]
    return float(SAMPLED * sampled + TRAINED * trained * optim["epochs"] + UPDATE * updates + PLACE * places)


def find_evaluation_limit(config: Mapping[str, Any]) -> int:
    """Return the length limit of evaluations in tokens; by default that of the rollouts."""
    return int(config["eval"].get("max_response_length") or config["rollout"]["max_response_length"])
