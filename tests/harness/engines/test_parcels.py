"""Weights arrive as they were sent, in parts that fit."""

import pytest
import torch

from harness.engines.base.buckets import bucket_weights, unpack_bucket

WEIGHTS = {
    "matrix": torch.arange(12, dtype=torch.float32).view(3, 4),
    "half": torch.tensor([1.5, -2.25, 3e38], dtype=torch.bfloat16),
    "scalar": torch.tensor(7.0),
    "turned": torch.arange(6, dtype=torch.float32).view(2, 3).T,
    "none": torch.empty(0, 4),
}


@pytest.mark.parametrize("limit", [1, 48, 60, 10**9])
def test_tensors_arrive_bit_by_bit_in_order(limit):
    arrived = list(unpack_bucket(bucket_weights(WEIGHTS.items(), limit)))
    assert [name for name, _ in arrived] == list(WEIGHTS)
    for name, tensor in arrived:
        assert tensor.dtype == WEIGHTS[name].dtype
        assert tensor.shape == WEIGHTS[name].shape
        assert torch.equal(tensor, WEIGHTS[name])


def test_parcels_keep_the_limit_unless_one_tensor_is_larger():
    sizes = [[item.data.nbytes for item in parcel] for parcel in bucket_weights(WEIGHTS.items(), 30)]
    assert sizes == [[48], [6, 4], [24, 0]]


def test_what_arrived_is_a_copy():
    (parcel,) = bucket_weights(WEIGHTS.items())
    first = dict(unpack_bucket([parcel]))["matrix"]
    first.zero_()
    assert torch.equal(dict(unpack_bucket([parcel]))["matrix"], WEIGHTS["matrix"])


def test_nothing_makes_no_parcel():
    assert list(bucket_weights([])) == []
