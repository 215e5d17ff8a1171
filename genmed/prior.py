"""What is known of a shape before any network is trained: a Gaussian of few modes for every structure.

A mixture of probabilistic principal component analysers (Tipping and Bishop 1999), one per structure.
For a Gaussian the ideal denoiser has a closed form, the Wiener filter: every mode of variance w keeps
the share alpha^2 w / (alpha^2 w + sigma^2) of what the noisy latent says about it. The denoiser's
network learns only what this leaves over, the curvature of the distribution, and in units of what
this leaves over, so that thin bones and thick ones, and every noise level, count alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RULED_OUT = math.log(1e-3)
"""A structure less likely than this by the text is no candidate, whatever the noisy latent looks like."""


@dataclass(frozen=True)
class Expectation:
    """The mixture's answer for a batch of noisy latents.

    ``shape`` (B, C, n, n, n) is E[x0 | x_t], ``mean`` the mean of the structure it is taken for.
    ``spread`` (B,) is the root-mean-square departure of that structure's latents from their mean, and
    ``error`` (B,) the expected root-mean-square error of ``shape``, both per latent cell.
    """

    shape: Tensor
    mean: Tensor
    spread: Tensor
    error: Tensor


@dataclass(frozen=True)
class _Component:
    """One structure's answer for some rows: variances are per latent cell."""

    shape: Tensor
    log_density: Tensor
    variance: Tensor
    error: Tensor


