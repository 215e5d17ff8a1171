"""Samplers: unguided, the published guidance, and ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genmed.bundle import Bundle
from genmed.denoiser import PairEstimate
from genmed.diffusion import ancestral_step, renoise_step
from genmed.guidance import Measurement, NoiseModel, NoiseModels, published_loss
from genmed.minimise import Objective, minimise
from genmed.pair import GIVEN, level_of

Estimate = Callable[[Tensor, int], Tensor]
"""Noisy shape latents (B, C, n, n, n) at a time index -> clean estimate."""


def shape_given_text(bundle: Bundle, embedding: Tensor, condition: Tensor | None = None) -> Estimate:
    """The denoiser with the text part given; ``embedding`` is (1, D)."""

    def estimate(noisy: Tensor, step: int) -> Tensor:
        batch = len(noisy)
        level = level_of(bundle.schedule, step, batch, noisy.device)
        given = level_of(bundle.schedule, GIVEN, batch, noisy.device)
        prompt = None if condition is None else condition.expand(batch, *condition.shape[1:])
        pair: PairEstimate = bundle.pair.denoiser(noisy, embedding.expand(batch, -1), level, given, prompt)
        return pair.shape

    return estimate


def start_noise(bundle: Bundle, samples: int, generator: torch.Generator, device: str) -> Tensor:
    """Pure noise, drawn on the CPU so that every device starts from the same numbers."""
    sizes = bundle.config.denoiser
    return torch.randn(samples, sizes.latent_channels, *[sizes.latent_size] * 3, generator=generator).to(device)


@torch.no_grad()
def sample_unguided(
    bundle: Bundle, estimate: Estimate, noise: Tensor, generator: torch.Generator, stride: int = 1
) -> Tensor:
    """Clean latents by ancestral sampling over every ``stride``-th time."""
    steps = list(range(bundle.schedule.steps - 1, -1, -stride))
    noisy = noise
    for step, following in zip(steps, [*steps[1:], -1], strict=True):
        noisy = ancestral_step(bundle.schedule, noisy, estimate(noisy, step), step, following, generator)
    return noisy


def sample_published(
    bundle: Bundle, estimate: Estimate, measurement: Measurement, noise: Tensor, generator: torch.Generator,
    every: int = 5, recurrences: int = 3,
) -> Tensor:  # fmt: skip
    """GenMed's sampler: universal guidance with a normalised unit step, every 5th step, 3 recurrences.

    At t = 45, 40, ..., 0 of T = 50: the loss of the decoded estimate is differentiated with respect to
    x_t, x_t moves by one unit against it, and twice of three times goes one step down and up again.
    Source: kanydao/GenMed ddpm/diffusion.py ``p_sample_loop_with_universal_guidance``.
    """
    schedule, noisy = bundle.schedule, noise
    for step in range(schedule.steps - 1, -1, -1):
        if step % every == 0:
            for repeat in range(recurrences):
                variable = noisy.detach().requires_grad_(True)
                loss = published_loss(measurement, bundle.decode(estimate(variable, step)))
                (gradient,) = torch.autograd.grad(loss.sum(), variable)
                norm = gradient.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1, 1)
                noisy = noisy - gradient / (norm + 1e-8)
                if repeat < recurrences - 1 and step > 0:
                    with torch.no_grad():
                        lower = ancestral_step(schedule, noisy, estimate(noisy, step), step, step - 1, generator)
                    noisy = renoise_step(schedule, lower, step - 1, step, generator)
        with torch.no_grad():
            noisy = ancestral_step(schedule, noisy, estimate(noisy, step), step, step - 1, generator)
    return noisy.detach()


@dataclass(frozen=True)
class GuidedSettings:
    """Our sampler's choices, made on validation subjects; see :func:`sample_guided`.

    ``levels``: times visited, falling. ``evaluations``: of likelihood and gradient per level.
    ``radius``: longest move of the noisy latent per evaluation (a latent's typical length is 38).
    ``noise``: 0 starts at the mean of the noise and gives the most probable completion, 1 starts at a
    draw of it and gives a sample. ``samples``: completions whose SDFs are averaged.
    """

    samples: int = 1
    levels: tuple[int, ...] = (49, 44, 36, 26, 16, 8)
    evaluations: int = 2
    radius: float = 6.0
    noise: float = 0.0
    noise_models: NoiseModels = field(default_factory=NoiseModels)


def sample_guided(
    bundle: Bundle, estimate: Estimate, measurement: Measurement, noise: Tensor, settings: GuidedSettings
) -> Tensor:
    """Posterior optimisation at a few noise levels, (B, C, n, n, n) clean latents.

    To first order the clean estimate of x_t + d is x0_hat + J d, where J is the posterior covariance of
    x0 given x_t times alpha_t / sigma_t^2 (Tweedie's formula, second order). The move d that minimises

        -log p(observed | decode(estimate(x_t + d))) + alpha_t / (2 sigma_t^2) * d . (estimate(x_t + d) - estimate(x_t))

    therefore leads to the most probable x0 given x_t *and* the observation: the second term is the
    Gaussian prior term of the move under that covariance. The denoiser carries what a plane says to the
    rest of the shape, and no move leaves what the denoiser can produce. Each level takes a few L-BFGS
    evaluations and a deterministic step down; large t decide the coarse shape, small t the fine.
    """
    schedule, model = bundle.schedule, settings.noise_models.of(measurement)
    noisy = settings.noise * noise
    for step, following in zip(settings.levels, [*settings.levels[1:], -1], strict=True):
        objective = _posterior(bundle, estimate, measurement, model, noisy, step)
        moved = minimise(objective, noisy, settings.evaluations, settings.radius, leap=True)
        with torch.no_grad():
            noisy = ancestral_step(schedule, moved, estimate(moved, step), step, following, None, eta=0.0)
    return noisy.detach()


def _posterior(
    bundle: Bundle, estimate: Estimate, measurement: Measurement, model: NoiseModel, anchor: Tensor, step: int
) -> Objective:
    """What :func:`sample_guided` minimises when it moves the noisy latents (B, ...) away from ``anchor``."""
    precision = float(bundle.schedule.alpha[step] / bundle.schedule.sigma[step] ** 2)
    with torch.no_grad():
        expected = estimate(anchor, step)

    def objective(x: Tensor) -> Tensor:
        clean = estimate(x, step)
        prior = precision / 2 * ((x - anchor) * (clean - expected)).sum(dim=(1, 2, 3, 4))
        return model.negative_log_likelihood(measurement, bundle.decode(clean)) + prior

    return objective
