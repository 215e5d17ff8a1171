"""The denoiser: a transformer over the tokens of a pair (shape latent, text embedding).

Each part of the pair has its own noise level, so one network holds the joint P(shape, text), both
conditionals and both marginals (UniDiffuser, Bao et al. 2023): a part without noise is given, a part
that is all noise is unknown.

The network predicts the clean shape, not the noise: shapes lie near a manifold of few dimensions,
noise does not, so a narrow transformer over large patches is enough (Li and He 2025). It corrects
what a Gaussian of the structure the text names expects (``prior.py``), in units of that expectation's
error: untrained, the denoiser is the ideal one for Gaussian shapes, and training bends it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genmed.autoencoder import depth_to_space, space_to_depth
from genmed.prior import Expectation, StructurePrior


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes.

    ``patch``: edge, in latent cells, of the cube one token stands for. ``structures``: the categories
    of the training data, sorted; set when training starts. ``modes``: of the Gaussian of each.
    ``condition_channels`` > 0 adds a prompt volume as input (the input-conditioned baseline).
    """

    latent_channels: int = 8
    latent_size: int = 8
    patch: int = 4
    width: int = 256
    depth: int = 6
    heads: int = 4
    text_dim: int = 64
    structures: tuple[str, ...] = ()
    modes: int = 32
    condition_channels: int = 0


class Block(nn.Module):
    """Transformer block with time-modulated normalisation (DiT, Peebles and Xie 2023)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)
        self.modulation = nn.Parameter(torch.randn(6, width) / width**0.5)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """``x`` (B, N, W), ``time`` (B, 6, W) shared by all blocks -> (B, N, W)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = (time + self.modulation).unsqueeze(2).unbind(1)
        h = F.layer_norm(x, x.shape[-1:]) * (1 + scale1) + shift1
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.attention_in(h).chunk(3, -1)
        )
        # Written out: with this few tokens it is several times faster on a CPU than the fused kernel.
        weights = torch.softmax(query @ key.transpose(2, 3) * query.shape[-1] ** -0.5, dim=-1)
        attended = (weights @ value).transpose(1, 2).flatten(2)
        x = x + gate1 * self.attention_out(attended)
        h = F.layer_norm(x, x.shape[-1:]) * (1 + scale2) + shift2
        change: Tensor = gate2 * self.mlp_out(F.gelu(self.mlp_in(h), approximate="tanh"))
        return x + change


@dataclass(frozen=True)
class PairEstimate:
    """What the denoiser makes of a noisy pair.

    ``shape`` (B, C, n, n, n) and ``text`` (B, D) are the clean estimates, ``log_structure`` (B, S) the
    log-probability of every structure by the text, ``expected`` what the prior alone made of the shape.
    """

    shape: Tensor
    text: Tensor
    log_structure: Tensor
    expected: Expectation


