"""Samplers: unguided, the published guidance, and ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genmed.bundle import Bundle
from genmed.diffusion import ancestral_step, renoise_step
from genmed.guidance import Evidence, Likelihood, published_loss
from genmed.minimise import minimise
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
        clean, _ = bundle.pair.denoiser(noisy, embedding.expand(batch, -1), level, given, prompt)
        return clean  # type: ignore[no-any-return]

    return estimate


def start_noise(bundle: Bundle, samples: int, generator: torch.Generator, device: str) -> Tensor:
    """Pure noise, drawn on the CPU so that every device starts from the same numbers."""
    sizes = bundle.config.denoiser
    return torch.randn(samples, sizes.latent_channels, *[sizes.latent_size] * 3, generator=generator).to(device)


@torch.no_grad()
def sample_unguided(bundle: Bundle, estimate: Estimate, noise: Tensor, generator: torch.Generator, stride: int = 1) -> Tensor:
    """Clean latents by ancestral sampling over every ``stride``-th time."""
    steps = list(range(bundle.schedule.steps - 1, -1, -stride))
    noisy = noise
    for step, following in zip(steps, [*steps[1:], -1], strict=True):
        noisy = ancestral_step(bundle.schedule, noisy, estimate(noisy, step), step, following, generator)
    return noisy


def sample_published(
    bundle: Bundle, estimate: Estimate, evidence: Evidence, noise: Tensor, generator: torch.Generator,
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
                loss = published_loss(evidence, bundle.decode(estimate(variable, step)))
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
    """Our sampler's choices; see :func:`sample_guided`.

    ``levels``: times visited, falling. ``evaluations``: of likelihood and gradient per level.
    ``radius``: longest move per evaluation, in units of ``alpha_t * spread * sqrt(n)``, the length of a
    typical departure from the mean. ``noise``: 0 starts at the mean of the noise, 1 at a draw of it.
    ``polish``: evaluations spent on the clean latent at the end, kept within ``detail`` per cell.
    """

    samples: int = 1
    levels: tuple[int, ...] = (47, 40, 32, 24, 16, 8)
    evaluations: int = 3
    radius: float = 6.0
    noise: float = 1.0
    eta: float = 0.0
    polish: int = 3
    detail: float = 0.05
    planes: Likelihood = field(default_factory=lambda: Likelihood(0.5, 0.01, 0.3))
    corrupted: Likelihood = field(default_factory=lambda: Likelihood(0.5, 0.05, 0.3))


def sample_guided(
    bundle: Bundle, estimate: Estimate, evidence: Evidence, noise: Tensor, generator: torch.Generator,
    settings: GuidedSettings,
) -> Tensor:  # fmt: skip
    """Posterior sampling by optimisation at a few noise levels.

    At time t the clean estimate of x_t + d, for small d, is x0_hat + J d, and J is the posterior
    covariance of x0 given x_t up to alpha / sigma^2 (Tweedie). So among the moves d the one that
    minimises ``misfit(decode(estimate(x_t + d))) + |d|^2 / (2 sigma_t^2)`` is close to the posterior
    mode of x0 given x_t *and* the observation: the denoiser carries what a plane says to the rest of
    the shape, and no move leaves what the denoiser can produce. Each level takes a few L-BFGS
    evaluations of that; at large t they decide the coarse shape, at small t the fine.
    """
    schedule, likelihood = bundle.schedule, settings.planes if evidence.planes else settings.corrupted
    noisy = settings.noise * noise
    for step, following in zip(settings.levels, [*settings.levels[1:], -1], strict=True):
        alpha, sigma = float(schedule.alpha[step]), float(schedule.sigma[step])
        anchor = noisy

        with torch.no_grad():
            expected = estimate(anchor, step)
        precision = alpha / sigma**2

        def objective(
            x: Tensor, anchor: Tensor = anchor, expected: Tensor = expected, step: int = step, precision: float = precision
        ) -> Tensor:
            clean = estimate(x, step)
            surprise = precision / 2 * ((x - anchor) * (clean - expected)).sum(dim=(1, 2, 3, 4))
            return likelihood.misfit(evidence, bundle.decode(clean)) + surprise

        moved = minimise(objective, anchor, settings.evaluations, settings.radius)
        with torch.no_grad():
            noisy = ancestral_step(schedule, moved, estimate(moved, step), step, following, generator, settings.eta)
    if settings.polish:
        clean = noisy

        def fit(z: Tensor) -> Tensor:
            drift = (z - clean).square().sum(dim=(1, 2, 3, 4)) / (2 * settings.detail**2)
            return likelihood.misfit(evidence, bundle.decode(z)) + drift

        noisy = minimise(fit, clean, settings.polish, settings.detail * noise[0].numel() ** 0.5 * 0.2)
    return noisy.detach()
