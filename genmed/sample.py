"""Samplers: unguided, the published guidance, and ours. Each answers what is asked of a pair, in model space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genmed.diffusion import ancestral_step, renoise_step
from genmed.guidance import Measurement, NoiseModel, NoiseModels, published_loss
from genmed.minimise import Objective, minimise
from genmed.pair import JointModel, Known, Sampled

Sampler = Callable[[JointModel, Known, int, torch.Generator, str], dict[str, Tensor]]
"""Model, what is known, number of samples, generator, device -> clean codes (samples, *shape) of the sampled parts."""


@torch.no_grad()
def sample_unguided(
    model: JointModel, known: Known, samples: int, generator: torch.Generator, device: str, stride: int = 1
) -> dict[str, Tensor]:
    """Ancestral sampling over every ``stride``-th time; no measurement is looked at."""
    parts, schedule = Sampled(model, known, samples, generator, device), model.schedule
    steps = list(range(schedule.steps - 1, -1, -stride))
    noisy = parts.noise
    for step, following in zip(steps, [*steps[1:], -1], strict=True):
        noisy = ancestral_step(schedule, noisy, parts.estimate(noisy, step), step, following, generator)
    return parts.split(noisy)


def sample_published(
    model: JointModel, known: Known, samples: int, generator: torch.Generator, device: str,
    every: int = 5, recurrences: int = 3,
) -> dict[str, Tensor]:  # fmt: skip
    """GenMed's sampler: universal guidance with a normalised unit step, every 5th step, 3 recurrences.

    At t = 45, 40, ..., 0 of T = 50: the loss of the decoded estimate is differentiated with respect to
    x_t, x_t moves by one unit against it, and twice of three times goes one step down and up again.
    Source: kanydao/GenMed ddpm/diffusion.py ``p_sample_loop_with_universal_guidance``.
    """
    parts, schedule = Sampled(model, known, samples, generator, device), model.schedule
    noisy = parts.noise
    for step in range(schedule.steps - 1, -1, -1):
        if step % every == 0 and known.measured:
            for repeat in range(recurrences):
                variable = noisy.detach().requires_grad_(True)
                decoded = parts.decode(parts.estimate(variable, step))
                losses = [published_loss(each, decoded[each.part]).sum() for each in known.measured]
                (gradient,) = torch.autograd.grad(losses, variable)
                noisy = noisy - gradient / (gradient.norm(dim=1, keepdim=True) + 1e-8)
                if repeat < recurrences - 1 and step > 0:
                    with torch.no_grad():
                        lower = ancestral_step(schedule, noisy, parts.estimate(noisy, step), step, step - 1, generator)
                    noisy = renoise_step(schedule, lower, step - 1, step, generator)
        with torch.no_grad():
            noisy = ancestral_step(schedule, noisy, parts.estimate(noisy, step), step, step - 1, generator)
    return parts.split(noisy.detach())


@dataclass(frozen=True)
class GuidedSettings:
    """Our sampler's choices, made on validation subjects; see :func:`sample_guided`.

    ``levels``: times visited, falling. ``evaluations``: of likelihood and gradient per level.
    ``radius``: longest move of the noisy codes per evaluation (the typical length of a shape's is 38).
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
    model: JointModel, known: Known, samples: int, generator: torch.Generator, device: str, settings: GuidedSettings
) -> dict[str, Tensor]:
    """Posterior optimisation at a few noise levels.

    To first order the clean estimate of x_t + d is x0_hat + J d, where J is the posterior covariance of
    x0 given x_t times alpha_t / sigma_t^2 (Tweedie's formula, second order). The move d that minimises

        -log p(measured | decode(estimate(x_t + d))) + alpha_t / (2 sigma_t^2) * d . (estimate(x_t + d) - estimate(x_t))

    therefore leads to the most probable x0 given x_t *and* the measurements: the second term is the
    Gaussian prior term of the move under that covariance. x holds all sampled parts, so what is read of one moves
    the others as the model relates them; the denoiser carries what a plane says to the rest of the shape, and no move
    leaves what it can produce. Each level takes a few L-BFGS evaluations and a deterministic step down; large t decide
    the coarse shape, small t the fine.
    """
    parts, schedule = Sampled(model, known, samples, generator, device), model.schedule
    terms = [(each, settings.noise_models.of(each)) for each in known.measured]
    noisy = settings.noise * parts.noise
    for step, following in zip(settings.levels, [*settings.levels[1:], -1], strict=True):
        precision = float(schedule.alpha[step] / schedule.sigma[step] ** 2)
        objective = _posterior(parts, terms, noisy, step, precision)
        moved = minimise(objective, noisy, settings.evaluations, settings.radius, leap=True)
        with torch.no_grad():
            noisy = ancestral_step(schedule, moved, parts.estimate(moved, step), step, following, None, eta=0.0)
    return parts.split(noisy.detach())


def _posterior(
    parts: Sampled, terms: list[tuple[Measurement, NoiseModel]], anchor: Tensor, step: int, precision: float
) -> Objective:
    """What :func:`sample_guided` minimises when it moves the noisy codes (B, N) away from ``anchor``."""
    with torch.no_grad():
        expected = parts.estimate(anchor, step)

    def objective(x: Tensor) -> Tensor:
        clean = parts.estimate(x, step)
        decoded = parts.decode(clean)
        value = precision / 2 * ((x - anchor) * (clean - expected)).sum(dim=1)
        for measurement, model in terms:
            value = value + model.negative_log_likelihood(measurement, decoded[measurement.part])
        return value

    return objective
