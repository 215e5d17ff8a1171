"""The mixture of Gaussians against dense linear algebra: posterior mean, posterior error, responsibilities."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genmed.prior import StructurePrior

CELLS = 8
CERTAIN = torch.tensor([[0.0, -20.0]])


def _shapes(seed: int, centre: float, count: int = 400) -> Tensor:
    """Latents (N, 1, 2, 2, 2) with three strong directions and a little of everything else."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(3, CELLS, generator=generator) * torch.tensor([3.0, 2.0, 1.0])[:, None]
    rows = torch.randn(count, 3, generator=generator) @ directions + 0.1 * torch.randn(
        count, CELLS, generator=generator
    )
    return (rows + centre).reshape(count, 1, 2, 2, 2)


@pytest.fixture(scope="module")
def latents() -> tuple[Tensor, Tensor]:
    return _shapes(1, 2.0), _shapes(2, -1.0)


@pytest.fixture(scope="module")
def prior(latents: tuple[Tensor, Tensor]) -> StructurePrior:
    model = StructurePrior(2, 4, 1, 2)
    model.fit(torch.cat(latents), [0] * 400 + [1] * 400)
    return model


def _gaussian(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and the covariance that keeps four modes and evens out the rest."""
    rows = latents.flatten(1).double()
    variances, modes = torch.linalg.eigh(torch.cov(rows.T, correction=0))
    variances[:-4] = variances[:-4].mean()
    return rows.mean(0), modes @ torch.diag(variances) @ modes.T


def _level(angle: float) -> tuple[float, float, Tensor]:
    alpha, sigma = math.cos(angle), math.sin(angle)
    return alpha, sigma, torch.tensor([[alpha, sigma]])


@pytest.mark.parametrize("angle", [0.05, 0.6, 1.5])
def test_one_structure_is_answered_by_the_posterior_of_its_gaussian(
    prior: StructurePrior, latents: tuple[Tensor, Tensor], angle: float
) -> None:
    alpha, sigma, level = _level(angle)
    noisy = torch.randn(1, 1, 2, 2, 2, generator=torch.Generator().manual_seed(3))
    found = prior(noisy, level, CERTAIN)
    mean, covariance = _gaussian(latents[0])
    noisy_covariance = alpha**2 * covariance + sigma**2 * torch.eye(CELLS).double()
    gain = alpha * covariance @ torch.linalg.inv(noisy_covariance)
    expected = mean + gain @ (noisy.flatten().double() - alpha * mean)
    left = covariance - alpha * gain @ covariance
    # Modes are kept in bytes: a hundredth is what the rounding may turn them by.
    torch.testing.assert_close(found.shape.flatten().double(), expected, atol=0.03, rtol=0.02)
    torch.testing.assert_close(found.mean.flatten().double(), mean, atol=1e-4, rtol=1e-4)
    assert float(found.error) == pytest.approx(math.sqrt(float(left.trace()) / CELLS), rel=0.01)
    assert float(found.spread) == pytest.approx(math.sqrt(float(covariance.trace()) / CELLS), rel=0.01)


def test_without_a_text_the_noisy_latent_tells_the_structure(
    prior: StructurePrior, latents: tuple[Tensor, Tensor]
) -> None:
    alpha, sigma, level = _level(1.2)
    noisy = alpha * latents[1][:1] + sigma * torch.randn(1, 1, 2, 2, 2, generator=torch.Generator().manual_seed(5))
    found = prior(noisy, level, torch.tensor([[math.log(0.7), math.log(0.3)]]))
    answers, weights = [], []
    for chance, group in zip((0.7, 0.3), latents, strict=True):
        mean, covariance = _gaussian(group)
        seen = alpha**2 * covariance + sigma**2 * torch.eye(CELLS).double()
        off = noisy.flatten().double() - alpha * mean
        answers.append(mean + alpha * covariance @ torch.linalg.solve(seen, off))
        density = torch.distributions.MultivariateNormal(alpha * mean, seen).log_prob(noisy.flatten().double())
        weights.append(math.log(chance) + float(density))
    share = torch.softmax(torch.tensor(weights).double(), 0)
    assert 0.01 < float(share[0]) < 0.99  # else the case would not test the shares
    torch.testing.assert_close(
        found.shape.flatten().double(), share[0] * answers[0] + share[1] * answers[1], atol=0.05, rtol=0.05
    )


def test_a_text_that_rules_a_structure_out_is_believed(prior: StructurePrior, latents: tuple[Tensor, Tensor]) -> None:
    """Even where the noisy latent looks like the other structure."""
    _, _, level = _level(0.01)
    found = prior(latents[1][:1], level, CERTAIN)
    torch.testing.assert_close(found.mean.flatten(), latents[0].flatten(1).mean(0), atol=1e-4, rtol=1e-4)


def test_without_noise_the_latent_is_its_own_answer(prior: StructurePrior, latents: tuple[Tensor, Tensor]) -> None:
    found = prior(latents[0][:3], torch.tensor([[1.0, 0.0]]).expand(3, 2), CERTAIN.expand(3, 2))
    torch.testing.assert_close(found.shape, latents[0][:3], atol=0.05, rtol=0.02)
    assert float(found.error.max()) == 0


def test_rows_of_a_batch_do_not_meet(prior: StructurePrior, latents: tuple[Tensor, Tensor]) -> None:
    _, _, level = _level(0.7)
    noisy = torch.cat([latents[0][:2], latents[1][:1]])
    log_text = torch.tensor([[0.0, -20.0], [math.log(0.5), math.log(0.5)], [-20.0, 0.0]])
    together = prior(noisy, level.expand(3, 2), log_text)
    for index in range(3):
        alone = prior(noisy[index : index + 1], level, log_text[index : index + 1])
        torch.testing.assert_close(together.shape[index], alone.shape[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(together.error[index], alone.error[0])


def test_few_shapes_give_few_modes_and_one_shape_is_refused() -> None:
    model = StructurePrior(1, 4, 1, 2)
    model.fit(_shapes(4, 0.0, count=3), [0, 0, 0])
    assert int((model.mode_scale > 0).sum()) == 2
    torch.testing.assert_close(model.modes(0)[:2].norm(dim=1), torch.ones(2))
    with pytest.raises(ValueError, match="structure 0 has 1 training shapes"):
        model.fit(_shapes(4, 0.0, count=1), [0])
    with pytest.raises(ValueError, match="are equal"):
        model.fit(torch.ones(3, 1, 2, 2, 2), [0, 0, 0])
