"""The compiled nearest-neighbour search against all pairs in numpy, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.clouds.pairs import nearest_squared, nearest_squared_both_ways
from benchmark.metrics.clouds.trees import LEAF, build_trees


def all_pairs(a, b):
    """The definition: direct differences, squares summed in the order x, y, z, in the precision of the input."""
    d = a[:, None, :] - b[None, :, :]
    squared = (d[..., 0] * d[..., 0] + d[..., 1] * d[..., 1]) + d[..., 2] * d[..., 2]
    return squared.min(axis=1), squared.min(axis=0)


def cloud(rng, count, kind):
    points = rng.normal(size=(count, 3))
    if kind == "flat":
        points[:, 2] = 0
    elif kind == "line":
        points[:, 1:] = 0
    elif kind == "lattice":
        points = np.round(points * 2) / 2
    elif kind == "point":
        points[:] = points[0]
    elif kind == "outlier":
        points[-1] = 1e4
    return points


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 300),
    st.sampled_from(["ball", "flat", "line", "lattice", "point", "outlier"]), st.sampled_from([0.0, 1.0, 500.0]),
    st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
def test_equals_all_pairs_bit_for_bit(seed, p, q, kind, offset, dtype):
    rng = np.random.default_rng(seed)
    a, b = (np.asarray(cloud(rng, n, kind) + offset, dtype=dtype) for n in (p, q))
    forth, back = nearest_squared_both_ways(a, b)
    wanted_forth, wanted_back = all_pairs(a, b)
    assert forth.dtype == back.dtype == dtype
    np.testing.assert_array_equal(forth, wanted_forth)
    np.testing.assert_array_equal(back, wanted_back)
    np.testing.assert_array_equal(nearest_squared(a, b), wanted_forth)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 64, 65, 1000, 2048])
def test_trees_keep_every_point_once_in_boxes_that_hold_it(count):
    points = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
    trees = build_trees([points, points[:1]])
    leaves = -(-count // LEAF)
    assert trees.first.tolist() == [0, leaves, leaves + 1]
    assert trees.count.tolist() == [count, 1]
    assert sorted(trees.order[:count]) == list(range(count))
    np.testing.assert_array_equal(trees.xyz[:, : leaves * LEAF].T, points[trees.order[: leaves * LEAF]])
    np.testing.assert_array_equal(trees.order[count : leaves * LEAF], trees.order[count - 1])
    for leaf in range(leaves):
        own = trees.xyz[:, leaf * LEAF : (leaf + 1) * LEAF]
        np.testing.assert_array_equal(trees.low[:, leaf], own.min(axis=1))
        np.testing.assert_array_equal(trees.high[:, leaf], own.max(axis=1))


def test_leaves_are_small():
    """A k-d order is worth its name: 64 leaves of a unit cube are far smaller than the cube."""
    points = np.random.default_rng(0).random((2048, 3)).astype(np.float32)
    trees = build_trees([points])
    assert (trees.high - trees.low).max() < 0.5


def test_many_equal_coordinates_do_not_hang_or_lose_points():
    points = np.zeros((5000, 3), np.float32)
    points[::2, 0] = 1
    trees = build_trees([points])
    assert sorted(trees.order[:5000]) == list(range(5000))


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_a_leaf_just_closer_than_the_best_so_far_is_looked_up(gap):
    """Thirty-two points with a near centre and thirty-two whose one corner is closer by next to nothing."""
    near = np.stack([-(1 + gap) - np.arange(LEAF) / LEAF, np.zeros(LEAF), np.zeros(LEAF)], axis=1)
    far = np.stack([1 + np.arange(LEAF) / 4, np.zeros(LEAF), np.zeros(LEAF)], axis=1)
    query = np.zeros((1, 3))
    assert nearest_squared(query, np.concatenate([near, far])).tolist() == [1.0]
    assert nearest_squared(query, np.concatenate([near, far]).astype(np.float64) * [-1, 1, 1]).tolist() == [1.0]
