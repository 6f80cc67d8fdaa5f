"""Checks that a trick keeps the contract, clause by clause.

Third parties can run the same checks on their tricks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tricks.api import OPTIONAL_METHODS, list_needs
from tricks.batch import Rollouts, Setup, Signal, select_samples
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.api import TrickSpec


SAMPLES, TOKENS, GROUP = 12, 7, 4
Call: TypeAlias = "Callable[[Any, Rollouts], Tensor]"


def probe_batches(dtype: torch.dtype | None = None) -> Iterator[tuple[str, Rollouts]]:
    """Yield the named probe batches of the checks.

    Most have 12 samples in groups of 4 with every optional part; some are edge cases. The dtype is float32 by default.
    """
    usual = _usual(dtype or torch.float32)
    everyone, generator = torch.ones(SAMPLES, dtype=torch.bool), torch.Generator().manual_seed(1)
    yield "usual", usual
    yield "all right", replace(usual, rewards=torch.ones_like(usual.rewards))
    yield "all wrong", replace(usual, rewards=torch.zeros_like(usual.rewards))
    yield "all truncated", replace(usual, truncated=everyone, ended=~everyone)
    yield "negative rewards", replace(usual, rewards=usual.rewards * 2 - 1)
    yield "shuffled groups", select_samples(usual, torch.randperm(SAMPLES, generator=generator))
    yield "unequal groups", replace(usual, group=torch.tensor([0] * 5 + [1] * 6 + [2]))
    yield (
        "responses without tokens",
        replace(usual, response_mask=usual.response_mask & (torch.arange(SAMPLES) > 2)[:, None]),
    )
    yield "nothing at all", replace(usual, response_mask=torch.zeros_like(usual.response_mask))
    yield "far policies", replace(usual, old_log_probs=60 * usual.old_log_probs)
    yield "one sample", select_samples(usual, torch.tensor([3]))


def copy_rollouts(rollouts: Rollouts) -> Rollouts:
    """Return a deep copy of the batch."""
    parts = ((field.name, getattr(rollouts, field.name)) for field in fields(Rollouts))
    fresh: dict[str, Any] = {name: part.clone() if isinstance(part, torch.Tensor) else part for name, part in parts}
    return Rollouts(**fresh)


def keep_parts(rollouts: Rollouts, parts: frozenset[str]) -> Rollouts:
    """Return the batch without any optional part that is not listed."""
    optional = {"sampler_log_probs", "ref_log_probs", "ended", "formatted"}
    absent: dict[str, Any] = dict.fromkeys(optional - parts)
    return replace(rollouts, **absent)


def signal_of(rollouts: Rollouts, *, per_token: bool) -> Signal:
    """Return a signal with simple advantages, one per sample or one per token."""
    advantages = (rollouts.rewards - 0.5)[:, None]
    if per_token:
        advantages = advantages + 0.1 * torch.arange(rollouts.response_mask.shape[1]).to(advantages)
    return Signal(
        advantages,
        rollouts.response_mask & (rollouts.rewards >= 0)[:, None],
        rollouts.response_mask,
        rollouts.old_log_probs,
        rollouts.group,
        ref_log_probs=rollouts.ref_log_probs,
        max_response_length=rollouts.max_response_length,
    )


def make_log_probs(rollouts: Rollouts) -> Tensor:
    """Return log-probs (B, T) of a policy that differs from the old one.

    They are 0 on padding, as the rule passes them.
    """
    moved = rollouts.old_log_probs + 0.5 * torch.sin(10 * rollouts.old_log_probs)
    return moved.masked_fill(~rollouts.response_mask, 0.0)


def calls(hook: str) -> dict[str, Call]:
    """Return the functions that call a hook, by name."""
    if hook in ("surrogate", "token_losses", "whiten"):
        return {f"{hook} {size}": _LATE[hook](per_token) for size, per_token in (("(B, 1)", False), ("(B, T)", True))}
    return {hook: _CALLS[hook]}


def _usual(dtype: torch.dtype) -> Rollouts:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, TOKENS + 1, (SAMPLES,), generator=generator)
    old_log_probs = -torch.rand(SAMPLES, TOKENS, generator=generator).to(dtype)
    truncated = lengths == TOKENS
    return Rollouts(
        old_log_probs=old_log_probs,
        response_mask=torch.arange(TOKENS) < lengths[:, None],
        rewards=torch.randint(0, 2, (SAMPLES,), generator=generator).to(dtype),
        group=torch.arange(SAMPLES) // GROUP,
        truncated=truncated,
        sampler_log_probs=old_log_probs + 0.3 * torch.randn(SAMPLES, TOKENS, generator=generator).to(dtype),
        ref_log_probs=old_log_probs - 0.2 * torch.rand(SAMPLES, TOKENS, generator=generator).to(dtype),
        ended=~truncated,
        formatted=torch.arange(SAMPLES) % 3 > 0,
        max_response_length=TOKENS,
    )


def _advantages(trick: Any, rollouts: Rollouts) -> Tensor:
    found: Tensor = trick.advantages(rollouts.rewards, torch.ones_like(rollouts.truncated), rollouts)
    return found


def _loss_weights(trick: Any, rollouts: Rollouts) -> Tensor:
    signal = signal_of(rollouts, per_token=False)
    found: Tensor = trick.loss_weights(signal, signal.group)
    return found


def _surrogate(per_token: bool) -> Call:
    def call(trick: Any, rollouts: Rollouts) -> Tensor:
        log_ratio = (make_log_probs(rollouts) - rollouts.old_log_probs).masked_fill(~rollouts.response_mask, 0.0)
        found: Tensor = trick.surrogate(log_ratio, signal_of(rollouts, per_token=per_token))
        return found

    return call


def _token_losses(per_token: bool) -> Call:
    def call(trick: Any, rollouts: Rollouts) -> Tensor:
        now = make_log_probs(rollouts)
        found: Tensor = trick.token_losses(now, now.square(), signal_of(rollouts, per_token=per_token))
        return found

    return call


def _whiten(per_token: bool) -> Call:
    def call(trick: Any, rollouts: Rollouts) -> Tensor:
        signal = signal_of(rollouts, per_token=per_token)
        found: Tensor = trick.whiten(signal.advantages.clone(), signal.response_mask, rollouts)
        return found

    return call


_LATE: Final = {"surrogate": _surrogate, "token_losses": _token_losses, "whiten": _whiten}
_CALLS: Final[dict[str, Call]] = {
    "accept_groups": lambda trick, rollouts: trick.accept_groups(rollouts),
    "shape_rewards": lambda trick, rollouts: trick.shape_rewards(rollouts),
    "clip_rewards": lambda trick, rollouts: trick.clip_rewards(rollouts.rewards),
    "keep_samples": lambda trick, rollouts: trick.keep_samples(rollouts),
    "advantages": _advantages,
    "shape_advantages": lambda trick, rollouts: trick.shape_advantages(rollouts),
    "clip_advantages": lambda trick, rollouts: trick.clip_advantages(rollouts.rewards[:, None]),
    "token_weights": lambda trick, rollouts: trick.token_weights(rollouts),
    "loss_weights": _loss_weights,
}


_BOOLEAN: Final = ("accept_groups", "keep_samples")
_PER_SAMPLE: Final = ("accept_groups", "shape_rewards", "clip_rewards", "keep_samples", "advantages")
_PER_ROW: Final = ("surrogate", "token_losses")  # hooks that see one micro-batch at a time
_SETUPS: Final = (Setup(4, 3, 4, 7), Setup(1, 1, 1, 1), Setup(2, 2, 1, 4, top_p=0.9, top_k=8))


@dataclass(frozen=True, slots=True)
class Violation:
    """A clause that a trick breaks, with the place."""

    clause: str
    message: str


@dataclass(frozen=True, slots=True)
class _Case:
    """A hook applied to a batch."""

    place: str
    hook: str
    call: Callable[[Any, Rollouts], torch.Tensor]
    rollouts: Rollouts

    def __call__(self, trick: Any) -> Tensor:
        return self.call(trick, self.rollouts)


def check_trick(spec: TrickSpec) -> None:
    """Raise AssertionError that lists every clause of the contract that the trick breaks."""
    found = find_violations(spec)
    assert not found, "\n".join(f"{spec.name}: {violation.clause}: {violation.message}" for violation in found)


def find_violations(spec: TrickSpec) -> tuple[Violation, ...]:
    """Return the first violation of each clause. A trick that raises is judged only on that."""
    trick = spec.cls(**spec.settings)
    if (broken := next(_runs(trick, spec.hooks), None)) is not None:
        return (Violation("runs", broken),)
    found = ((clause, next(broken(trick, spec.hooks), None)) for clause, (_, broken) in CLAUSES.items())
    return tuple(Violation(clause, message) for clause, message in found if message is not None)


def _cases(hooks: tuple[str, ...], dtype: torch.dtype | None = None) -> Iterator[_Case]:
    for name, rollouts in probe_batches(dtype):
        for hook in hooks:
            for way, call in calls(hook).items():
                yield _Case(f"{way} on {name}", hook, call, copy_rollouts(rollouts))


def _runs(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        try:
            case(trick)
        except Exception as error:  # a foreign trick may raise anything
            yield f"{case.place} raised {type(error).__name__}: {error}"


def _needs(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    declared = list_needs(trick)
    for case in _cases(hooks):
        try:
            case.call(trick, keep_parts(case.rollouts, declared))
        except Exception as error:
            yield f"{case.place} without undeclared parts raised {type(error).__name__}: {error}"


def _shape(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        shape, wanted = case(trick).shape, _wanted(case)
        if shape != wanted:
            yield f"{case.place} returned {tuple(shape)}, expected {tuple(wanted)}"


def _dtype(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for dtype in (torch.float32, torch.float64):
        for case in _cases(hooks, dtype):
            wanted, given = torch.bool if case.hook in _BOOLEAN else dtype, case(trick).dtype
            if given != wanted:
                yield f"{case.place} of {dtype} returned {given}, expected {wanted}"


def _finite(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{case.place} is not finite" for case in _cases(hooks) if not case(trick).isfinite().all())


def _pure(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        if not _equal(case(trick), case.call(trick, copy_rollouts(case.rollouts))):
            yield f"{case.place} is not a pure function"


def _input(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        before = copy_rollouts(case.rollouts)
        case(trick)
        for name in (field.name for field in fields(Rollouts)):
            was, now = getattr(before, name), getattr(case.rollouts, name)
            if isinstance(was, torch.Tensor) and not torch.equal(was, now):
                yield f"{case.place} changed its input {name}"


def _order(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        order = torch.randperm(len(case.rollouts.rewards), generator=torch.Generator().manual_seed(1))
        straight, shuffled = case(trick), case.call(trick, select_samples(case.rollouts, order))
        if len(straight) == len(order) and not _close(shuffled, straight[order]):
            yield f"{case.place} depends on the order of samples"


def _groups(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        if not _close(case.call(trick, replace(case.rollouts, group=100 - 7 * case.rollouts.group)), case(trick)):
            yield f"{case.place} depends on the numbers of groups"


def _padding(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(hooks):
        mask = case.rollouts.response_mask
        parts = ("old_log_probs", "sampler_log_probs", "ref_log_probs")
        filled = {part: getattr(case.rollouts, part).masked_fill(~mask, -9.0) for part in parts}
        pair = case(trick), case.call(trick, replace(case.rollouts, **filled))
        if not _close(*(_on(mask, found) for found in pair)):
            yield f"{case.place} reads padding"


def _rows(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(tuple(hook for hook in hooks if hook in _PER_ROW)):
        rows = torch.arange(len(case.rollouts.rewards))[::2]
        if not _close(case.call(trick, select_samples(case.rollouts, rows)), case(trick)[::2]):
            yield f"{case.place} of a sample depends on which samples share its micro-batch"


def _gradient(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    if "surrogate" not in hooks:
        return
    rollouts = dict(probe_batches())["negative rewards"]
    log_ratio = (
        (make_log_probs(rollouts) - rollouts.old_log_probs).masked_fill(~rollouts.response_mask, 0.0).requires_grad_()
    )
    loss = trick.surrogate(log_ratio, signal_of(rollouts, per_token=False)).sum()
    gradient = torch.autograd.grad(loss, log_ratio)[0] if loss.requires_grad else torch.zeros_like(log_ratio)
    if not gradient.isfinite().all() or not gradient.any():
        yield "surrogate gives the log-probs no gradient"


def _weights(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    for case in _cases(tuple(hook for hook in hooks if hook == "loss_weights")):
        found = case(trick)
        kept = signal_of(case.rollouts, per_token=False).response_mask.any(dim=1, keepdim=True)
        if (found < 0).any() or (len(found) == len(kept) and (found * ~kept).any()):
            yield f"{case.place} is negative, or gives weight to a response without tokens"


def _settings(trick: Any, _: tuple[str, ...]) -> Iterator[str]:
    hidden = [field.name for field in fields(trick) if f"{field.name}=" not in repr(trick)]
    if hidden or type(trick).__hash__ is None:
        yield f"settings {', '.join(hidden) or 'that cannot be hashed'} would be lost from the name of a cell"


def _sentences(trick: Any, _: tuple[str, ...]) -> Iterator[str]:
    for method in (name for name in OPTIONAL_METHODS if name != "diagnostics" and hasattr(trick, name)):
        for setup in _SETUPS:
            if not all(isinstance(sentence, str) for sentence in getattr(trick, method)(setup)):
                yield f"{method} returns something other than sentences"


def _diagnostics(trick: Any, hooks: tuple[str, ...]) -> Iterator[str]:
    if "surrogate" not in hooks or not hasattr(trick, "diagnostics"):
        return
    for _, rollouts in probe_batches():
        for name, mask in trick.diagnostics(
            torch.zeros_like(rollouts.old_log_probs), signal_of(rollouts, per_token=False)
        ).items():
            if mask.dtype != torch.bool or mask.shape != rollouts.response_mask.shape:
                yield f"diagnostics {name} is {mask.dtype} {tuple(mask.shape)}, expected a mask (B, T)"


def _wanted(case: _Case) -> tuple[int, ...]:
    samples, tokens = case.rollouts.response_mask.shape
    if case.hook in _PER_SAMPLE:
        return (samples,)
    one = case.hook in ("loss_weights", "clip_advantages") or case.place.startswith("whiten (B, 1)")
    return (samples, 1 if one else tokens)


def _on(mask: Tensor, found: Tensor) -> Tensor:
    return found.where(mask, torch.zeros_like(found)) if found.shape == mask.shape else found


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.double(), other.double(), rtol=0, atol=0, equal_nan=True)


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.double(), other.double(), 1e-5, 1e-6, equal_nan=True)


_Clause = Callable[[Any, tuple[str, ...]], Iterator[str]]

CLAUSES: Final[dict[str, tuple[str, _Clause]]] = {
    "runs": ("every hook runs on every probe batch", _runs),
    "needs": ("optional parts of a batch are read only when declared", _needs),
    "shape": ("results have the shape of the hook", _shape),
    "dtype": ("masks are boolean, numbers have the batch's precision", _dtype),
    "finite": ("results are finite for all rewards", _finite),
    "pure": ("the same batch gives the same result", _pure),
    "input": ("the batch is not changed", _input),
    "order": ("reordered samples give reordered results", _order),
    "groups": ("group ids are names, not numbers", _groups),
    "padding": ("values on padding never matter", _padding),
    "rows": ("the loss of a sample does not depend on its micro-batch", _rows),
    "gradient": ("a surrogate gives a finite gradient that is not 0", _gradient),
    "weights": ("loss weights are not negative, and 0 for responses without tokens", _weights),
    "settings": ("every setting shows in the repr that names a cell", _settings),
    "sentences": ("validate, no_effect_reasons and hints return sentences", _sentences),
    "diagnostics": ("diagnostics are masks of tokens", _diagnostics),
}
