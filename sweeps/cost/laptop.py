r"""Processor seconds of a run on a laptop core, of the small embedded model on the machine that measured them.

.. math:: C = a\,(S + E) + b\,T e + c\,U + d\,P

with S tokens sampled in steps, E in evaluations, T trained on in each of e epochs, U updates, and P places at which
some response is still running. The constants were fitted by non-negative least squares to 195 recorded runs of the
four embedded models, whose seconds they give within 6 % (root mean square) where the tokens are known. Another core,
and another model, has its own pace: recorded runs divided by this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sweeps.cost.work import answers, evaluations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SAMPLED: Final = 29e-6  # seconds a token
TRAINED: Final = 52e-6  # a token and epoch; scoring it is in
UPDATE: Final = 0.4e-3
PLACE: Final = 1.8e-3  # a decoding step, however many sequences run
TAIL: Final = 3.0  # mean lengths, after which next to nothing runs, if the limit does not end it before


def standard_seconds(config: Mapping[str, Any], length: float, held_out: float, drawn: float = 1.0) -> float:
    """The cost C of a run. ``length`` and ``held_out``: mean tokens of a response in steps and in evaluations.

    ``drawn`` batches are sampled in a step, one of which is trained on.
    """
    rollout, optim, steps = config["rollout"], config["optim"], config["steps"]
    trained = steps * rollout["prompts_per_batch"] * rollout["group_size"] * length
    moments, limit = evaluations(config), rollout["max_response_length"]
    sampled = drawn * trained + moments * answers(config) * held_out
    places = drawn * steps * min(limit, TAIL * length) + moments * min(limit_of_evaluation(config), TAIL * held_out)
    updates = steps * optim["updates_per_rollout"]
    return float(SAMPLED * sampled + TRAINED * trained * optim["epochs"] + UPDATE * updates + PLACE * places)


def limit_of_evaluation(config: Mapping[str, Any]) -> int:
    """Tokens; that of the rollouts, where it has none of its own."""
    return int(config["eval"].get("max_response_length") or config["rollout"]["max_response_length"])
