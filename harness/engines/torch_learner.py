"""A learner in one process: AdamW, updates of whole groups, micro-batches whose losses add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from harness.engines.minibatches import micro_rows, minibatch_rows, take
from harness.engines.tally import Tally, summarize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

    from harness.config import OptimConfig
    from harness.engines.log_probs import Scores
    from harness.engines.protocols import Samples
    from tricks.batch import Signal
    from tricks.rule import UpdateRule


class Scorer(Protocol):
    """How a model scores samples: ``compact_scores`` or ``hf_scores``."""

    def __call__(self, model: Any, samples: Samples, temperature: float) -> Scores:
        """Log-probabilities, differentiable, and entropies (B, T) of the sampled tokens, 0 on padding."""
        ...


class TorchLearner:
    """Trains the module it is given. Dropout is off, so that the first ratio of a step is exactly 1."""

    def __init__(self, model: Any, optim: OptimConfig, temperature: float, scorer: Scorer) -> None:
        self._model, self._optim, self._temperature, self._scorer = model.eval(), optim, temperature, scorer
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=optim.lr, betas=optim.betas, weight_decay=optim.weight_decay, fused=True
        )
        self._updates = 0
        self._ahead: tuple[Samples, Scores] | None = None

    def log_probs(self, samples: Samples) -> Tensor:
        """Log-probabilities (B, T) of the sampled tokens, float32, no grad, 0 on padding."""
        parts: list[Scores] = []
        for rows in self._minibatches(samples):
            minibatch = take(samples, rows)
            micro = list(micro_rows(minibatch, self._optim.micro_batch_tokens))
            reused = not parts and len(micro) == 1
            with torch.set_grad_enabled(reused):
                parts += [self._score(take(minibatch, rows)) for rows in micro]
            if reused:  # the first update starts from the very weights that score the samples here
                self._ahead = samples, parts[0]
        return torch.cat([part.log_probs.detach() for part in parts])

    def update(self, samples: Samples, old_log_probs: Tensor, signal: Signal, rule: UpdateRule) -> Mapping[str, float]:
        """Take the updates of one step and return their metrics. Raises RuntimeError when a gradient is not finite."""
        minibatches = self._minibatches(samples) * self._optim.epochs
        ahead = self._ahead[1] if self._ahead and self._ahead[0] is samples else None
        self._ahead = None
        updates = []
        for rows in minibatches:
            updates.append(self._update(take(samples, rows), old_log_probs[rows], signal[rows], rule, ahead))
            ahead = None
        return summarize(updates)

    def weights(self) -> Iterable[tuple[str, Tensor]]:
        """Named parameters, for the sampler."""
        return ((name, weight.detach()) for name, weight in self._model.named_parameters())

    def _minibatches(self, samples: Samples) -> list[slice]:
        return minibatch_rows(samples, self._optim.updates_per_rollout // self._optim.epochs)

    def _score(self, samples: Samples) -> Scores:
        return self._scorer(self._model, samples, self._temperature)

    def _update(
        self, samples: Samples, old_log_probs: Tensor, signal: Signal, rule: UpdateRule, ahead: Scores | None
    ) -> Tally:
        tally = Tally(kept=int(signal.response_mask.sum()), tokens=int(samples.response_mask.sum()))
        weights = rule.loss_weights(signal.response_mask) if tally.kept else torch.zeros(len(samples.group), 1)
        with torch.set_grad_enabled(tally.kept > 0):
            for rows, scores in self._scored(samples, ahead):
                loss = rule.loss(scores.log_probs, old_log_probs[rows], signal[rows], weights[rows])
                tally.add(loss, scores, old_log_probs[rows], signal[rows], rule)
                if tally.kept:
                    loss.backward()  # type: ignore[no-untyped-call]
        tally.lr = self._learning_rate()
        if tally.kept:
            tally.grad_norm = self._descend(tally.lr)
        return tally

    def _scored(self, samples: Samples, ahead: Scores | None) -> Iterator[tuple[slice, Scores]]:
        if ahead is not None:
            yield slice(None), ahead
            return
        for rows in micro_rows(samples, self._optim.micro_batch_tokens):
            yield rows, self._score(take(samples, rows))

    def _learning_rate(self) -> float:
        """Linear warm-up over the first updates, constant from there."""
        return self._optim.lr * min(1.0, (self._updates + 1) / (self._optim.warmup_steps + 1))

    def _descend(self, lr: float) -> float:
        norm = torch.nn.utils.clip_grad_norm_(
            self._model.parameters(), self._optim.max_grad_norm, error_if_nonfinite=True
        )
        self._optimizer.param_groups[0]["lr"] = lr
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._updates += 1
        return norm.item()
