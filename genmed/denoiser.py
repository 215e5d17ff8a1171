"""The denoiser: a transformer over the tokens of a pair (shape latent, text embedding).

Each part of the pair has its own noise level, so one network holds the joint P(shape, text), both
conditionals and both marginals (UniDiffuser, Bao et al. 2023): a part without noise is given, a part
that is all noise is unknown.

The network predicts the clean shape, not the noise: shapes lie near a manifold of few dimensions,
noise does not, so a narrow transformer over large patches is enough (Li and He 2025). It predicts
the departure from a mean that depends on the text, so with nothing but noise to go on the answer is
the mean shape of the structure; at low noise the input passes through as the best linear estimate
of detail off the manifold would (Karras et al. 2022, for detail ~ N(0, detail^2)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genmed.autoencoder import depth_to_space, space_to_depth


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes.

    ``patch``: edge, in latent cells, of the cube one token stands for. ``detail``: standard deviation
    (of latents normalised to 1) of what the transformer need not explain and passes through at low
    noise. ``condition_channels`` > 0 adds a prompt volume as input (the input-conditioned baseline).
    """

    latent_channels: int = 8
    latent_size: int = 8
    patch: int = 4
    width: int = 256
    depth: int = 6
    heads: int = 4
    text_dim: int = 64
    detail: float = 0.15
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


class Denoiser(nn.Module):
    """Estimates the clean pair from a noisy one.

    ``forward`` takes the noisy shape latent (B, C, n, n, n), the noisy text embedding (B, D) and both
    noise levels as (alpha, sigma) columns, and returns estimates of both clean parts.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        cells = (config.latent_size // config.patch) ** 3
        token = config.latent_channels * config.patch**3
        width = config.width
        self.shape_in = nn.Linear(token, width)
        self.text_in = nn.Linear(config.text_dim, width)
        self.position = nn.Parameter(torch.randn(cells + 1, width) * 0.02)
        self.time = nn.Sequential(nn.Linear(4 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.depth))
        self.shape_out = nn.Linear(width, token)
        self.text_out = nn.Linear(width, config.text_dim)
        self.mean = nn.Linear(config.text_dim, token * cells)
        self.condition_in: nn.Module | None = None
        if config.condition_channels:
            self.condition_in = _PromptStem(config.condition_channels, width, config.latent_size // config.patch)
        for layer in (self.shape_out, self.text_out, self.mean):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def mean_shape(self, text: Tensor) -> Tensor:
        """Mean latent of the structures named by (B, D) text embeddings, (B, C, n, n, n)."""
        n = self.config.latent_size
        return self.mean(text).reshape(-1, self.config.latent_channels, n, n, n)  # type: ignore[no-any-return]

    def forward(
        self, shape: Tensor, text: Tensor, shape_level: Tensor, text_level: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Clean estimates. Levels are (B, 2): alpha and sigma of each part. See the class."""
        alpha, sigma = (column.reshape(-1, 1, 1, 1, 1) for column in shape_level.unbind(1))
        # A noisy text names its structure only as far as it is text: scale it by its alpha.
        mean = self.mean_shape(text * text_level[:, :1])
        centred = shape - alpha * mean  # ~ N(0, 1) at every level, since alpha^2 + sigma^2 = 1
        change, text_estimate = self._transform(centred, text, shape_level, text_level, condition)
        passed = self.config.detail**2 * alpha / (self.config.detail**2 * alpha**2 + sigma**2)
        return mean + passed * centred + change, text_estimate

    def _transform(
        self, centred: Tensor, text: Tensor, shape_level: Tensor, text_level: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        tokens = space_to_depth(centred, self.config.patch).flatten(2).transpose(1, 2)
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
        text_estimate = text_level[:, :1] * text + text_level[:, 1:] * self.text_out(x[:, -1])
        return depth_to_space(cells, self.config.patch), text_estimate


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
