"""Chamfer and Hausdorff against hand-computed values and the full distance matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark import metrics

COORDINATES = st.floats(-100, 100, allow_nan=False, width=32)


def clouds(count):
    return arrays(np.float64, (count, 3), elements=COORDINATES)


def square(shift):
    """The corners of a unit square, shifted along x."""
    return np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float) + np.array([shift, 0, 0])


def test_two_squares_by_hand():
    # Shifted by 2: the corners at x = 1 are 1 away, those at x = 0 are 2 away, and the other way round.
    a, b = square(0), square(2)
    assert metrics.chamfer(a, b) == (1 + 1 + 4 + 4) / 4 * 2
    assert metrics.chamfer(a, b, squared=False) == (1 + 1 + 2 + 2) / 4 * 2
    assert metrics.chamfer(a, b, squared=False, reduce="mean") == 1.5
    assert metrics.chamfer(a, b, reduce="max") == 2.5
    assert metrics.hausdorff(a, b) == 2
    # Shifted by 1 they share two corners.
    assert metrics.chamfer(a, square(1)) == 1
    assert metrics.hausdorff(a, square(1)) == 1


def test_direction_matters():
    partial, completion = np.zeros((1, 3)), np.array([[0, 0, 0], [3, 4, 0]], float)
    assert metrics.unidirectional_hausdorff(partial, completion) == 0
    assert metrics.unidirectional_hausdorff(completion, partial) == 5
    assert metrics.hausdorff(partial, completion) == 5
    assert metrics.chamfer(partial, completion, squared=False) == 2.5
    assert metrics.chamfer(partial, completion, squared=False, reduce="max") == 2.5


def test_percentile_is_the_larger_of_the_directed_ones():
    line = np.stack([np.arange(101.0), np.zeros(101), np.zeros(101)], axis=1)
    origin = np.zeros((1, 3))
    assert metrics.hausdorff(line, origin, percentile=95) == 95
    assert metrics.hausdorff(origin, line, percentile=95) == 95
    assert metrics.hausdorff(origin, line, percentile=95, directed=True) == 0


@settings(max_examples=50, deadline=None)
@given(clouds(7), clouds(5), st.sampled_from([50, 95, 100]))
def test_equals_the_full_distance_matrix(a, b, percentile):
    matrix = np.linalg.norm(a[:, None] - b[None], axis=-1)
    forth, back = matrix.min(axis=1), matrix.min(axis=0)
    assert float(metrics.chamfer(a, b)) == pytest.approx((forth**2).mean() + (back**2).mean(), abs=1e-9)
    expected = max(np.percentile(forth, percentile), np.percentile(back, percentile))
    assert float(metrics.hausdorff(a, b, percentile)) == pytest.approx(expected, abs=1e-9)
    assert float(metrics.unidirectional_hausdorff(a, b)) == pytest.approx(forth.max(), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(clouds(6), clouds(4), st.permutations(range(6)), arrays(np.float64, 3, elements=COORDINATES))
def test_symmetric_identical_permutation_and_translation_invariant(a, b, order, shift):
    assert metrics.chamfer(a, a) == 0
    assert metrics.hausdorff(a, a[list(order)]) == 0
    assert float(metrics.chamfer(a, b)) == pytest.approx(float(metrics.chamfer(b, a)), abs=1e-9)
    assert float(metrics.chamfer(a[list(order)], b)) == pytest.approx(float(metrics.chamfer(a, b)), abs=1e-9)
    assert float(metrics.hausdorff(a + shift, b + shift)) == pytest.approx(float(metrics.hausdorff(a, b)), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rigid_motion_and_scale(seed):
    """Turned, mirrored and moved together nothing changes; twice as large, squares are four times as large."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(70, 3)), rng.normal(size=(45, 3))
    turn, shift = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.normal(size=3)
    moved = a @ turn + shift, b @ turn + shift
    cd, hd95 = float(metrics.chamfer(a, b)), float(metrics.hausdorff(a, b, percentile=95))
    assert float(metrics.chamfer(*moved)) == pytest.approx(cd, rel=1e-12)
    assert float(metrics.hausdorff(*moved, percentile=95)) == pytest.approx(hd95, rel=1e-12)
    assert float(metrics.chamfer(2 * a, 2 * b)) == pytest.approx(4 * cd, rel=1e-15)
    assert float(metrics.hausdorff(2 * a, 2 * b, percentile=95)) == pytest.approx(2 * hd95, rel=1e-15)


@settings(max_examples=40, deadline=None)
@given(clouds(5), clouds(5), clouds(5))
def test_hausdorff_obeys_the_triangle_inequality(a, b, c):
    def h(p, q):
        return float(metrics.hausdorff(p, q))

    assert h(a, c) <= h(a, b) + h(b, c) + 1e-9


def test_far_from_the_origin_nothing_is_lost():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    near, far = float(metrics.chamfer(a, b)), float(metrics.chamfer(a + 1e4, b + 1e4))
    assert far == pytest.approx(near, rel=1e-9)
    assert far >= 0


def test_batches_and_torch():
    a = np.stack([square(0), square(0)])
    b = np.stack([square(2), square(1)])
    np.testing.assert_array_equal(metrics.chamfer(a, b), [5, 1])
    scored = metrics.hausdorff(torch.from_numpy(a).float().requires_grad_(), torch.from_numpy(b))
    assert isinstance(scored, torch.Tensor)
    assert scored.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("a", "b", "complaint"),
    [
        (np.zeros((0, 3)), np.zeros((2, 3)), "without points"),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), "finite"),
        (np.zeros((2, 2)), np.zeros((2, 3)), "shape"),
        (np.zeros((2, 4, 3)), np.zeros((3, 4, 3)), "batches differ"),
    ],
)
def test_bad_clouds_are_refused(a, b, complaint):
    with pytest.raises(ValueError, match=complaint):
        metrics.chamfer(a, b)
    with pytest.raises(ValueError, match=complaint):
        metrics.hausdorff(a, b)


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="reduce"):
        metrics.chamfer(square(0), square(1), reduce="median")
    with pytest.raises(ValueError, match="percentile"):
        metrics.hausdorff(square(0), square(1), percentile=101)
