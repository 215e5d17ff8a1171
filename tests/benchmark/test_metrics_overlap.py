"""Dice against values computed by hand, and its edge rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays

from benchmark import metrics

MASKS = arrays(bool, (5, 4, 3))


def test_two_squares_one_voxel_apart():
    first, second = np.zeros((8, 8, 1), bool), np.zeros((8, 8, 1), bool)
    first[2:6, 2:6], second[3:7, 2:6] = True, True
    assert metrics.dice(first, second) == 2 * 12 / (16 + 16)
    second[:] = False
    second[3:7, 3:7] = True
    assert metrics.dice(first, second) == 2 * 9 / 32


def test_inside_of_an_sdf_is_strictly_negative():
    sdf = np.array([-0.1, 0.0, 0.1, -1e-7], np.float32)
    assert metrics.dice(sdf, np.array([1, 0, 0, 1]), sdf=True) == 1
    assert metrics.dice(sdf, np.array([1, 1, 0, 1]), sdf=True) == pytest.approx(4 / 5)


@pytest.mark.parametrize(("empty", "expected"), [("nan", np.nan), (0, 0.0), (1, 1.0)])
def test_empty_rules(empty, expected):
    nothing, something = np.zeros(4, bool), np.array([True, False, False, False])
    np.testing.assert_equal(float(metrics.dice(nothing, nothing, empty=empty)), expected)
    assert metrics.dice(nothing, something, empty=empty) == 0
    assert metrics.dice(something, nothing, empty=empty) == 0


def test_batches_and_torch():
    first = np.array([[1, 1, 0], [0, 0, 0]], bool)
    second = np.array([[1, 0, 0], [1, 0, 0]], bool)
    np.testing.assert_array_equal(metrics.dice(first, second, batched=True), [2 / 3, 0])
    scored = metrics.dice(torch.from_numpy(first), torch.from_numpy(second), batched=True)
    assert isinstance(scored, torch.Tensor)
    assert scored.tolist() == [2 / 3, 0]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="shapes differ"):
        metrics.dice(np.zeros(3, bool), np.zeros(4, bool))
    with pytest.raises(ValueError, match="NaN"):
        metrics.dice(np.array([np.nan, 1.0]), np.array([1, 0]), sdf=True)


@given(MASKS, MASKS)
def test_symmetric_bounded_and_one_only_for_equals(first, second):
    value = float(metrics.dice(first, second, empty=1))
    assert value == float(metrics.dice(second, first, empty=1))
    assert 0 <= value <= 1
    assert (value == 1) == np.array_equal(first, second)


@given(MASKS, MASKS)
def test_equals_the_sets_of_voxels(first, second):
    a, b = {tuple(v) for v in np.argwhere(first)}, {tuple(v) for v in np.argwhere(second)}
    if a or b:
        assert float(metrics.dice(first, second)) == pytest.approx(2 * len(a & b) / (len(a) + len(b)))
