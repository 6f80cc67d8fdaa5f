"""One probe batch: who is right, how long responses are, how far policies have moved apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from tricks.batch import Rollouts

if TYPE_CHECKING:
    from collections.abc import Sequence

Right = Literal["mixed", "alternate", "one", "but one", "all", "none", "shares"]
_MIXED: tuple[Right, ...] = ("alternate", "one", "alternate", "but one", "alternate", "all", "alternate", "none")
_MILD = 1.0  # nats


class Gaps(Protocol):
    """Log-ratios worth trying, each kind with those that rules may bend at."""

    @property
    def ratios(self) -> Sequence[float]:
        """To the policy that started the step."""
        ...

    @property
    def samplers(self) -> Sequence[float]:
        """Of the sampler to the learner."""
        ...

    @property
    def references(self) -> Sequence[float]:
        """Of the reference policy."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Response lengths in tokens."""
        ...

    @property
    def joint(self) -> bool:
        """Whether the tokens of a response matter together."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What a probe batch is to show."""

    groups: int  # of an update
    updates: int
    group_size: int
    width: int  # tokens, T
    limit: int  # tokens; a response is truncated at none less
    right: Right = "mixed"
    lengths: Literal["mixed", "full", "one short"] = "mixed"
    truncated: bool | None = None  # None: by chance, where a response reaches the limit
    wild: bool = False  # whether log-ratios are large
    still: bool = False  # whether all ratios are 1, as in a first update, so that no clip hides an advantage
    extreme: Literal["", "all", "one"] = ""  # whether all responses, or one, have log-ratios at one end alone
    rough: bool = False  # whether epsilon shows
    number: int = 0  # probes of one kind go through all log-ratios in turn
    dtype: torch.dtype = torch.float64

    @property
    def rows(self) -> int:
        """Samples of the batch, B."""
        return self.groups * self.updates * self.group_size

    def but(self, **changes: Any) -> Scene:
        """The same scene with something changed."""
        return replace(self, **changes)


class Made(NamedTuple):
    """A rollout batch and the policy of its update."""

    rollouts: Rollouts
    log_probs: Tensor  # (B, T)


def rollouts_of(scene: Scene, gaps: Gaps, generator: torch.Generator) -> Made:
    """The batch of a scene. Log-probs are at most 0, and a response is truncated at the limit alone."""
    right, lengths = _right(scene, generator), _lengths(scene, gaps.lengths, generator)
    if scene.lengths == "one short":
        lengths[right.double().sub(right.double().mean()).abs().argmax()] = 1
    moved, sampled, kept = (
        _gaps(scene, values, lengths, generator, shift if gaps.joint else None)
        for shift, values in enumerate((gaps.ratios, gaps.samplers, gaps.references))
    )
    moved = torch.zeros_like(moved) if scene.still else moved
    kept = kept + moved * torch.randint(2, (scene.rows, 1), generator=generator)  # from the old policy, or the new one
    top = torch.stack([moved, sampled, kept]).amax(dim=0).clamp(min=0)
    old = -top - 0.05 - torch.rand(top.shape, generator=generator, dtype=torch.float64)
    chance = torch.rand(scene.rows, generator=generator) < 0.6
    truncated = (lengths == scene.limit) & (chance if scene.truncated is None else scene.truncated)
    rollouts = Rollouts(
        old_log_probs=old.to(scene.dtype),
        response_mask=torch.arange(scene.width) < lengths[:, None],
        rewards=right.to(scene.dtype),
        group=torch.arange(scene.rows) // scene.group_size,
        truncated=truncated,
        sampler_log_probs=(old + sampled).to(scene.dtype),
        ref_log_probs=(old + kept).to(scene.dtype),
        ended=~truncated,
        formatted=torch.rand(scene.rows, generator=generator) < 0.5,
        max_response_length=scene.limit,
    )
    return Made(rollouts, (old + moved).to(scene.dtype))


def _right(scene: Scene, generator: torch.Generator) -> Tensor:
    """Which samples (B,) are right."""
    rows, size = torch.arange(scene.rows), scene.group_size
    match scene.right:
        case "one" | "but one" if scene.extreme == "all":  # one of every group
            first = rows % size == 0
            return first if scene.right == "one" else ~first
        case "one" | "but one":  # one of the batch
            return (rows == 0) if scene.right == "one" else (rows != 0)
        case "shares":  # every number of right samples that a group can have
            return rows % size < (rows // size + scene.number * scene.groups * scene.updates) % (size + 1)
        case "mixed":
            kinds = [(scene.number * 3 + group) % (len(_MIXED) + 1) for group in range(scene.rows // size)]
            return torch.cat([_of_group(kind, size, generator) for kind in kinds])
    return _pattern(scene.right, rows)


def _of_group(kind: int, size: int, generator: torch.Generator) -> Tensor:
    if kind == len(_MIXED):
        return torch.rand(size, generator=generator) < 0.5
    return _pattern(_MIXED[kind], torch.arange(size))


def _pattern(right: Right, rows: Tensor) -> Tensor:
    patterns = {"alternate": rows % 2 == 0, "one": rows == 0, "but one": rows != 0, "all": rows >= 0, "none": rows < 0}
    return patterns[right]


def _lengths(scene: Scene, marks: Sequence[int], generator: torch.Generator) -> Tensor:
    """Tokens (B,) of each response."""
    if scene.lengths != "mixed":
        return torch.full((scene.rows,), scene.width)
    fitting = torch.tensor([mark for mark in marks if mark <= scene.width] or [1])
    marked = fitting[torch.randint(len(fitting), (scene.rows,), generator=generator)]
    usual = torch.randint(1, scene.width + 1, (scene.rows,), generator=generator)
    return torch.where(torch.rand(scene.rows, generator=generator) < 0.6, marked, usual)


def _gaps(
    scene: Scene, values: Sequence[float], lengths: Tensor, generator: torch.Generator, shift: int | None
) -> Tensor:
    """Log-ratios (B, T) by chance; with a ``shift`` also of whole responses and adding up over a response, by turns.

    Two neighbours then have the same, so that each is met with advantages of both signs.
    """
    if scene.extreme:
        return _ends(scene, values)
    wanted = torch.tensor([value for value in values if scene.wild or abs(value) <= _MILD], dtype=torch.float64)
    chance = wanted[torch.randint(len(wanted), (scene.rows, scene.width), generator=generator)]
    if shift is None:
        return chance
    pair = torch.arange(scene.rows) // 2 + scene.number * max(scene.rows // 2, 1) + shift
    turn = wanted[(pair // 3) % len(wanted)][:, None]
    kind = (pair % 3)[:, None]
    return torch.where(kind == 0, chance, torch.where(kind == 1, turn, turn / lengths[:, None]))


def _ends(scene: Scene, values: Sequence[float]) -> Tensor:
    """Log-ratios (B, T) at one end or the other, of the first response alone or of all by turns."""
    ends = torch.tensor([min(values), max(values)], dtype=torch.float64)
    rows = torch.arange(scene.rows)
    found = ends[(rows + rows // scene.group_size + scene.number) % 2]
    if scene.extreme == "one":
        found = found.where(rows == 0, 0.0)
    return found[:, None].expand(-1, scene.width)
