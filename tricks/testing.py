"""What every trick must satisfy. Third parties run the same checks on theirs."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from tricks.batch import Rollouts, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from tricks.api import TrickSpec

    _Call = Callable[[Any, Rollouts], Tensor]


def probe_batches() -> Iterator[tuple[str, Rollouts]]:
    """Small batches of 12 samples in groups of 4 that tricks tend to trip over."""
    generator = torch.Generator().manual_seed(0)
    samples, tokens = 12, 7
    lengths = torch.randint(1, tokens + 1, (samples,), generator=generator)
    usual = Rollouts(
        old_log_probs=-torch.rand(samples, tokens, generator=generator),
        response_mask=torch.arange(tokens) < lengths[:, None],
        rewards=torch.randint(0, 2, (samples,), generator=generator).float(),
        group=torch.arange(samples) // 4,
        truncated=lengths == tokens,
    )
    yield "usual", usual
    yield "all right", replace(usual, rewards=torch.ones(samples))
    yield "all wrong", replace(usual, rewards=torch.zeros(samples))
    yield "all truncated", replace(usual, truncated=torch.ones(samples, dtype=torch.bool))
    yield "negative rewards", replace(usual, rewards=usual.rewards * 2 - 1)
    yield "shuffled groups", take(usual, torch.randperm(samples, generator=generator))


def check(spec: TrickSpec) -> None:
    """Raise AssertionError where the trick breaks the contract of ``tricks.api``."""
    trick = spec.cls(**spec.settings)
    for name, rollouts in probe_batches():
        before = _copy(rollouts)
        order = torch.randperm(len(rollouts.rewards), generator=torch.Generator().manual_seed(1))
        for hook in spec.hooks:
            _check_hook(f"{spec.name} on {name}: {hook}", _CALLS[hook], trick, rollouts, order)
        unchanged = [torch.equal(was, now) for was, now in zip(before, _copy(rollouts), strict=True)]
        assert all(unchanged), f"{spec.name} on {name}: changed its input"


def take(rollouts: Rollouts, rows: Tensor) -> Rollouts:
    """The given samples, in the given order."""
    return Rollouts(**{field.name: getattr(rollouts, field.name)[rows] for field in fields(Rollouts)})


def _check_hook(place: str, call: _Call, trick: Any, rollouts: Rollouts, order: Tensor) -> None:
    result, wanted = call(trick, rollouts), _RESULTS[place.rsplit(" ", 1)[1]](rollouts)
    assert result.shape == wanted.shape, f"{place} returned {tuple(result.shape)}, expected {tuple(wanted.shape)}"
    assert (result.dtype == torch.bool) == (wanted.dtype == torch.bool), f"{place} returned {result.dtype}"
    assert result.isfinite().all(), f"{place} is not finite"
    assert torch.equal(result, call(trick, rollouts)), f"{place} is not a pure function"
    shuffled = call(trick, take(rollouts, order))
    torch.testing.assert_close(shuffled, result[order], msg=f"{place} depends on the order of samples")


def _copy(rollouts: Rollouts) -> list[Tensor]:
    return [getattr(rollouts, field.name).clone() for field in fields(Rollouts)]


def _surrogate(trick: Any, rollouts: Rollouts) -> Tensor:
    log_ratio = 0.5 * torch.sin(10 * rollouts.old_log_probs)
    loss: Tensor = trick.surrogate(log_ratio, Signal(rollouts.rewards - 0.5, rollouts.response_mask))
    return loss


_CALLS: Final[dict[str, _Call]] = {
    "shape_rewards": lambda trick, rollouts: trick.shape_rewards(rollouts),
    "keep_samples": lambda trick, rollouts: trick.keep_samples(rollouts),
    "advantages": lambda trick, rollouts: trick.advantages(rollouts.rewards, rollouts),
    "surrogate": _surrogate,
    "loss_weights": lambda trick, rollouts: trick.loss_weights(rollouts.response_mask),
}

# A tensor with the shape of each hook's result, and boolean where the result must be.
_RESULTS: Final[dict[str, Callable[[Rollouts], Tensor]]] = {
    "shape_rewards": lambda rollouts: rollouts.rewards,
    "keep_samples": lambda rollouts: rollouts.truncated,
    "advantages": lambda rollouts: rollouts.rewards,
    "surrogate": lambda rollouts: rollouts.old_log_probs,
    "loss_weights": lambda rollouts: rollouts.rewards[:, None],
}
