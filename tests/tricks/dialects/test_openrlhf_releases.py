"""OpenRLHF's refusals by release, and the values of unwritten settings, beside the recorded numbers."""

from __future__ import annotations

import pytest

from tests.tricks.dialects.spoken import rule
from tricks.aggregation import SequenceMean, TokenMean
from tricks.api import TrickError
from tricks.dialects.build import find_dialect


@pytest.mark.parametrize(
    ("release", "tricks", "words"),
    [
        ("0.5.9", {"group_norm": {}}, "has no group norm before 0.6.0.*choose rloo with token_whitening"),
        ("0.6.3", {"group_mean": {}}, "whitens what the group mean leaves.*choose group_mean with token_whitening"),
        ("0.8.4", {"rloo": {}}, "whitens after rloo.*choose rloo with token_whitening"),
        ("0.8.5", {"rloo": {}, "token_whitening": {}}, "does not whiten after rloo"),
        ("0.6.4", {"group_norm": {}, "kl_loss": {}, "token_mean": {}}, "KL of packed samples without a gradient"),
        ("0.7.1", {"group_norm": {}, "kl_loss": {}}, "averages the KL over responses and the loss over tokens"),
        ("0.7.3", {"group_norm": {}, "kl_loss": {}}, "stops at the first training step with a KL loss"),
        ("0.8.1", {"group_norm": {}, "clip_higher": {}}, "has one distance for both ends"),
        ("0.8.5", {"group_norm": {}, "dual_clip": {}}, "has no such choice"),
        ("0.8.7", {"group_norm": {}, "gspo": {}}, "has the PPO loss alone"),
        ("0.8.8", {"group_norm": {}, "gspo": {}, "sequence_mean": {}}, "averages over the tokens of a micro-batch"),
        ("0.8.10", {"group_norm": {}, "gspo": {}, "truncated_is": {}}, "GSPO's ratio to the sampler's"),
        ("0.9.2", {"group_norm": {}, "truncated_is": {"level": "sequence"}}, "weights of tokens alone before 0.9.3"),
        ("0.11.1", {"group_norm": {}, "sequence_mean": {}}, "averages over tokens alone"),
        ("0.11.1", {"batch_mean": {}}, "subtracts the mean of the batch only over tokens"),
        ("0.11.0", {"group_norm": {}, "kl_loss": {"gradient": "k2"}}, "own gradient alone before 0.11.1"),
        ("0.11.2", {"group_norm": {}, "kl_loss": {}, "kl_to_go": {}}, "either from the reward or as a loss"),
    ],
)
def test_what_a_release_cannot_express_is_refused_with_the_reason(release, tricks, words):
    with pytest.raises(TrickError, match=f"openrlhf.*{words}"):
        rule(f"openrlhf@{release}", **tricks)


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("0.8.9", (2.0, 0.0, "truncate")),
        ("0.9.1", (5.0, 0.5, "truncate")),
        ("0.11.1", (5.0, 0.5, "truncate")),
        ("0.11.2", (5.0, 0.5, "drop")),
    ],
)
def test_bounds_that_nobody_writes_are_those_of_the_release(release, found):
    weights = rule(f"openrlhf@{release}", group_norm={}, truncated_is={}).tricks["truncated_is"]
    assert (weights.cap, weights.floor, weights.outside) == found


@pytest.mark.parametrize(
    ("release", "becomes"),
    [
        ("0.6.4", SequenceMean(scope="micro_batch")),
        ("0.7.0", TokenMean(scope="micro_batch")),
        ("0.10.3", TokenMean(scope="micro_batch")),
        ("0.10.4", TokenMean()),
        ("0.11.2", TokenMean()),
    ],
)
def test_the_mean_that_nobody_chooses_is_that_of_the_release(release, becomes):
    assert rule(f"openrlhf@{release}", group_norm={}).fillers["loss_weights"] == becomes


def test_every_release_but_a_post_release_is_known_in_order():
    known = [release for release in find_dialect("openrlhf").known_releases if "post" not in release]
    assert len(known) == 43
    assert known == sorted(known, key=lambda release: tuple(map(int, release.split("."))))