class StructurePrior(nn.Module):
    """The mixture: means (S, D), modes (S, K, D), their standard deviations (S, K), and the rest's (S,).

    D = C n^3. Modes are kept in one byte per entry, as 127ths of the largest, and scaled to unit length
    by ``mode_scale`` (S, K); the rounding turns them by a few hundredths of a radian. Everything is set
    by :meth:`fit`; nothing here is learnt by gradient.
    """

    def __init__(self, structures: int, modes: int, channels: int, size: int) -> None:
        super().__init__()
        cells = channels * size**3
        self.register_buffer("mean", torch.zeros(structures, cells))
        self.register_buffer("mode_bytes", torch.zeros(structures, modes, cells, dtype=torch.int8))
        self.register_buffer("mode_scale", torch.zeros(structures, modes))
        self.register_buffer("mode_deviation", torch.ones(structures, modes))
        self.register_buffer("rest_deviation", torch.ones(structures))

    mean: Tensor
    mode_bytes: Tensor
    mode_scale: Tensor
    mode_deviation: Tensor
    rest_deviation: Tensor

    @torch.no_grad()
    def fit(self, latents: Tensor, structures: Sequence[int]) -> None:
        """Set every component from the latents (N, C, n, n, n) of its structure; ``structures`` are (N,) indices.

        A structure of fewer shapes than modes gets as many modes as it has shapes, less one.

        Raises:
            ValueError: for a structure with fewer than two shapes, or whose shapes are all alike.
        """
        labels = torch.as_tensor(structures)
        for index in range(len(self.mean)):
            rows = latents[labels == index].flatten(1).float()
            if len(rows) < 2:
                raise ValueError(f"structure {index} has {len(rows)} training shapes; two are the fewest to fit it")
            self._fit_one(index, rows)

    def _fit_one(self, index: int, rows: Tensor) -> None:
        mean = rows.mean(dim=0)
        departures = rows - mean
        # Of N shapes there are at most N - 1 modes; the N x N products give them at little cost.
        products = (departures @ departures.T).double() / len(rows)
        variances, combinations = torch.linalg.eigh(products)
        total = float(products.trace())
        if total <= 0:
            raise ValueError(f"all training shapes of structure {index} are equal")
        count = min(self.mode_bytes.shape[1], len(rows) - 1)
        variances, combinations = variances.flip(0)[:count], combinations.flip(1)[:, :count]
        count = int((variances > 1e-9 * total).sum())
        variances = variances[:count]
        modes = (departures.T.double() @ combinations[:, :count]).T
        modes = modes / modes.norm(dim=1, keepdim=True)
        rest = max(total - float(variances.sum()), 1e-6 * total) / (rows.shape[1] - count)
        steps = modes.abs().amax(dim=1, keepdim=True) / 127
        whole = torch.round(modes / steps)
        self.mean[index] = mean
        self.rest_deviation[index] = math.sqrt(rest)
        self.mode_bytes[index] = 0
        self.mode_bytes[index, :count] = whole.to(torch.int8)
        self.mode_scale[index] = 0
        self.mode_scale[index, :count] = whole.norm(dim=1).reciprocal()
        self.mode_deviation[index] = math.sqrt(rest)
        self.mode_deviation[index, :count] = variances.sqrt()

    def modes(self, structure: int) -> Tensor:
        """(K, D) modes of one structure, of unit length; unused ones are zero."""
        return self.mode_bytes[structure].float() * self.mode_scale[structure][:, None]

    def forward(self, noisy: Tensor, level: Tensor, log_text: Tensor) -> Expectation:
        """The mixture's expectation of x0.

        Args:
            noisy: (B, C, n, n, n) latents x_t.
            level: (B, 2) alpha and sigma.
            log_text: (B, S) log-probability of every structure by the text alone.
        """
        flat = noisy.flatten(1)
        candidates = log_text > RULED_OUT
        candidates = candidates | (log_text == log_text.amax(dim=1, keepdim=True))
        parts = []
        log_density = torch.full_like(log_text, -math.inf)
        for structure in range(len(self.mean)):
            rows = candidates[:, structure].nonzero()[:, 0]
            if len(rows):
                part = self._component(flat[rows], level[rows], structure)
                log_density = log_density.index_put(
                    (rows, torch.tensor(structure, device=rows.device)), part.log_density
                )
                parts.append((structure, rows, part))
        share = torch.softmax(log_text.float() + log_density, dim=1)
        shape, mean = torch.zeros_like(flat), torch.zeros_like(flat)
        square_spread, square_error = flat.new_zeros(len(flat)), flat.new_zeros(len(flat))
        for structure, rows, part in parts:
            mine = share[rows, structure]
            shape = shape.index_add(0, rows, mine[:, None] * part.shape)
            mean = mean.index_add(0, rows, mine[:, None] * self.mean[structure])
            square_spread = square_spread.index_add(0, rows, mine * part.variance)
            square_error = square_error.index_add(0, rows, mine * part.error)
        return Expectation(
            shape.view_as(noisy), mean.view_as(noisy), square_spread.sqrt(), square_error.sqrt(),
        )  # fmt: skip

    def _component(self, flat: Tensor, level: Tensor, structure: int) -> _Component:
        """Wiener filter, its expected error, and the log-density of x_t up to a constant, of one structure."""
        alpha, sigma = level[:, :1].float(), level[:, 1:].float()
        modes, cells = self.modes(structure), flat.shape[1]
        variance = self.mode_deviation[structure].square()
        rest = self.rest_deviation[structure].square()
        centred = flat - alpha * self.mean[structure]
        along = centred @ modes.T
        noisy_variance, noisy_rest = alpha**2 * variance + sigma**2, alpha**2 * rest + sigma**2
        gain, rest_gain = alpha * variance / noisy_variance, alpha * rest / noisy_rest
        shape = self.mean[structure] + rest_gain * centred + (along * (gain - rest_gain)) @ modes
        left = cells - len(modes)  # an unused mode is zero and counts as one direction of the rest
        off = centred.square().sum(dim=1) - along.square().sum(dim=1)
        log_density = -0.5 * (
            (along.square() / noisy_variance + noisy_variance.log()).sum(dim=1)
            + off / noisy_rest[:, 0] + left * noisy_rest[:, 0].log()
        )  # fmt: skip
        error = (variance * sigma**2 / noisy_variance).sum(dim=1) + left * (rest * sigma**2 / noisy_rest)[:, 0]
        total = (variance.sum() + left * rest) / cells
        return _Component(shape, log_density, total.expand(len(flat)), error / cells)
