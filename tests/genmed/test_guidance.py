"""Losses against hand-computed values, and their gradients against finite differences."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from benchmark.contract import Observation, Space
from benchmark.observations import AveragePool, Planes
from benchmark.spaces import SDF
from benchmark.tasks.shape_completion.prompts import observe
from genmed.guidance import Distances, Labels, Measurement, NoiseModels, published_loss


def _ball(radius: float = 16.0) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(64)] * 3, indexing="ij")) - 31.5
    return np.clip((np.linalg.norm(index, axis=0) - radius) / 32, -0.2, 0.2).astype(np.float32)


def test_published_plane_loss_is_the_mean_of_wrong_signs() -> None:
    measurement = Measurement.of(observe("oneplane", _ball(), 0), "cpu")
    plane = int(measurement.mask.sum())
    n_inside = int(measurement.inside.sum())
    assert plane == 64 * 64
    assert 0 < n_inside < plane
    everywhere_outside = torch.full((2, 64, 64, 64), 0.1)
    torch.testing.assert_close(
        published_loss(measurement, everywhere_outside), torch.full((2,), 0.1 * n_inside / plane)
    )
    everywhere_inside = torch.full((1, 64, 64, 64), -0.2)
    expected = torch.full((1,), 0.2 * (plane - n_inside) / plane)
    torch.testing.assert_close(published_loss(measurement, everywhere_inside), expected)
    assert float(published_loss(measurement, torch.from_numpy(_ball())[None])) == 0


def test_published_corrupted_loss_is_the_mean_square() -> None:
    observation = observe("broken", _ball(), 3)
    measurement = Measurement.of(observation, "cpu")
    loss = published_loss(measurement, torch.from_numpy(observation.value)[None] + 0.05)
    assert float(loss) == pytest.approx(0.0025, rel=1e-4)


def test_likelihood_of_one_voxel_is_the_logistic_and_outliers_bound_it() -> None:
    everywhere = torch.ones(1, 1, 1, dtype=torch.bool)
    measurement = Measurement(
        "shape", lambda x: torch.sigmoid(-64 * x), torch.zeros(1, 1, 1), everywhere, True, "occupancy"
    )
    decoded = torch.tensor([-1.0, 1.0, -50.0]).reshape(3, 1, 1, 1) / 32  # one voxel inside, outside; far inside
    plain = Labels(softness=0.5, outliers=0.0, weight=2.0).negative_log_likelihood(measurement, decoded)
    assert float(plain[0]) == pytest.approx(2 * math.log(1 + math.exp(2)), rel=1e-5)
    assert float(plain[1]) == pytest.approx(2 * math.log(1 + math.exp(-2)), rel=1e-5)
    robust = Labels(softness=0.5, outliers=0.1, weight=1.0).negative_log_likelihood(measurement, decoded)
    assert float(robust[2]) == pytest.approx(-math.log(0.05), rel=1e-4)


def test_only_observed_voxels_pull() -> None:
    measurement = Measurement.of(observe("triplane", _ball(), 0), "cpu")
    decoded = torch.full((1, 64, 64, 64), 0.01, requires_grad=True)
    Labels().negative_log_likelihood(measurement, decoded).sum().backward()
    assert decoded.grad is not None
    torch.testing.assert_close(decoded.grad[0] != 0, measurement.mask)


def test_unknown_kinds_are_refused() -> None:
    observation = observe("oneplane", _ball(), 0)
    odd = dataclasses.replace(observation, space=Space("points", "float32"))
    with pytest.raises(ValueError, match="kind 'points'"):
        Measurement.of(odd, "cpu")


def _pooled(sdf: np.ndarray, factor: int = 4) -> Observation:
    """What a scanner of a quarter of the resolution reads, without error."""
    blocks = sdf.reshape(*(part for size in sdf.shape for part in (size // factor, factor)))
    value = blocks.mean(axis=(1, 3, 5), dtype=np.float64).astype(np.float32)
    return Observation("shape", AveragePool(factor), value, np.ones(value.shape, bool), True, SDF)


def test_values_that_are_right_are_gaussian_around_what_the_operator_reads() -> None:
    measurement = Measurement.of(_pooled(_ball()), "cpu")
    model = NoiseModels().of(measurement)
    assert isinstance(model, Distances)
    assert float(model.negative_log_likelihood(measurement, torch.from_numpy(_ball())[None])) < 1e-6
    moved = torch.from_numpy(_ball()).clone()
    moved[28:32, 28:32, 28:32] = 0.0  # one cube in the middle, where the ball reads the truncation
    depth_voxels = 0.2 * 32
    expected = 0.5 * (depth_voxels / model.spread) ** 2
    assert float(model.negative_log_likelihood(measurement, moved[None])) == pytest.approx(expected, rel=1e-4)


def test_of_a_damaged_distance_only_the_sign_is_believed() -> None:
    measurement = Measurement.of(observe("broken", _ball(), 0), "cpu")
    assert NoiseModels().of(measurement) == NoiseModels().damaged_labels
    assert NoiseModels().of(Measurement.of(observe("oneplane", _ball(), 0), "cpu")) == NoiseModels().exact_labels


@pytest.mark.parametrize("make", [lambda s: observe("triplane", s, 0), lambda s: observe("broken", s, 1), _pooled])
def test_gradients_through_operators_are_those_of_finite_differences(make) -> None:
    measurement = Measurement.of(make(_ball()), "cpu")
    measurement = dataclasses.replace(measurement, value=measurement.value.double())
    model = NoiseModels().of(measurement)
    rng = torch.Generator().manual_seed(0)
    decoded = torch.from_numpy(_ball())[None].double() + 0.02 * torch.randn(1, 64, 64, 64, generator=rng).double()
    decoded = decoded.clamp(-0.19, 0.19).requires_grad_()  # the corner of the truncation has no derivative
    step = torch.randn(1, 64, 64, 64, generator=rng).double()
    (gradient,) = torch.autograd.grad(model.negative_log_likelihood(measurement, decoded).sum(), decoded)
    with torch.no_grad():
        ends = [model.negative_log_likelihood(measurement, decoded + h * step) for h in (1e-7, -1e-7)]
    assert float((gradient * step).sum()) == pytest.approx(float(ends[0] - ends[1]) / 2e-7, rel=1e-3)


def test_log_odds_reach_deeper_than_single_precision_probabilities() -> None:
    """A voxel 16 voxels deep on the wrong side still pulls; its probability in float32 is exactly 1."""
    operator = Planes(((32,), (), ()))
    wrong = torch.full((1, 64, 64, 64), -0.5, requires_grad=True)
    assert float(operator(wrong)[0, 32, 0, 0]) == 1.0
    outside = np.full((64, 64, 64), 0.2, np.float32)
    measurement = Measurement.of(observe("oneplane", outside, 0), "cpu")
    Labels().negative_log_likelihood(measurement, wrong).sum().backward()
    assert wrong.grad is not None
    torch.testing.assert_close(wrong.grad[0, 32], torch.full((64, 64), -32 / 0.5), rtol=1e-4, atol=0)
