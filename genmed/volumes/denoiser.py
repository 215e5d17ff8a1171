"""The denoiser of image and distances: a residual U-Net over patches, every part at its own noise level."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genmed.autoencoder import depth_to_space, space_to_depth
from genmed.volumes.config import VolumeConfig

_FREQUENCIES = 16
_TIME = 128
_GROUPS = 8


class ResidualBlock(nn.Module):
    """Two convolutions, the second modulated by the noise levels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(_GROUPS, width), nn.GroupNorm(_GROUPS, width)
        self.conv1 = nn.Conv3d(width, width, 3, padding=1)
        self.conv2 = nn.Conv3d(width, width, 3, padding=1)
        self.modulation = nn.Linear(_TIME, 2 * width)
        for parameter in (self.conv2.weight, self.modulation.weight, self.modulation.bias):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """``x`` (B, W, *size), ``time`` (B, 128) -> (B, W, *size)."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(time)[:, :, None, None, None].chunk(2, dim=1)
        change: Tensor = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return x + change


class Stage(nn.Module):
    """Blocks at one resolution, one after the other."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(count))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """See `ResidualBlock`."""
        for block in self.blocks:
            x = block(x, time)
        return x


class VoxelDenoiser(nn.Module):
    """Estimates the clean image and distances from noisy ones.

    ``forward`` takes the image (B, X, Y, Z), the distances (B, S, X, Y, Z), both as codes, and their noise levels as
    (alpha, sigma) columns (B, 2). It predicts x0 = alpha x_t + sigma F: a part that is given comes back as it is.
    ``mean`` (S, X, Y, Z), the mean distances of the training cases, tells it where structures use to be.
    """

    def __init__(self, config: VolumeConfig) -> None:
        super().__init__()
        count = len(config.structures)
        self.patch = config.patch
        cells = config.patch**3
        self.register_buffer("mean", torch.zeros(count, *config.size))
        widths = config.widths
        self.time = nn.Sequential(nn.Linear(4 * _FREQUENCIES, _TIME), nn.SiLU(), nn.Linear(_TIME, _TIME), nn.SiLU())
        self.first = nn.Conv3d((1 + 2 * count) * cells + 3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(Stage(width, n) for width, n in zip(widths, config.blocks, strict=True))
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv3d(fine, coarse, 2, stride=2) for fine, coarse in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose3d(coarse, fine, 2, stride=2) for fine, coarse in pairs)
        self.up_blocks = nn.ModuleList(
            Stage(width, n) for width, n in zip(widths[:-1], config.blocks[:-1], strict=True)
        )
        self.last_norm = nn.GroupNorm(_GROUPS, widths[0])
        self.last = nn.Conv3d(widths[0], (1 + count) * cells, 1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    mean: Tensor

    def forward(self, image: Tensor, sdf: Tensor, image_level: Tensor, sdf_level: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        change = self._network(image, sdf, torch.cat([_embed(image_level), _embed(sdf_level)], dim=1)).float()
        clean = _x0(image[:, None], change[:, :1], image_level)[:, 0]
        return clean, _x0(sdf, change[:, 1:], sdf_level)

    def _network(self, image: Tensor, sdf: Tensor, levels: Tensor) -> Tensor:
        time = self.time(levels)
        mean = self.mean.expand(len(image), *self.mean.shape)
        x = space_to_depth(torch.cat([image[:, None], sdf, mean], dim=1), self.patch)
        x = torch.cat([x, _coordinates(x)], dim=1).contiguous(memory_format=torch.channels_last_3d)
        x = self.first(x)
        kept = []
        for index, blocks in enumerate(self.down_blocks):
            x = blocks(x, time)
            if index < len(self.down):
                kept.append(x)
                x = self.down[index](x)
        for index in reversed(range(len(self.up))):
            x = self.up[index](x) + kept[index]
            x = self.up_blocks[index](x, time)
        return depth_to_space(self.last(F.silu(self.last_norm(x))), self.patch)


def _x0(noisy: Tensor, change: Tensor, level: Tensor) -> Tensor:
    alpha, sigma = (column.reshape(-1, 1, 1, 1, 1) for column in level.unbind(1))
    return alpha * noisy + sigma * change


def _embed(level: Tensor) -> Tensor:
    """(B, 2) alpha and sigma -> (B, 32): sines of the angle between signal and noise."""
    angle = torch.atan2(level[:, 1], level[:, 0])
    frequencies = torch.arange(1, _FREQUENCIES + 1, device=level.device)
    phases = angle[:, None] * frequencies
    return torch.cat([phases.sin(), phases.cos()], dim=1) / math.sqrt(2)


def _coordinates(x: Tensor) -> Tensor:
    """(B, 3, *size) from -1 to 1 along each axis of (B, C, *size)."""
    axes = [torch.linspace(-1, 1, size, dtype=x.dtype, device=x.device) for size in x.shape[2:]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    return grid.expand(len(x), *grid.shape)
