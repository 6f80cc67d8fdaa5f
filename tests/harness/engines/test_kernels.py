from __future__ import annotations

import torch
from torch.autograd import gradcheck
from torch.nn import functional

from harness.engines.kernels import normalize, swiglu


def states(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def test_normalize_is_rms_norm_without_a_weight() -> None:
    values = states(5, 3, 8)
    torch.testing.assert_close(normalize(values, 1e-6), functional.rms_norm(values, (8,), eps=1e-6))


def test_normalize_has_the_right_gradient() -> None:
    assert gradcheck(lambda values: normalize(values, 1e-3), (states(4, 6),))


def test_swiglu_opens_the_second_half_by_the_first() -> None:
    values = states(5, 8)
    torch.testing.assert_close(swiglu(values), functional.silu(values[:, :4]) * values[:, 4:])


def test_swiglu_has_the_right_gradient() -> None:
    assert gradcheck(swiglu, (states(4, 6),))
