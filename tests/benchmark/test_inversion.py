"""The smoothest part that reads as observed, against numpy and dense linear algebra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.contract import Observation, Space
from benchmark.observations import AveragePool, Compose, Crop, Identity, Planes, Slices
from benchmark.observations.inversion import SMOOTHNESS, smoothest

SHAPE = (8, 8, 16)


def seen(operator, image, mask=None):
    value = operator(torch.from_numpy(image)).numpy()
    mask = np.ones(value.shape, bool) if mask is None else mask
    return Observation("image", operator, np.where(mask, value, 0), mask, True, Space("image", "float32", value.shape))


def image(seed=0):
    return np.random.default_rng(seed).normal(50, 10, SHAPE).astype(np.float32)


def test_what_was_read_whole_stays():
    np.testing.assert_allclose(smoothest(seen(Identity(), image()), SHAPE), image(), atol=0.3)


def test_slices_are_interpolated_linearly():
    z = np.arange(16, dtype=np.float32)
    truth = np.broadcast_to(3 * z, SHAPE).copy()
    found = smoothest(seen(Slices(2, (2, 8, 13)), truth), SHAPE)
    np.testing.assert_allclose(found, np.broadcast_to(np.interp(z, (2, 8, 13), (6, 24, 39)), SHAPE), atol=0.1)


def test_low_resolution_reads_the_same_again():
    observed = seen(AveragePool(4), image())
    found = smoothest(observed, SHAPE)
    again = AveragePool(4)(torch.from_numpy(found)).numpy()
    assert np.abs(again - observed.value).max() < 0.5
    assert np.abs(np.diff(found, axis=2)).max() < np.abs(np.diff(observed.value, axis=2)).max()


def test_it_is_the_minimum_of_what_it_says():
    """A composed operator with a mask, small enough to be solved as a dense system."""
    shape = (4, 4, 4)
    operator = Compose((Crop((0, 0, 0), (4, 4, 2)), AveragePool(2)))
    truth = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    mask = np.array([True, True, False, True]).reshape(2, 2, 1)
    found = smoothest(seen(operator, truth, mask), shape, 500)
    unit = np.eye(64, dtype=np.float32).reshape(64, *shape)
    rows = operator(torch.from_numpy(unit)).numpy().reshape(64, -1).T[mask.ravel()]
    index = np.arange(64).reshape(shape)
    pairs = [(index.take(range(3), axis).ravel(), index.take(range(1, 4), axis).ravel()) for axis in range(3)]
    steps = np.concatenate([np.eye(64)[b] - np.eye(64)[a] for a, b in pairs])
    wanted = operator(torch.from_numpy(truth)).numpy().ravel()[mask.ravel()]
    exact = np.linalg.solve(rows.T @ rows + SMOOTHNESS * steps.T @ steps, rows.T @ wanted)
    np.testing.assert_allclose(found.ravel(), exact, atol=2e-3)


@dataclass(frozen=True)
class Thirds:
    """An operator of a user: every third slice, and half of it."""

    def __call__(self, part):
        return 0.5 * part[..., ::3]

    def declared(self):
        return {"operator": "thirds"}


def test_an_operator_nobody_knows_is_undone_too():
    truth = np.broadcast_to(np.linspace(0, 10, 16, dtype=np.float32), SHAPE).copy()
    np.testing.assert_allclose(smoothest(seen(Thirds(), truth), SHAPE), truth, atol=0.2)


def test_same_bytes_and_refusals():
    observed = seen(Slices(2, (1, 9)), image())
    assert smoothest(observed, SHAPE).tobytes() == smoothest(observed, SHAPE).tobytes()
    with pytest.raises(ValueError, match="not linear"):
        smoothest(seen(Planes(((1,), (), ())), image()), SHAPE)


def test_it_may_be_asked_for_without_gradients():
    observed = seen(Slices(2, (2, 8, 13)), image())
    with torch.no_grad():
        found = smoothest(observed, SHAPE)
    np.testing.assert_array_equal(found, smoothest(observed, SHAPE))
