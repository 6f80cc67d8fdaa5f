from __future__ import annotations

import pytest

from harness.engines.base.sampling import count_samples_at_once, split_prompts


@pytest.mark.parametrize("at_once", [1, 3, 4, 5, 8, 100])
def test_every_sample_is_decoded_once_beside_its_own_prompt(at_once: int) -> None:
    rows = []
    for some, samples in split_prompts(prompts=3, group_size=4, at_once=at_once):
        assert samples.stop - samples.start <= at_once
        assert range(some.start, some.stop) == range(samples.start // 4, (samples.stop - 1) // 4 + 1)
        rows += range(samples.start, samples.stop)
    assert rows == list(range(12))


def test_groups_stay_whole_where_they_fit() -> None:
    assert list(split_prompts(3, 4, 9)) == [(slice(0, 2), slice(0, 8)), (slice(2, 3), slice(8, 12))]


def test_cache_and_logits_bound_the_samples() -> None:
    assert count_samples_at_once(1000, 10, vocabulary=64) == 100
    assert count_samples_at_once(1 << 40, 10, vocabulary=1 << 17) == 512  # 256 MiB of logits of 4 bytes
    assert count_samples_at_once(5, 10, vocabulary=64) == 1
