from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.engines.torch import low_memory as head
from harness.engines.torch.low_memory import Head, score_states

HEADS = {
    "plain": {},
    "biased": {"bias": True},
    "scaled": {"scale": 0.3},
    "capped": {"cap": 2.0},
    "all": {"bias": True, "scale": 1.7, "cap": 3.0},
}
every_head = pytest.mark.parametrize("kind", HEADS.values(), ids=HEADS)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def leaves(dtype: torch.dtype, bias: bool) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(50, 8), (37, 8), *([(37,)] if bias else [])]  # states, weight, bias
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes]


def plain(states: Any, weight: Any, bias: Any, scale: float, cap: float | None, temperature: float) -> Any:
    logits = (states @ weight.T + (0 if bias is None else bias)) * scale
    table = ((cap * torch.tanh(logits / cap) if cap else logits) / temperature).log_softmax(dim=-1)
    return table, -(table.exp() * table).sum(dim=-1)


@every_head
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_scores_and_gradients_are_those_of_whole_logits(
    dtype: torch.dtype, kind: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "HEAD_ELEMENTS", 37 * 7)  # seven tokens at a time, the last time one
    monkeypatch.setattr(head, "CACHED_ELEMENTS", 37 * 3)
    biased, scale, cap = kind.get("bias", False), kind.get("scale", 1.0), kind.get("cap")
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 37, (50,), generator=generator)
    first, second = torch.randn(2, 50, generator=generator, dtype=dtype)
    ours, theirs = leaves(dtype, biased), leaves(dtype, biased)
    bias = ours[2] if biased else None
    scores = score_states(ours[0], Head(ours[1], bias, scale, cap), ids, 0.7, entropy_grad=True)
    (scores.log_probs * first + scores.entropy * second).sum().backward()
    table, entropy = plain(theirs[0], theirs[1], theirs[2] if biased else None, scale, cap, 0.7)
    log_probs = table.gather(1, ids[:, None])[:, 0]
    (log_probs * first + entropy * second).sum().backward()
    near = {"atol": TOLERANCE[dtype], "rtol": TOLERANCE[dtype]}
    torch.testing.assert_close(scores.log_probs, log_probs, **near)
    torch.testing.assert_close(scores.entropy, entropy, **near)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, **near)


def test_entropy_carries_no_gradient_unless_asked() -> None:
    states, weight = leaves(torch.float32, bias=False)
    scores = score_states(states, Head(weight), torch.zeros(50, dtype=torch.int64), 1.0)
    assert scores.log_probs.requires_grad
    assert not scores.entropy.requires_grad


def test_half_precision_is_scored_in_float32_and_its_sums_are_kept_there(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.arange(50) % 37
    grads = []
    for elements in (37, 37 * 50):  # token by token, and all at once
        monkeypatch.setattr(head, "HEAD_ELEMENTS", elements)
        states, weight = leaves(torch.bfloat16, bias=False)
        scores = score_states(states, Head(weight), ids, 1.0)
        assert scores.log_probs.dtype == scores.entropy.dtype == torch.float32
        scores.log_probs.sum().backward()
        grads.append(weight.grad)
    assert grads[0].dtype == torch.bfloat16
    assert (grads[0] - grads[1]).norm() < 0.01 * grads[1].norm()
