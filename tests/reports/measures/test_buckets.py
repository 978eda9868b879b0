"""Which distances share a bucket, what it is called, and where it is drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posharness_reports.measures.buckets import Buckets


def test_up_to_twelve_distances_stand_for_themselves() -> None:
    buckets = Buckets.of(np.array([12, 1, 16, 2, 8, 4, 4]))
    assert buckets.names == ("1", "2", "4", "8", "12", "16")
    assert buckets.positions.tolist() == [1, 2, 4, 8, 12, 16]
    assert buckets.longest == 16
    assert buckets.index(np.array([16, 1, 8])).tolist() == [5, 0, 3]


def test_more_distances_share_buckets_that_double() -> None:
    buckets = Buckets.of(np.array([0, 1, 2, 3, *range(8, 21)]))
    assert buckets.names == ("0", "1", "2–3", "8–15", "16–20")
    assert buckets.index(np.array([0, 1, 2, 3, 8, 15, 16, 20])).tolist() == [0, 1, 2, 2, 3, 3, 4, 4]
    assert buckets.positions[0] == 0.5
    assert buckets.positions[3] == np.sqrt(8 * 15)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_every_distance_has_a_bucket_and_every_bucket_a_distance(distances: list[int]) -> None:
    found = np.array(distances)
    buckets = Buckets.of(found)
    assert set(buckets.index(found)) == set(range(len(buckets)))
    assert (np.diff(buckets.positions) > 0).all()
    ends = [name.split("–") for name in buckets.names]
    for distance, index in zip(distances, buckets.index(found), strict=True):
        assert int(ends[index][0]) <= distance <= int(ends[index][-1])
