"""The error of a run whose numbers are not finite, and the checks that raise it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from harness.config import find_implausible_settings

if TYPE_CHECKING:
    from torch import Tensor

    from harness.config import ExperimentConfig


ADVANTAGES_NAME: Final = "the advantages"  # computed by tricks from rewards, independently of the policy


class Diverged(RuntimeError):  # noqa: N818 - the word that records, tables and verdicts use
    """Error for weights, gradients or log-probabilities that are infinite or not a number.

    The message is one line and the only argument, so that the error can be pickled between processes.
    """


def refuse_not_finite(values: Tensor, mask: Tensor, what: str) -> None:
    """Raise Diverged where a number that the mask selects is not finite.

    Args:
        values: Numbers of any shape, such as log-probabilities (B, T).
        mask: Bool of the same shape, such as the sampled tokens (B, T).
        what: The name of the numbers in the message, such as "the sampler's log-probs".

    Raises:
        Diverged: A selected number is infinite or not a number.

    """
    chosen = values[mask.to(values.device)]
    if wrong := int((~chosen.isfinite()).sum()):
        raise Diverged(f"{what} are not finite on {wrong} of {chosen.numel()} sampled tokens")


def refuse_weights(largest: float) -> None:
    """Raise Diverged where the largest absolute weight after an update is not finite."""
    if not math.isfinite(largest):
        raise Diverged(f"a weight is {largest:g} after the update")


def refuse_norm(norm: float) -> None:
    """Raise Diverged where a gradient norm is not finite. Call it before the optimizer step."""
    if not math.isfinite(norm):
        raise Diverged(f"the gradient is not finite: its norm is {norm:g}")


def refuse_loss(loss: float) -> None:
    """Raise Diverged where the loss is not finite although all log-probabilities are."""
    if not math.isfinite(loss):
        raise Diverged(f"the loss is {loss:g} although every log-prob is finite: a trick computes it wrongly")


def add_step_to_error(error: Diverged, step: int, config: ExperimentConfig) -> Diverged:
    """Return the error with the step and the way out added to its message.

    Args:
        error: The error that a check of this module raised.
        step: The step of the run; 0 is the evaluation before training.
        config: The run's configuration, whose settings the message names.

    Returns:
        The error to raise instead.

    """
    model = config.model
    if not step:
        return Diverged(
            f"before the first step: {error}; the weights of model.path={model.path} are not finite or overflow in "
            f"{model.dtype}: check the files of the model, or set model.dtype=float32"
        )
    advice = f"lower optim.lr={config.optim.lr:g} or raise optim.warmup_steps={config.optim.warmup_steps}"
    tricks = ", ".join(config.update_rule().tricks)
    if tricks and ("a trick computes" in str(error) or str(error).startswith(ADVANTAGES_NAME)):
        advice = f"`python -m tricks check` finds the trick among {tricks}"
    odd = [each for each in find_implausible_settings(config) if not each.startswith("optim.lr=")]
    if odd:
        advice = (
            f"{' and '.join(odd)} {'is' if len(odd) == 1 else 'are'} outside the usual range: change that "
            f"first; {advice}"
        )
    return Diverged(f"step {step}: {error}; {advice}")
