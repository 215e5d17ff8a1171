"""Forward process, schedule and step rules of the diffusion, as pure functions of tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Schedule:
    """``x_t = alpha[t] * x_0 + sigma[t] * noise`` for t = 0 .. T-1, ``alpha**2 + sigma**2 = 1``.

    ``alpha`` and ``sigma`` are (T,) float64 tensors on the CPU; t = T-1 is almost pure noise.
    """

    alpha: Tensor
    sigma: Tensor

    @property
    def steps(self) -> int:
        """T."""
        return len(self.alpha)


def cosine_schedule(steps: int = 50, offset: float = 0.008, largest_beta: float = 0.999) -> Schedule:
    """Cosine schedule of Nichol and Dhariwal (2021), with GenMed's T = 50."""
    grid = torch.arange(steps + 1, dtype=torch.float64) / steps
    cumulative = torch.cos((grid + offset) / (1 + offset) * math.pi / 2) ** 2
    beta = (1 - cumulative[1:] / cumulative[:-1]).clamp(max=largest_beta)
    alpha_bar = torch.cumprod(1 - beta, dim=0)
    return Schedule(alpha_bar.sqrt(), (1 - alpha_bar).sqrt())


def add_noise(clean: Tensor, noise: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """``alpha * clean + sigma * noise``; alpha and sigma are (B,) or scalars."""
    return _spread(alpha, clean) * clean + _spread(sigma, clean) * noise


def implied_noise(noisy: Tensor, clean: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """The noise that takes ``clean`` to ``noisy``."""
    return (noisy - _spread(alpha, noisy) * clean) / _spread(sigma, noisy)


def ancestral_step(
    schedule: Schedule,
    noisy: Tensor,
    clean: Tensor,
    step: int,
    to: int,
    generator: torch.Generator | None,
    eta: float = 1.0,
) -> Tensor:
    """One step from time ``step`` down to time ``to`` given the clean estimate (``to = -1`` returns the estimate).

    ``eta`` = 1 is DDPM's ancestral sampling, 0 is deterministic DDIM (Song et al. 2021, eq. 12 and 16).
    """
    if to < 0:
        return clean
    alpha, sigma = schedule.alpha[step], schedule.sigma[step]
    alpha_to, sigma_to = schedule.alpha[to], schedule.sigma[to]
    noise = (noisy - float(alpha) * clean) / float(sigma)
    spread = float(eta * (sigma_to / sigma) * torch.sqrt((1 - (alpha / alpha_to) ** 2).clamp(min=0)))
    direction = math.sqrt(max(float(sigma_to) ** 2 - spread**2, 0.0))
    result = float(alpha_to) * clean + direction * noise
    if spread > 0:
        result = result + spread * torch.randn(noisy.shape, generator=generator).to(noisy)
    return result


def renoise_step(schedule: Schedule, noisy: Tensor, step: int, to: int, generator: torch.Generator | None) -> Tensor:
    """Forward diffusion from time ``step`` up to time ``to > step`` (``step = -1`` means clean)."""
    alpha = 1.0 if step < 0 else float(schedule.alpha[step])
    ratio = float(schedule.alpha[to]) / alpha
    spread = math.sqrt(max(1 - ratio**2, 0.0)) if step >= 0 else float(schedule.sigma[to])
    return ratio * noisy + spread * torch.randn(noisy.shape, generator=generator).to(noisy)


def _spread(value: Tensor, like: Tensor) -> Tensor:
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return value if value.ndim == 0 else value.reshape(-1, *([1] * (like.ndim - 1)))
