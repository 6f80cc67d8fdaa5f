"""AdamW by PyTorch's functional form.

The classes of ``torch.optim`` import PyTorch's compiler, which takes a second of CPU time and 70 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.adamw import adamw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from harness.config.experiment import OptimConfig


class AdamW:
    """AdamW with the same results, bit for bit, as ``torch.optim.AdamW(fused=True)``.

    A parameter has no state until its first gradient.
    """

    def __init__(self, parameters: Sequence[Tensor], optim: OptimConfig) -> None:
        """Create the optimizer without any state.

        Args:
            parameters: Tensors that are trained in place.
            optim: Betas and weight decay; each step is given its learning rate.

        """
        self._parameters, self._optim = parameters, optim
        self._states: dict[int, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Take one step along the gradients with learning rate ``lr``, and clear the gradients."""
        trained = {place: tensor for place, tensor in enumerate(self._parameters) if tensor.grad is not None}
        states = [self._states.setdefault(place, _fresh(tensor)) for place, tensor in trained.items()]
        exp_avgs, exp_avg_sqs, steps = ([state[kind] for state in states] for kind in ("exp_avg", "exp_avg_sq", "step"))
        gradients = [tensor.grad for tensor in trained.values() if tensor.grad is not None]
        beta1, beta2 = self._optim.betas
        adamw(
            list(trained.values()), gradients, exp_avgs, exp_avg_sqs, [], steps, fused=True, amsgrad=False,
            beta1=beta1, beta2=beta2, lr=lr, weight_decay=self._optim.weight_decay, eps=1e-8, maximize=False,
        )  # fmt: skip
        for tensor in trained.values():
            tensor.grad = None

    def tensors(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Return the optimizer's state as ``<kind>/<name>``.

        ``names`` are the names of the parameters, in order.
        """
        states = sorted(self._states.items())
        return {f"{kind}/{names[place]}": tensor for place, state in states for kind, tensor in state.items()}

    def restore(self, names: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
        """Restore what ``tensors`` returned; ``names`` are the names of the parameters, in order."""
        places, self._states = {name: place for place, name in enumerate(names)}, {}
        for key, tensor in tensors.items():
            kind, _, name = key.partition("/")
            place = places[name]
            self._states.setdefault(place, {})[kind] = tensor.to(self._parameters[place].device)


def _fresh(parameter: Tensor) -> dict[str, Tensor]:
    return {
        "step": torch.zeros((), device=parameter.device),
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
    }
