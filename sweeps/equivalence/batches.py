"""Synthetic batches that can distinguish update rules."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from math import exp, isfinite, log, sqrt
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from tricks import Rollouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.config import ExperimentConfig


LONGEST_PROMPT: Final = 64  # tokens of an arithmetic problem to an embedded model, twice the longest seen


@dataclass(frozen=True, slots=True)
class BatchShape:
    """The sizes of a rollout batch and of its updates."""

    group_size: int  # samples per prompt
    groups: int  # prompts per update
    updates: int  # updates per pass over the batch
    limit: int  # tokens of the longest response
    moved: bool  # True if ratios differ from 1; in the first update of a batch all are 1
    split: bool  # True if an update may be computed in several micro-batches

    @classmethod
    def of(cls, config: ExperimentConfig) -> BatchShape:
        """Return the shape of a run's batches."""
        rollout, optim = config.rollout, config.optim
        updates = max(optim.updates_per_rollout // optim.epochs, 1)
        return cls(
            group_size=rollout.group_size,
            groups=max(rollout.prompts_per_batch // updates, 1),
            updates=updates,
            limit=rollout.max_response_length,
            moved=optim.updates_per_rollout > 1,
            split=_splits(config, updates),
        )

    @property
    def prompts(self) -> int:
        """The prompts of the whole rollout batch."""
        return self.groups * self.updates


def _splits(config: ExperimentConfig, updates: int) -> bool:
    """Return True if an update may need several micro-batches.

    Where prompt lengths are unknown it may.
    """
    known = config.data.source == "arithmetic" and config.model.path.startswith("builtin:")
    rows = -(-config.rollout.prompts_per_batch // updates) * config.rollout.group_size
    tokens = rows * (config.rollout.max_response_length + LONGEST_PROMPT)
    return not known or tokens > config.optim.micro_batch_tokens


_USUAL: Final = (0.0, 0.02, 0.4, 1.5, 4.0, 12.0, 22.0)  # log-ratios of usual and of diverging runs
_APART: Final = 1e-9  # thresholds closer than this count as one
_FARTHEST: Final = 40.0  # nats


def collect_numbers(tricks: Iterable[object]) -> set[float]:
    """Return the numeric settings of the tricks, which may be thresholds of ratios or KL."""
    return {abs(float(value)) for value in _settings(tricks) if type(value) in (int, float) and isfinite(value)}


def collect_counts(tricks: Iterable[object]) -> set[int]:
    """Return the settings of the tricks that may be numbers of tokens."""
    return {value for value in _settings(tricks) if type(value) is int and value > 1}


def choose_lengths(tricks: Iterable[object], limit: int) -> list[int]:
    """Return response lengths at, below and above every token count in the settings.

    Differences of two counts are included, because settings may count from another one.
    """
    whole = collect_counts(tricks) | {limit}
    marks = whole | {abs(one - other) for one in whole for other in whole}
    near = {mark + step for mark in marks for step in (-1, 0, 1)} | {1, 2}
    return sorted(length for length in near if 1 <= length <= limit)


def log_ratios(settings: Iterable[float]) -> list[float]:
    """Return log-ratios on both sides of each threshold of a ratio or log-ratio; 0 is included."""
    return _between(point for setting in settings for point in _of_ratio(setting))


def divergences(settings: Iterable[float]) -> list[float]:
    """Return log-ratios on both sides of each threshold of k1, k2 or k3; 0 is included."""
    return _between(
        point for setting in settings for point in (*_of_ratio(setting), *_of_squares(setting), *_of_k3(setting))
    )


def _settings(tricks: Iterable[object]) -> Iterator[Any]:
    return (getattr(trick, field.name) for trick in tricks for field in fields(trick))  # type: ignore[arg-type]


def _of_ratio(setting: float) -> Iterator[float]:
    yield from (setting, -setting)
    for ratio in (1 - setting, 1 + setting, setting):
        if ratio > 0:
            yield log(ratio)


def _of_squares(setting: float) -> Iterator[float]:
    yield from (sqrt(2 * setting), -sqrt(2 * setting))


def _of_k3(setting: float) -> Iterator[float]:
    """Yield the solutions of exp(x) - 1 - x = setting on both sides of 0, with both signs."""
    above, below = log(1 + setting), -(1 + setting)
    for _ in range(50):
        above, below = log(1 + setting + above), exp(below) - 1 - setting
    yield from (above, -above, below, -below)


def _between(thresholds: Iterable[float]) -> list[float]:
    marks = sorted({point for point in thresholds if abs(point) < _FARTHEST} | {s * x for x in _USUAL for s in (1, -1)})
    middles = [(low + high) / 2 for low, high in pairwise(marks) if high - low > _APART]
    return sorted({0.0, marks[0] - 1, *middles, marks[-1] + 1})


Right = Literal["mixed", "alternate", "one", "but one", "all", "none", "shares"]
_MIXED: tuple[Right, ...] = ("alternate", "one", "alternate", "but one", "alternate", "all", "alternate", "none")
_MILD = 1.0  # nats


class PolicyGaps(Protocol):
    """The log-ratios to try: each kind includes both sides of the rules' thresholds."""

    @property
    def ratios(self) -> Sequence[float]:
        """The log-ratios of the current to the old policy."""
        ...

    @property
    def samplers(self) -> Sequence[float]:
        """The log-ratios of the sampler to the learner."""
        ...

    @property
    def references(self) -> Sequence[float]:
        """The log-ratios of the reference policy."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """The response lengths in tokens."""
        ...

    @property
    def joint(self) -> bool:
        """True if a rule depends on several tokens of a response together."""
        ...


@dataclass(frozen=True, slots=True)
class SyntheticBatch:
    """The description of a probe batch."""

    groups: int  # prompts per update
    updates: int
    group_size: int
    width: int  # tokens, T
    limit: int  # length limit in tokens; only responses of this length are truncated
    right: Right = "mixed"
    lengths: Literal["mixed", "full", "one short"] = "mixed"
    truncated: bool | None = None  # None: at random, where a response reaches the limit
    wild: bool = False  # True if log-ratios may be large
    still: bool = False  # True if all ratios are 1, as in a first update, so that clipping hides no advantage
    extreme: Literal["", "all", "one"] = ""  # all responses, or only the first, have extreme log-ratios
    rough: bool = False  # True if epsilon matters, so that the tolerance is larger
    number: int = 0  # index of the probe; probes of one kind go through all log-ratios in turn
    dtype: torch.dtype = torch.float64

    @property
    def rows(self) -> int:
        """The number of samples of the batch, B."""
        return self.groups * self.updates * self.group_size

    def but(self, **changes: Any) -> SyntheticBatch:
        """Return the same description with some changes."""
        return replace(self, **changes)


class BuiltBatch(NamedTuple):
    """A rollout batch and the policy of its update."""

    rollouts: Rollouts
    log_probs: Tensor  # (B, T)


def build_batch(spec: SyntheticBatch, gaps: PolicyGaps, generator: torch.Generator) -> BuiltBatch:
    """Build the batch of a description.

    Log-probs are at most 0, and responses are truncated only at the limit.

    Args:
        spec: the description of the batch
        gaps: the log-ratios and lengths to use
        generator: the source of randomness

    Returns:
        The batch and the log-probs of the current policy.

    """
    right, lengths = _right(spec, generator), _lengths(spec, gaps.lengths, generator)
    if spec.lengths == "one short":
        lengths[right.double().sub(right.double().mean()).abs().argmax()] = 1
    moved, sampled, kept = (
        _gaps(spec, values, lengths, generator, shift if gaps.joint else None)
        for shift, values in enumerate((gaps.ratios, gaps.samplers, gaps.references))
    )
    moved = torch.zeros_like(moved) if spec.still else moved
    kept = kept + moved * torch.randint(2, (spec.rows, 1), generator=generator)  # to the old or current policy
    top = torch.stack([moved, sampled, kept]).amax(dim=0).clamp(min=0)
    old = -top - 0.05 - torch.rand(top.shape, generator=generator, dtype=torch.float64)
    chance = torch.rand(spec.rows, generator=generator) < 0.6
    truncated = (lengths == spec.limit) & (chance if spec.truncated is None else spec.truncated)
    rollouts = Rollouts(
        old_log_probs=old.to(spec.dtype),
        response_mask=torch.arange(spec.width) < lengths[:, None],
        rewards=right.to(spec.dtype),
        group=torch.arange(spec.rows) // spec.group_size,
        truncated=truncated,
        sampler_log_probs=(old + sampled).to(spec.dtype),
        ref_log_probs=(old + kept).to(spec.dtype),
        ended=~truncated,
        formatted=torch.rand(spec.rows, generator=generator) < 0.5,
        max_response_length=spec.limit,
    )
    return BuiltBatch(rollouts, (old + moved).to(spec.dtype))


def _right(spec: SyntheticBatch, generator: torch.Generator) -> Tensor:
    """Return the mask of correct samples (B,)."""
    rows, size = torch.arange(spec.rows), spec.group_size
    match spec.right:
        case "one" | "but one" if spec.extreme == "all":  # one per group
            first = rows % size == 0
            return first if spec.right == "one" else ~first
        case "one" | "but one":  # one in the batch
            return (rows == 0) if spec.right == "one" else (rows != 0)
        case "shares":  # every possible number of correct samples per group
            return rows % size < (rows // size + spec.number * spec.groups * spec.updates) % (size + 1)
        case "mixed":
            kinds = [(spec.number * 3 + group) % (len(_MIXED) + 1) for group in range(spec.rows // size)]
            return torch.cat([_of_group(kind, size, generator) for kind in kinds])
    return _pattern(spec.right, rows)


def _of_group(kind: int, size: int, generator: torch.Generator) -> Tensor:
    if kind == len(_MIXED):
        return torch.rand(size, generator=generator) < 0.5
    return _pattern(_MIXED[kind], torch.arange(size))


def _pattern(right: Right, rows: Tensor) -> Tensor:
    patterns = {"alternate": rows % 2 == 0, "one": rows == 0, "but one": rows != 0, "all": rows >= 0, "none": rows < 0}
    return patterns[right]


def _lengths(spec: SyntheticBatch, marks: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return the tokens of each response (B,)."""
    if spec.lengths != "mixed":
        return torch.full((spec.rows,), spec.width)
    fitting = torch.tensor([mark for mark in marks if mark <= spec.width] or [1])
    marked = fitting[torch.randint(len(fitting), (spec.rows,), generator=generator)]
    usual = torch.randint(1, spec.width + 1, (spec.rows,), generator=generator)
    return torch.where(torch.rand(spec.rows, generator=generator) < 0.6, marked, usual)


def _gaps(
    spec: SyntheticBatch, values: Sequence[float], lengths: Tensor, generator: torch.Generator, shift: int | None
) -> Tensor:
    """Return random log-ratios (B, T).

    With a ``shift`` they alternate between independent tokens, one value for a whole response, and a value that is the
    sum over the response. Two neighbors have the same, so that each occurs with advantages of both signs.
    """
    if spec.extreme:
        return _ends(spec, values)
    wanted = torch.tensor([value for value in values if spec.wild or abs(value) <= _MILD], dtype=torch.float64)
    chance = wanted[torch.randint(len(wanted), (spec.rows, spec.width), generator=generator)]
    if shift is None:
        return chance
    pair = torch.arange(spec.rows) // 2 + spec.number * max(spec.rows // 2, 1) + shift
    turn = wanted[(pair // 3) % len(wanted)][:, None]
    kind = (pair % 3)[:, None]
    return torch.where(kind == 0, chance, torch.where(kind == 1, turn, turn / lengths[:, None]))


def _ends(spec: SyntheticBatch, values: Sequence[float]) -> Tensor:
    """Return log-ratios (B, T) at the two ends, for the first response only or alternating."""
    ends = torch.tensor([min(values), max(values)], dtype=torch.float64)
    rows = torch.arange(spec.rows)
    found = ends[(rows + rows // spec.group_size + spec.number) % 2]
    if spec.extreme == "one":
        found = found.where(rows == 0, 0.0)
    return found[:, None].expand(-1, spec.width)
