"""A pair of vectors that are jointly Gaussian: every question about it has an answer in closed form."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from genmed.codecs import Identity
from genmed.diffusion import Schedule, cosine_schedule
from genmed.pair import Codes, Pair

SIZES = {"x": 3, "y": 2}


class GaussianPair:
    """x (3,) and y (2,), mean and covariance drawn once (implements ``JointModel``); the denoiser is exact."""

    def __init__(self, steps: int = 50) -> None:
        rng = torch.Generator().manual_seed(0)
        n = sum(SIZES.values())
        factor = torch.randn(n, n, generator=rng, dtype=torch.float64)
        self.covariance = factor @ factor.T / n + 0.05 * torch.eye(n, dtype=torch.float64)
        self.mean = torch.randn(n, generator=rng, dtype=torch.float64)
        self._steps = steps

    @cached_property
    def schedule(self) -> Schedule:
        """The cosine schedule."""
        return cosine_schedule(self._steps)

    @cached_property
    def pair(self) -> Pair:
        """Vectors as they are, y in other units."""
        return Pair({"x": Identity((3,)), "y": Identity((2,), scale=2.0, offset=1.0)})

    def estimate(self, noisy: Codes, levels: Codes) -> Codes:
        """E[x0, y0 | x_t, y_t], every part at its own level; all entries of a batch at the same."""
        alpha, sigma = (
            torch.cat([levels[name][0, column].double().expand(size) for name, size in SIZES.items()])
            for column in (0, 1)
        )
        seen = torch.cat([noisy["x"], noisy["y"]], dim=1).double()
        reading = alpha[:, None] * self.covariance * alpha + torch.diag(sigma**2)
        gain = torch.linalg.solve(reading, alpha[:, None] * self.covariance).T
        clean = (self.mean + (seen - alpha * self.mean) @ gain.T).to(noisy["x"].dtype)
        return {"x": clean[:, :3], "y": clean[:, 3:]}

    def conditional(self, of: str, given: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and covariance of one part given the other."""
        rows = {"x": slice(0, 3), "y": slice(3, 5)}
        one, other = rows[of], rows["y" if of == "x" else "x"]
        gain = cast("Tensor", torch.linalg.solve(self.covariance[other, other], self.covariance[other, one])).T
        mean = self.mean[one] + gain @ (given.double() - self.mean[other])
        return mean, self.covariance[one, one] - gain @ self.covariance[other, one]
