"""The batch that one policy update reads.

Shapes are (B samples, T response tokens) everywhere, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

_FLOAT, _BOOL, _INT = ("torch.float32", "torch.float64"), ("torch.bool",), ("torch.int64",)
_LAYOUT: Final = {
    "old_log_probs": ("BT", _FLOAT),
    "response_mask": ("BT", _BOOL),
    "rewards": ("B", _FLOAT),
    "group": ("B", _INT),
    "truncated": ("B", _BOOL),
    "sampler_log_probs": ("BT", _FLOAT),
    "ref_log_probs": ("BT", _FLOAT),
    "ended": ("B", _BOOL),
    "formatted": ("B", _BOOL),
}


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Sampled responses, right-padded to T tokens, with the verifier's rewards.

    All floating-point fields are float32, or all are float64. Padding may hold any value. Raises ValueError that names
    the invalid field.
    """

    old_log_probs: torch.Tensor  # (B, T), under the policy that starts this step
    response_mask: torch.Tensor  # (B, T) bool, True on sampled tokens
    rewards: torch.Tensor  # (B,)
    group: torch.Tensor  # (B,) int64, which prompt each sample answers
    truncated: torch.Tensor  # (B,) bool, stopped by the length limit (the engine's finish reason)
    sampler_log_probs: torch.Tensor | None = None  # (B, T), as the sampler computed them
    ref_log_probs: torch.Tensor | None = None  # (B, T), under the reference model
    ended: torch.Tensor | None = None  # (B,) bool, the last token is EOS
    formatted: torch.Tensor | None = None  # (B,) bool, the response has an answer in the requested format
    max_response_length: int | None = None  # tokens, the limit during sampling

    def __post_init__(self) -> None:
        """Check shapes, dtypes and values once at construction; no hook checks them again."""
        if self.response_mask.dim() != 2 or not len(self.response_mask):
            shape = tuple(self.response_mask.shape)
            raise ValueError(f"Rollouts.response_mask is {shape}, expected (B, T) with B > 0; draw at least one sample")
        size = dict(zip("BT", self.response_mask.shape, strict=True))
        for name, (axes, dtypes) in _LAYOUT.items():
            if (tensor := getattr(self, name)) is not None:
                _refuse_layout(f"Rollouts.{name}", tensor, tuple(size[axis] for axis in axes), dtypes)
        self._refuse_mixture()
        self._refuse_numbers()

    def _refuse_mixture(self) -> None:
        for name, (_, dtypes) in _LAYOUT.items():
            tensor, wanted = getattr(self, name), self.old_log_probs.dtype
            if dtypes is _FLOAT and tensor is not None and tensor.dtype != wanted:
                raise ValueError(f"Rollouts.{name} is {tensor.dtype}, old_log_probs is {wanted}; give both one type")

    def _refuse_numbers(self) -> None:
        wrong = (~self.rewards.isfinite()).nonzero().flatten().tolist()
        if wrong:
            raise ValueError(
                f"Rollouts.rewards[{wrong[0]}] is {self.rewards[wrong[0]].item()}, one of {len(wrong)} that are no "
                "numbers; score the sample or leave it out of the batch"
            )
        for name in ("old_log_probs", "sampler_log_probs", "ref_log_probs"):
            values = getattr(self, name)
            if values is None or values.masked_fill(~self.response_mask, 0).sum().isfinite():
                continue
            for row, column in (self.response_mask & ~values.isfinite()).nonzero().tolist():
                raise ValueError(
                    f"Rollouts.{name}[{row}, {column}] is {values[row, column].item()} on a sampled token; "
                    "compute it again or mask the token"
                )


@dataclass(frozen=True, slots=True)
class Signal:
    """The inputs of the loss for each sample, computed once per step without gradient."""

    advantages: torch.Tensor  # (B, 1), or (B, T) where they differ within a response
    response_mask: torch.Tensor  # (B, T) bool, tokens of the loss; False on filtered samples
    sampled_mask: torch.Tensor  # (B, T) bool, filtered samples included
    old_log_probs: torch.Tensor  # (B, T)
    group: torch.Tensor  # (B,) int64
    token_weights: torch.Tensor | None = None  # (B, T), multiplied with the surrogate
    ref_log_probs: torch.Tensor | None = None  # (B, T)
    sampler_log_probs: torch.Tensor | None = None  # (B, T), for surrogates that measure from the sampler
    max_response_length: int | None = None  # tokens
    counted: torch.Tensor | None = None  # (B, T) bool, the denominators' tokens, where they differ from the loss's
    rollout_samples: int | None = None  # of the whole rollout, before any split into updates
    rollout_tokens: int | None = None  # sampled tokens of the whole rollout, filtered samples included
    rollout_kept_tokens: int | None = None  # tokens of its denominators

    def __getitem__(self, rows: slice | Tensor) -> Signal:
        """Return the signal of the selected samples, for a minibatch or a micro-batch."""
        return Signal(**{field.name: _rows(getattr(self, field.name), rows) for field in fields(self)})


@dataclass(frozen=True, slots=True)
class Setup:
    """The static facts about a run that a trick may depend on."""

    group_size: int
    prompts_per_batch: int
    updates_per_rollout: int
    max_response_length: int
    top_p: float = 1.0  # of the training sampler; 1 cuts nothing
    top_k: int = 0  # of the training sampler; 0 cuts nothing


def select_samples(rollouts: Rollouts, rows: Tensor) -> Rollouts:
    """Return the selected samples in the given order."""
    return Rollouts(**{field.name: _rows(getattr(rollouts, field.name), rows) for field in fields(rollouts)})


def _rows(value: Any, rows: slice | Tensor) -> Any:
    return value[rows] if isinstance(value, torch.Tensor) else value


def _refuse_layout(place: str, tensor: Tensor, shape: tuple[int, ...], dtypes: tuple[str, ...]) -> None:
    if tensor.shape != shape or str(tensor.dtype) not in dtypes:
        given, wanted = f"{tensor.dtype} {tuple(tensor.shape)}", " or ".join(dtypes)
        half = tensor.dtype in (torch.float16, torch.bfloat16)
        way_out = "; ratios of half-precision log-probs are noise, so compute them in float32" if half else ""
        raise ValueError(f"{place} is {given}, expected {wanted} {shape}{way_out}")
