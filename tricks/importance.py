"""Correction for the gap between the policy that sampled and the policy that is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup


@dataclass(frozen=True, slots=True)
class TruncatedImportance:
    r"""Truncated importance sampling: token weights from the ratio learner/sampler.

    The weight :math:`\min(\pi_{learner} / \pi_{sampler},\ cap)` is a constant factor on each token's loss
    (arXiv:2510.13786, section 3). It is computed from the log-probs at the start of the step. ``outside=drop`` gives
    weight
    0 beyond the bounds (IcePop, masked importance sampling), while the denominators still count those tokens. The
    sampler's log-probs are normalized over the tokens that top-k and top-p keep. If they keep a share s of the
    probability mass, tokens have weight s.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"sampler_log_probs"})

    cap: Annotated[float, "largest weight; 2.0 in open-instruct, oat and verl's examples"] = 2.0
    floor: Annotated[float, "smallest weight; 0 is no bound"] = 0.0
    level: Annotated[Literal["token", "sequence"], "one ratio per token, or the product over the response"] = "token"
    outside: Annotated[Literal["truncate", "drop"], "a weight beyond the bounds is truncated, or becomes 0"] = (
        "truncate"
    )

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T), 1 where learner and sampler agree."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        gap = torch.where(rollouts.response_mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0)
        if self.level == "sequence":
            gap = gap.sum(dim=1, keepdim=True).expand_as(gap)
        ratio = gap.clamp(-20.0, 20.0).exp()
        if self.outside == "drop":
            return ratio.masked_fill((ratio > self.cap) | (ratio < self.floor), 0.0)
        return ratio.clamp(self.floor, self.cap)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that are out of range."""
        if not 0 <= self.floor < self.cap:
            yield f"floor and cap must satisfy 0 <= floor < cap, got floor={self.floor} and cap={self.cap}"

    def hints(self, setup: Setup) -> Iterator[str]:
        """Yield hints on the part of the weights that top-p and top-k cause."""
        if setup.top_p == 1 and not setup.top_k:
            return
        cuts = [f"top_p={setup.top_p:g}"] * (setup.top_p < 1) + [f"top_k={setup.top_k}"] * (setup.top_k > 0)
        yield (
            f"with {' and '.join(cuts)} its weights begin at the share of the mass that the cut leaves, and not at 1: "
            "mismatch/cut is that part of them, mismatch/engines the engines'"
        )
        if self.floor > 0:
            end = "lose their gradient" if self.outside == "drop" else f"are raised to {self.floor:g}"
            yield f"tokens of which the cut leaves less than floor={self.floor:g} {end}, however engines agree"
