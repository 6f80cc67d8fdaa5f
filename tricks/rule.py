"""The update rule: the chosen tricks, arranged by hook and checked."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from tricks.api import COMBINABLE_HOOKS, HOOKS, OPTIONAL_HOOKS, REQUIRED_HOOKS, TrickError, list_needs
from tricks.batch import Rollouts, Setup, Signal
from tricks.recorded import spell_briefly, spell_fully
from tricks.tensors import torch, without_gradient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


class UpdateRule:
    """The computation from rewards to the loss of an update. Only this class orders the hooks.

    Args:
        tricks: the chosen tricks by name
        fillers: the defaults by hook, for closed hooks that no trick implements
        setup: the static facts about the run

    Raises:
        TrickError: two tricks set a hook that admits one, or a trick refuses this setup.

    """

    def __init__(self, tricks: Mapping[str, Any], fillers: Mapping[str, Any], setup: Setup) -> None:
        self.tricks, self.fillers, self.setup = dict(tricks), dict(fillers), setup
        self._open = {hook: [tricks[name] for name in _filling(hook, tricks)] for hook in COMBINABLE_HOOKS}
        self._single = {hook: _only(hook, tricks, fillers) for hook in (*OPTIONAL_HOOKS, *REQUIRED_HOOKS)}
        self.needs: frozenset[str] = frozenset().union(
            *map(list_needs, (*self.tricks.values(), *self.fillers.values()))
        )
        _refuse_complaints(tricks, setup)

    @property
    def resampling(self) -> str | None:
        """The name of the trick that makes the loop resample rejected groups, or None."""
        return next(iter(_filling("accept_groups", self.tricks)), None)

    @property
    def ratio_range(self) -> tuple[float, float]:
        """The range of token ratios that the surrogate does not clip.

        It is 0.8 to 1.2 for a surrogate that clips no token ratios.
        """
        found: tuple[float, float] = getattr(self._single["surrogate"], "ratio_range", (0.8, 1.2))
        return found

    @without_gradient
    def accepted(self, rollouts: Rollouts) -> Tensor:
        """Return the mask of samples (B,) whose groups are accepted.

        The training loop resamples the other groups.
        """
        trick = self._single["accept_groups"]
        everyone = torch.ones_like(rollouts.truncated)
        return everyone if trick is None else self._call("accept_groups", trick, everyone, rollouts)

    @without_gradient
    def signal(self, rollouts: Rollouts) -> Signal:
        """Return the advantages, kept tokens and token weights of a batch.

        Raises TrickError where the batch lacks a part that a trick needs.
        """
        self._refuse_lacks(rollouts)
        everyone = torch.ones_like(rollouts.truncated)
        kept = reduce(torch.logical_and, self._results("keep_samples", everyone, rollouts), everyone)
        counted = rollouts.response_mask & kept[:, None]
        in_loss = self._in_loss(kept, rollouts)
        weights = self._results("token_weights", rollouts.old_log_probs, rollouts)
        return Signal(
            advantages=self._advantages(self._rewards(rollouts), kept, counted, rollouts),
            response_mask=counted if in_loss is kept else rollouts.response_mask & in_loss[:, None],
            sampled_mask=rollouts.response_mask,
            old_log_probs=rollouts.old_log_probs,
            group=rollouts.group,
            token_weights=reduce(torch.mul, weights) if weights else None,
            ref_log_probs=rollouts.ref_log_probs,
            sampler_log_probs=rollouts.sampler_log_probs if _from_sampler(self._single["surrogate"]) else None,
            max_response_length=rollouts.max_response_length,
            counted=None if in_loss is kept else counted,
            rollout_samples=len(kept),
            rollout_tokens=int(rollouts.response_mask.sum()),
            rollout_kept_tokens=int(counted.sum()),
        )

    @without_gradient
    def loss_weights(self, signal: Signal, micro_batch: Tensor | None = None) -> Tensor:
        """Return one weight per sample (B, 1). Pass the whole update, before any split.

        ``micro_batch`` (B,) int64 gives the micro-batch of each sample; rules that average over the whole update ignore
        it. A term with an ``aggregation`` of its own adds a column.
        """
        if micro_batch is None:
            micro_batch = torch.zeros_like(signal.group)
        pattern = signal.response_mask[:, :1]
        weights = self._call("loss_weights", self._single["loss_weights"], pattern, signal, micro_batch)
        own = [self._call("loss_weights", mean, pattern, signal, micro_batch) for mean in self._own_means()]
        return torch.cat([weights, *own], dim=1) if own else weights

    def loss(self, log_probs: Tensor, signal: Signal, weights: Tensor, entropies: Tensor | None = None) -> Tensor:
        """Return the loss to minimize.

        The losses of the micro-batches sum up to the loss of the update.

        Args:
            log_probs: log-probs of the current policy (B, T); half precision is raised to the dtype of the old
                log-probs
            signal: the step's signal for these samples
            weights: loss weights (B, 1) of these samples
            entropies: entropies of the current policy (B, T), where a trick needs them

        Returns:
            The loss, a scalar.

        Raises:
            TrickError: a trick needs entropies and none are given.

        """
        if "entropies" in self.needs and entropies is None:
            raise TrickError(f"{_who(self.tricks, 'entropies')} needs entropies; give them beside the log-probs")
        mask = signal.response_mask
        now = log_probs.to(
            signal.old_log_probs.dtype
        )  # converted once, so that gradients sum up before they are rounded
        losses: Tensor = self._single["surrogate"].surrogate(self.log_ratio(now, signal), signal)
        if signal.token_weights is not None:
            losses = losses * signal.token_weights
        apart = []  # sums of the terms that have weights of their own
        if terms := self._open["token_losses"]:
            now = torch.where(mask, now, 0.0)
            spread = None if entropies is None else torch.where(mask, entropies.to(now.dtype), 0.0)
            for term in terms:
                found = term.token_losses(now, spread, signal)
                if hasattr(term, "aggregation"):
                    apart.append(torch.where(mask, found, 0.0).sum(dim=1))
                else:
                    losses = losses + found
        total: Tensor = torch.where(mask, losses, 0.0).sum(dim=1) @ weights[:, 0]
        columns = weights[:, 1:].unbind(dim=1) or (weights[:, 0],) * len(apart)
        return reduce(torch.add, (sums @ column for sums, column in zip(apart, columns, strict=True)), total)

    @without_gradient
    def diagnostics(self, log_probs: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return masks (B, T) of kept tokens by the surrogate's effect on them, such as clipping."""
        surrogate = self._single["surrogate"]
        if not hasattr(surrogate, "diagnostics"):
            return {}
        masks = surrogate.diagnostics(self.log_ratio(log_probs, signal), signal)
        return {name: mask & signal.response_mask for name, mask in masks.items()}

    def log_ratio(self, log_probs: Tensor, signal: Signal) -> Tensor:
        """Return the log-ratio of each kept token (B, T), 0 elsewhere."""
        now = log_probs.to(signal.old_log_probs.dtype)
        return torch.where(signal.response_mask, now - signal.old_log_probs, 0.0)

    def without(self, name: str) -> UpdateRule:
        """Return the rule without one of its tricks; fillers take the hooks that become free."""
        return UpdateRule(
            {known: trick for known, trick in self.tricks.items() if known != name}, self.fillers, self.setup
        )

    def no_effect_reasons(self) -> dict[str, tuple[str, ...]]:
        """Return the tricks that cannot change anything in this setup, each with its reasons."""
        return self._said("no_effect_reasons")

    def hints(self) -> dict[str, tuple[str, ...]]:
        """Return the hints of the tricks on this setup, by trick."""
        return self._said("hints")

    def describe(self) -> dict[str, list[str]]:
        """Return every hook in use with its tricks and their non-default settings, for people."""
        return self._by_hook(spell_briefly)

    def settings(self) -> dict[str, list[str]]:
        """Return every hook in use with its tricks and all their settings, for the cell id."""
        return self._by_hook(spell_fully)

    def _said(self, method: str) -> dict[str, tuple[str, ...]]:
        found = {
            name: tuple(getattr(trick, method)(self.setup))
            for name, trick in sorted(self.tricks.items())
            if hasattr(trick, method)
        }
        return {name: sentences for name, sentences in found.items() if sentences}

    def _by_hook(self, words: Callable[[Any], str]) -> dict[str, list[str]]:
        found = {hook: sorted(map(words, tricks)) for hook, tricks in self._open.items()} | {
            hook: [words(trick)] for hook, trick in self._single.items() if trick is not None
        }
        return {hook: found[hook] for hook in HOOKS if found.get(hook)}

    def _own_means(self) -> list[Any]:
        """Return the aggregations of the terms that are averaged otherwise than the surrogate."""
        return [term.aggregation for term in self._open["token_losses"] if hasattr(term, "aggregation")]

    def _in_loss(self, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Return the samples (B,) whose tokens are in the loss.

        These are the kept samples and those that a filter drops only from the denominators.
        """
        filters = self._open["keep_samples"]
        strict = [trick for trick in filters if getattr(trick, "numerator", "out") == "out"]
        if len(strict) == len(filters):
            return kept
        return reduce(torch.logical_and, (trick.keep_samples(rollouts) for trick in strict), torch.ones_like(kept))

    def _rewards(self, rollouts: Rollouts) -> Tensor:
        rewards = reduce(torch.add, self._results("shape_rewards", rollouts.rewards, rollouts), rollouts.rewards)
        trick = self._single["clip_rewards"]
        return rewards if trick is None else self._call("clip_rewards", trick, rewards, rewards)

    def _advantages(self, rewards: Tensor, kept: Tensor, response_mask: Tensor, rollouts: Rollouts) -> Tensor:
        trick = self._single["advantages"]
        found = self._call("advantages", trick, rewards, rewards, kept, rollouts)[:, None]
        found = reduce(torch.add, self._results("shape_advantages", rollouts.old_log_probs, rollouts), found)
        if (trick := self._single["whiten"]) is not None:
            found = self._call("whiten", trick, found, found, response_mask, rollouts)
        if (trick := self._single["clip_advantages"]) is not None:
            found = self._call("clip_advantages", trick, found, found)
        return found

    def _results(self, hook: str, pattern: Tensor, rollouts: Rollouts) -> list[Tensor]:
        return [self._call(hook, trick, pattern, rollouts) for trick in self._open[hook]]

    def _call(self, hook: str, trick: object, pattern: Tensor, *given: Any) -> Tensor:
        """Call a hook of a trick and check that the result has the shape of ``pattern``."""
        result: Tensor = getattr(trick, hook)(*given)
        if result.shape != pattern.shape:
            name = next((name for name, known in self.tricks.items() if known is trick), type(trick).__name__)
            raise TrickError(
                f"{name}: {hook} returned {tuple(result.shape)}, expected {tuple(pattern.shape)}; "
                "python -m tricks check finds out on which batch"
            )
        return result

    def _refuse_lacks(self, rollouts: Rollouts) -> None:
        for name, trick in self.tricks.items():
            for part in sorted(list_needs(trick) - {"entropies"}):
                if getattr(rollouts, part) is None:
                    raise TrickError(f"{name} needs {part}, which this batch lacks; add it or leave {name} out")


def _from_sampler(surrogate: Any) -> bool:
    """Return True for a surrogate that measures from the sampler's log-probs; the others need not be sent them."""
    return bool(getattr(surrogate, "from_sampler", False))


def _who(tricks: Mapping[str, Any], part: str) -> str:
    return " and ".join(sorted(name for name, trick in tricks.items() if part in list_needs(trick)))


def _filling(hook: str, tricks: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, trick in tricks.items() if hasattr(trick, hook))


def _only(hook: str, tricks: Mapping[str, Any], fillers: Mapping[str, Any]) -> Any:
    match _filling(hook, tricks):
        case []:
            return fillers.get(hook)
        case [name]:
            return tricks[name]
        case names:
            raise TrickError(f"{' and '.join(names)} both set {hook}; keep one")


def _refuse_complaints(tricks: Mapping[str, Any], setup: Setup) -> None:
    complaints = [
        f"{name}: {complaint}"
        for name, trick in sorted(tricks.items())
        if hasattr(trick, "validate")
        for complaint in trick.validate(setup)
    ]
    if complaints:
        raise TrickError("\n".join(complaints))
