"""An update on responses of 8,192 tokens stays within 4 GB, whatever the length or the vocabulary would ask for."""

from __future__ import annotations

import pytest

from tests.benchmarks.long_context import LENGTH, LIMIT_GB, run


# Attention weights of a layer, kept whole, would take 3.2 GB; all logits of the one response 5.0 GB.
@pytest.mark.parametrize(
    ("model", "responses"),
    [("small", 1), *(pytest.param(*case, marks=pytest.mark.slow) for case in (("small", 3), ("wide", 1)))],
)
def test_an_update_on_long_responses_fits_in_memory(model: str, responses: int) -> None:
    found = run(model, "update", responses)
    assert found["tokens"] == responses * LENGTH
    assert found["start_gb"] <= found["peak_gb"] < LIMIT_GB  # equal where reading the model took more
