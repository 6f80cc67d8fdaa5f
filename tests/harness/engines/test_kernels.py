from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

from harness.engines.qwen3.attention import normalize, swiglu


def states(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("grad", [True, False])
def test_normalize_is_rms_norm_without_a_weight(grad: bool) -> None:
    values = states(5, 3, 8)
    with torch.set_grad_enabled(grad):
        normed = normalize(values, torch.tensor(1e-6, dtype=torch.float64))
    torch.testing.assert_close(normed, functional.rms_norm(values, (8,), eps=1e-6))


def test_normalize_has_the_right_gradient() -> None:
    assert gradcheck(lambda values: normalize(values, torch.tensor(1e-3, dtype=torch.float64)), (states(4, 6),))


@pytest.mark.parametrize("grad", [True, False])
def test_swiglu_opens_the_second_half_by_the_first(grad: bool) -> None:
    values = states(5, 8)
    with torch.set_grad_enabled(grad):
        opened = swiglu(values)
    torch.testing.assert_close(opened, functional.silu(values[:, :4]) * values[:, 4:])


def test_swiglu_has_the_right_gradient() -> None:
    assert gradcheck(swiglu, (states(4, 6),))
