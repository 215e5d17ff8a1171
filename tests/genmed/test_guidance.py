"""Losses against hand-computed values, and the samplers on a model whose posterior is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.observations import observe
from genmed.diffusion import cosine_schedule
from genmed.guidance import Evidence, Likelihood, published_loss
from genmed.sample import GuidedSettings, sample_guided


def _ball(radius: float = 16.0) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(64)] * 3, indexing="ij")) - 31.5
    return np.clip((np.linalg.norm(index, axis=0) - radius) / 32, -0.2, 0.2).astype(np.float32)


def test_published_plane_loss_is_the_mean_of_wrong_signs() -> None:
    evidence = Evidence.of(observe("oneplane", _ball(), 0), "cpu")
    plane = int(evidence.observed.sum())
    n_inside = int((evidence.inside & evidence.observed).sum())
    assert plane == 64 * 64
    assert 0 < n_inside < plane
    everywhere_outside = torch.full((2, 64, 64, 64), 0.1)
    torch.testing.assert_close(published_loss(evidence, everywhere_outside), torch.full((2,), 0.1 * n_inside / plane))
    everywhere_inside = torch.full((1, 64, 64, 64), -0.2)
    expected = torch.full((1,), 0.2 * (plane - n_inside) / plane)
    torch.testing.assert_close(published_loss(evidence, everywhere_inside), expected)
    assert float(published_loss(evidence, torch.from_numpy(_ball())[None])) == 0


def test_published_corrupted_loss_is_the_mean_square() -> None:
    observation = observe("broken", _ball(), 3)
    evidence = Evidence.of(observation, "cpu")
    loss = published_loss(evidence, torch.from_numpy(observation.value)[None] + 0.05)
    assert float(loss) == pytest.approx(0.0025, rel=1e-4)


def test_likelihood_of_one_voxel_is_the_logistic_and_outliers_bound_it() -> None:
    evidence = Evidence(torch.zeros(1, 1, 1), torch.ones(1, 1, 1, dtype=torch.bool), planes=True)  # seen outside
    decoded = torch.tensor([-1.0, 1.0, -50.0]).reshape(3, 1, 1, 1) / 32  # one voxel inside, outside; far inside
    plain = Likelihood(softness=0.5, outliers=0.0, weight=2.0).misfit(evidence, decoded)
    assert float(plain[0]) == pytest.approx(2 * math.log(1 + math.exp(2)), rel=1e-5)
    assert float(plain[1]) == pytest.approx(2 * math.log(1 + math.exp(-2)), rel=1e-5)
    robust = Likelihood(softness=0.5, outliers=0.1, weight=1.0).misfit(evidence, decoded)
    assert float(robust[2]) == pytest.approx(-math.log(0.05), rel=1e-4)


def test_only_observed_voxels_pull() -> None:
    evidence = Evidence.of(observe("triplane", _ball(), 0), "cpu")
    decoded = torch.full((1, 64, 64, 64), 0.01, requires_grad=True)
    Likelihood().misfit(evidence, decoded).sum().backward()
    assert decoded.grad is not None
    torch.testing.assert_close(decoded.grad[0] != 0, evidence.observed)


def test_unknown_kinds_are_refused() -> None:
    observation = observe("oneplane", _ball(), 0)
    odd = type(observation)(**{**observation.__dict__, "kind": "text"})
    with pytest.raises(ValueError, match="kind 'text'"):
        Evidence.of(odd, "cpu")


def test_posterior_optimisation_finds_the_gaussian_posterior() -> None:
    """On Gaussian data with a linear decoder the posterior mode is known in closed form."""
    torch.manual_seed(0)
    n, schedule = 6, cosine_schedule(50)
    factor = torch.randn(n, n, dtype=torch.float64)
    covariance = factor @ factor.T + 0.1 * torch.eye(n, dtype=torch.float64)
    read = torch.randn(3, n, dtype=torch.float64)
    seen = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def estimate(noisy: Tensor, step: int) -> Tensor:
        """Exact E[x0 | x_t] for x0 ~ N(0, covariance)."""
        alpha, sigma = schedule.alpha[step], schedule.sigma[step]
        gain = alpha * covariance @ torch.linalg.inv(alpha**2 * covariance + sigma**2 * torch.eye(n).double())
        return (noisy.reshape(-1, n) @ gain.T).reshape(noisy.shape)

    class Reads:
        """0.5 |read x - seen|^2 / 0.01 instead of a likelihood of SDFs."""

        def misfit(self, _evidence: object, decoded: Tensor) -> Tensor:
            return 50.0 * (decoded.reshape(-1, n) @ read.T - seen).square().sum(1)

    bundle = SimpleNamespace(schedule=schedule, decode=lambda latent: latent)
    settings = GuidedSettings(levels=(49,), evaluations=60, radius=50.0, planes=Reads())  # type: ignore[arg-type]
    start = torch.zeros(1, n, 1, 1, 1, dtype=torch.float64)
    found = sample_guided(bundle, estimate, SimpleNamespace(planes=True), start, settings)  # type: ignore[arg-type]
    alpha, sigma = schedule.alpha[49], schedule.sigma[49]
    # x0 given x_49 = 0 is N(0, given); then the usual conditioning on a linear reading.
    given = torch.linalg.inv(torch.linalg.inv(covariance) + (alpha / sigma) ** 2 * torch.eye(n).double())
    gain = given @ read.T @ torch.linalg.inv(read @ given @ read.T + 0.01 * torch.eye(3).double())
    torch.testing.assert_close(found.flatten(), gain @ seen, atol=1e-2, rtol=1e-2)