class Denoiser(nn.Module):
    """Estimates the clean pair from a noisy one.

    ``forward`` takes the noisy shape latent (B, C, n, n, n), the noisy text embedding (B, D) and both
    noise levels as (alpha, sigma) columns (B, 2).

    Raises:
        ValueError: when the configuration names no structures.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        if not config.structures:
            raise ValueError("a denoiser needs the names of its structures; training takes them from the data")
        count = len(config.structures)
        self.config = config
        cells = (config.latent_size // config.patch) ** 3
        token = config.latent_channels * config.patch**3
        width = config.width
        self.prior = StructurePrior(count, config.modes, config.latent_channels, config.latent_size)
        self.structure = nn.Linear(config.text_dim, count)
        self.shape_in = nn.Linear(2 * token, width)
        self.text_in = nn.Linear(config.text_dim, width)
        self.position = nn.Parameter(torch.randn(cells + 1, width) * 0.02)
        self.time = nn.Sequential(nn.Linear(4 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.depth))
        self.shape_out = nn.Linear(width, token)
        self.text_out = nn.Linear(width, config.text_dim)
        self.condition_in: nn.Module | None = None
        if config.condition_channels:
            self.condition_in = _PromptStem(config.condition_channels, width, config.latent_size // config.patch)
        for layer in (self.shape_out, self.text_out, self.structure):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, shape: Tensor, text: Tensor, shape_level: Tensor, text_level: Tensor, condition: Tensor | None = None
    ) -> PairEstimate:
        """See the class."""
        alpha, sigma = text_level[:, :1], text_level[:, 1:]
        # The linear discriminant of prototypes seen through noise; the constant is the spread of wordings.
        log_structure = torch.log_softmax(self.structure(text * alpha / (sigma**2 + 0.1)).float(), dim=1)
        with torch.autocast(shape.device.type, enabled=False):
            expected = self.prior(shape.float(), shape_level, log_structure.detach())
            tokens = self._tokens(shape.float(), shape_level, expected)
        change, text_change = self._transform(tokens, text, shape_level, text_level, condition)
        corrected = expected.shape + _per_cell(expected.error) * change
        return PairEstimate(corrected, alpha * text + sigma * text_change, log_structure, expected)

    def _tokens(self, shape: Tensor, level: Tensor, expected: Expectation) -> Tensor:
        """(B, N, 2 C patch^3): the expected departure from the mean, and what it leaves of x_t; both about 1."""
        alpha, sigma = _per_cell(level[:, 0]), _per_cell(level[:, 1])
        departure = (expected.shape - expected.mean) / _per_cell(expected.spread)
        deviation = (sigma**2 + (alpha * _per_cell(expected.error)) ** 2).sqrt().clamp(1e-4)
        left = (shape - alpha * expected.shape) / deviation
        both = torch.cat([departure, left], dim=1)
        return space_to_depth(both, self.config.patch).flatten(2).transpose(1, 2)

    def _transform(
        self, tokens: Tensor, text: Tensor, shape_level: Tensor, text_level: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        x = torch.cat([self.shape_in(tokens), self.text_in(text)[:, None]], dim=1) + self.position
        if self.condition_in is not None:
            if condition is None:
                raise ValueError("this denoiser was built with a prompt as input; give it one")
            prompt = self.condition_in(condition).flatten(2).transpose(1, 2)
            x = x + F.pad(prompt, (0, 0, 0, 1))
        time = self.time(torch.cat([_embed(shape_level), _embed(text_level)], dim=1)).unflatten(1, (6, -1))
        for block in self.blocks:
            x = block(x, time)
        x = F.layer_norm(x, x.shape[-1:])
        edge = self.config.latent_size // self.config.patch
        cells = self.shape_out(x[:, :-1]).transpose(1, 2).unflatten(2, (edge, edge, edge))
        return depth_to_space(cells, self.config.patch), self.text_out(x[:, -1])


def _per_cell(value: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1, 1)."""
    return value.reshape(-1, 1, 1, 1, 1)


_FREQUENCIES = 32


def _embed(level: Tensor) -> Tensor:
    """(B, 2) alpha, sigma -> (B, 2 * 32) sines and cosines of the noise angle atan2(sigma, alpha)."""
    angle = torch.atan2(level[:, 1], level[:, 0])[:, None] * (2 / math.pi)
    frequencies = torch.exp(torch.linspace(0, math.log(100.0), _FREQUENCIES, device=level.device)).to(level.dtype)
    return torch.cat([torch.sin(angle * frequencies), torch.cos(angle * frequencies)], dim=1)


class _PromptStem(nn.Module):
    """(B, channels, 64, 64, 64) prompt of any number type -> (B, width, edge, edge, edge).

    Patches of 8, then stride-2 convolutions as in the published model, which concatenates the result
    to the latent; here it is added to the tokens.
    """

    def __init__(self, channels: int, width: int, edge: int, features: int = 112) -> None:
        super().__init__()
        self.patches = nn.Conv3d(channels, features, 8, stride=8)
        layers: list[nn.Module] = []
        size = 64 // 8
        while size > edge:
            size //= 2
            layers += [nn.SiLU(), nn.Conv3d(features, width if size == edge else features, 3, stride=2, padding=1)]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, prompt: Tensor) -> Tensor:
        """One cast straight to the working precision: prompts are large and hold three values."""
        device = prompt.device.type
        working = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.patches.weight.dtype
        features: Tensor = self.convolutions(self.patches(prompt.to(working)))
        return features
