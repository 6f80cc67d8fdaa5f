"""The error of a run whose numbers are no longer finite, and the checks that raise it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from harness.config.hints import implausible_settings

if TYPE_CHECKING:
    from torch import Tensor

    from harness.config.experiment import ExperimentConfig


ADVANTAGES: Final = "the advantages"  # computed by tricks from rewards, whatever the policy is


class Diverged(RuntimeError):  # noqa: N818 - the word that records, tables and verdicts use
    """Weights, gradients or log-probs that are infinite or not a number; the message is one line.

    Its one argument is the message, so that it can be pickled between processes.
    """


def refuse_not_finite(values: Tensor, mask: Tensor, what: str) -> None:
    """Raise Diverged where a number that the mask selects is not finite.

    Args:
        values: numbers of any shape, such as log-probs (B, T)
        mask: bool of the same shape, such as the sampled tokens (B, T)
        what: the name of the numbers in the message, such as "the sampler's log-probs"

    """
    chosen = values[mask.to(values.device)]
    if wrong := int((~chosen.isfinite()).sum()):
        raise Diverged(f"{what} are not finite on {wrong} of {chosen.numel()} sampled tokens")


def refuse_weights(largest: float) -> None:
    """Raise Diverged where the largest absolute weight after an update is not finite."""
    if not math.isfinite(largest):
        raise Diverged(f"a weight is {largest:g} after the update")


def refuse_norm(norm: float) -> None:
    """Raise Diverged where the norm of an update's gradient is not finite, before it changes any weight."""
    if not math.isfinite(norm):
        raise Diverged(f"the gradient is not finite: its norm is {norm:g}")


def refuse_loss(loss: float) -> None:
    """Raise Diverged where the loss of an update is not finite although the log-probs that it is computed from are."""
    if not math.isfinite(loss):
        raise Diverged(f"the loss is {loss:g} although every log-prob is finite, so a trick computes it wrongly")


def placed(error: Diverged, step: int, config: ExperimentConfig) -> Diverged:
    """Add the step and the way out to an error.

    Args:
        error: As a check of this module raised it.
        step: The step of the run; 0 is the evaluation before training.
        config: Of the run, whose settings the way out names.

    Returns:
        The error to raise in its place.

    """
    model = config.model
    if not step:
        return Diverged(
            f"before the first step: {error}; the weights of model.path={model.path} are not finite or overflow in "
            f"{model.dtype}: check the files of the model, or set model.dtype=float32"
        )
    advice = f"lower optim.lr={config.optim.lr:g} or raise optim.warmup_steps={config.optim.warmup_steps}"
    tricks = ", ".join(config.update_rule().tricks)
    if tricks and ("a trick computes" in str(error) or str(error).startswith(ADVANTAGES)):
        advice = f"`python -m tricks check` finds the trick among {tricks}"
    odd = [each for each in implausible_settings(config) if not each.startswith("optim.lr=")]
    if odd:
        advice = (
            f"{' and '.join(odd)} {'is' if len(odd) == 1 else 'are'} beyond what is usual: change that first; {advice}"
        )
    return Diverged(f"step {step}: {error}; {advice}")
