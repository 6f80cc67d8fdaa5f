"""Learner in one process: AdamW and micro-batches whose gradients are summed.

AdamW is PyTorch's functional form: the classes of ``torch.optim`` import PyTorch's compiler, which takes a second of
CPU time and 70 MB.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch
from torch.optim.adamw import adamw

from harness.engines.base import (
    ClippedTokens,
    FP32MasterWeights,
    Scores,
    UpdateMetrics,
    average_updates,
    check_rule_inputs,
    compute_learning_rate,
    join_scores,
    load_tensors,
    number_slices,
    plan_minibatches,
    refuse_loss,
    refuse_norm,
    refuse_not_finite,
    refuse_weights,
    save_tensors,
    slice_samples,
    split_micro_batches,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
    from pathlib import Path

    from torch import Tensor

    from harness.config import OptimConfig
    from harness.engines.base import Samples
    from tricks import AblatedRule, Signal, UpdateRule


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


WEIGHTS_FILE: Final = "weights.safetensors"
_OPTIMIZER, _CLIPPED_TOKENS, _COUNTERS = "optimizer.safetensors", "clipped_tokens.safetensors", "learner.json"


class Scorer(Protocol):
    """Function that scores samples with a model: ``score_samples_compact`` or ``score_samples_hf``."""

    def __call__(self, model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False) -> Scores:
        """Compute log-probabilities and entropies of the sampled tokens.

        Args:
            model: The policy or the reference model.
            samples: B samples.
            temperature: Divisor of the logits, above 0.
            entropy_grad: Whether gradients flow through the entropies.

        Returns:
            Log-probabilities (differentiable) and entropies (B, T), 0 on padding.

        """
        ...


class TorchLearner:
    """Learner that trains a given module.

    Dropout is off, so that the first ratio of a step is exactly 1. Half-precision weights are trained through float32
    copies. ``needs`` are the needs of the rules to come. "ref_log_probs" keeps a frozen copy of the present weights,
    and "entropies" lets gradients flow through entropies.
    """

    def __init__(
        self, model: Any, optim: OptimConfig, temperature: float, scorer: Scorer, needs: AbstractSet[str] = frozenset()
    ) -> None:
        self._model, self._optim, self._temperature, self._scorer = model.eval(), optim, temperature, scorer
        self._reference = deepcopy(model).requires_grad_(False) if "ref_log_probs" in needs else None
        self._weights = FP32MasterWeights(model.parameters())
        self._optimizer = AdamW(self._weights.masters, optim)
        self._names = [name for name, _ in model.named_parameters()]
        self._needs = needs
        self._updates = 0
        self._clipped_tokens = ClippedTokens()
        self._ahead: tuple[Samples, Scores] | None = None

    def log_probs(self, samples: Samples) -> Tensor:
        """Return log-probabilities (B, T) of the sampled tokens: float32, no gradient, 0 on padding."""
        parts: list[Scores] = []
        for rows in plan_minibatches(samples, self._optim):
            minibatch = slice_samples(samples, rows)
            micro = list(split_micro_batches(minibatch, self._optim.micro_batch_tokens))
            reused = not parts and len(micro) == 1
            with torch.set_grad_enabled(reused):
                parts += [self._score(slice_samples(minibatch, rows)) for rows in micro]
            if reused:  # the first update starts from the same weights
                self._ahead = samples, parts[0]
        return torch.cat([part.log_probs.detach() for part in parts])

    @torch.no_grad()
    def reference_log_probs(self, samples: Samples) -> Tensor:
        """Return log-probabilities (B, T) under the weights at the start of the run."""
        if self._reference is None:
            raise ValueError("this learner has no reference model; construct it with needs={'ref_log_probs'}")
        micro = split_micro_batches(samples, self._optim.micro_batch_tokens)
        parts = [self._scorer(self._reference, slice_samples(samples, rows), self._temperature) for rows in micro]
        return torch.cat([part.log_probs for part in parts])

    def update(
        self, samples: Samples, signal: Signal, rule: UpdateRule, ablated: Sequence[AblatedRule] = ()
    ) -> Mapping[str, float]:
        """Take the updates of one step and return their metrics, as ``Learner.update`` describes."""
        check_rule_inputs(rule, self._needs)
        ahead = self._ahead[1] if self._ahead and self._ahead[0] is samples else None
        self._ahead = None
        updates = []
        for rows in plan_minibatches(samples, self._optim) * self._optim.epochs:
            others = [other[rows] for other in ablated]
            updates.append(self._update(slice_samples(samples, rows), signal[rows], rule, others, ahead))
            ahead = None
        return average_updates(updates)

    def weights(self) -> Iterable[tuple[str, Tensor]]:
        """Return the named parameters for the weight sync."""
        return ((name, weight.detach()) for name, weight in self._model.named_parameters())

    def clipped_tokens(self) -> ClippedTokens:
        """Return the counts of clipped tokens over all updates so far."""
        return self._clipped_tokens

    def save(self, folder: Path) -> None:
        """Write all that later updates depend on into a folder.

        The reference model is not saved; it is loaded again from the model's files.
        """
        save_tensors(dict(self.weights()), folder / WEIGHTS_FILE)
        masters = {f"master/{name}": master for name, master in self._weights.copies(self._names)}
        save_tensors(masters | self._optimizer.tensors(self._names), folder / _OPTIMIZER)
        save_tensors({"counts": self._clipped_tokens.counts}, folder / _CLIPPED_TOKENS)
        (folder / _COUNTERS).write_text(json.dumps({"updates": self._updates}), encoding="utf-8")

    @torch.no_grad()
    def restore(self, folder: Path) -> None:
        """Restore what ``save`` wrote, in place: samplers and float32 copies keep their tensors."""
        weights, tensors = load_tensors(folder / WEIGHTS_FILE), load_tensors(folder / _OPTIMIZER)
        for name, weight in self.weights():
            weight.copy_(weights[name])
        for name, master in self._weights.copies(self._names):
            master.copy_(tensors.pop(f"master/{name}"))
        self._optimizer.restore(self._names, tensors)
        self._clipped_tokens = ClippedTokens(load_tensors(folder / _CLIPPED_TOKENS)["counts"])
        self._updates = json.loads((folder / _COUNTERS).read_text(encoding="utf-8"))["updates"]

    def _score(self, samples: Samples) -> Scores:
        return self._scorer(self._model, samples, self._temperature, entropy_grad="entropies" in self._needs)

    def _update(
        self, samples: Samples, signal: Signal, rule: UpdateRule, ablated: Sequence[AblatedRule], ahead: Scores | None
    ) -> UpdateMetrics:
        kept, tokens = int(signal.response_mask.sum()), int(samples.response_mask.sum())
        metrics = UpdateMetrics(kept, tokens, self._clipped_tokens)
        micro = list(split_micro_batches(samples, self._optim.micro_batch_tokens))
        numbers = number_slices(micro)
        weights = rule.loss_weights(signal, numbers) if metrics.kept else torch.zeros(len(samples.group), 1)
        parts: list[Scores] = []
        with torch.set_grad_enabled(metrics.kept > 0):
            for rows in micro:
                scores = self._score(slice_samples(samples, rows)) if ahead is None else ahead
                loss = rule.loss(scores.log_probs, signal[rows], weights[rows], scores.entropy)
                metrics.add(loss, scores, signal[rows], rule, samples.response_ids[rows])
                if metrics.kept:
                    loss.backward()  # type: ignore[no-untyped-call]
                parts.append(scores.detach())
        scores = join_scores(parts)
        refuse_not_finite(scores.log_probs, samples.response_mask, "the log-probs of the policy")
        refuse_loss(metrics.loss)
        metrics.compare(scores, signal, numbers, rule, ablated)
        metrics.lr = compute_learning_rate(self._optim, self._updates)
        if metrics.kept:
            metrics.grad_norm = self._optimizer_step(metrics.lr)
        return metrics

    def _optimizer_step(self, lr: float) -> float:
        norm = torch.nn.utils.clip_grad_norm_(self._weights.masters, self._optim.max_grad_norm).item()
        refuse_norm(norm)
        self._optimizer.step(lr)
        refuse_weights(torch.nn.utils.get_total_norm(self._weights.masters, norm_type=torch.inf).item())
        self._weights.copy_to_parameters()
        self._updates += 1
        return norm
