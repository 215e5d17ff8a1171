"""The denoiser of image and distances: a residual U-Net over patches, every part at its own noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genmed.autoencoder import depth_to_space, space_to_depth
from genmed.volumes.config import VolumeConfig

_FREQUENCIES = 16
_TIME = 128
_GROUPS = 8


@dataclass(frozen=True)
class VolumeEstimate:
    """Clean image (B, X, Y, Z) and distances (B, S, X, Y, Z), and the errors their priors alone would expect."""

    image: Tensor
    sdf: Tensor
    image_error: Tensor
    sdf_error: Tensor


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


class VoxelPrior(nn.Module):
    """What is known of a part before any network is trained: mean and spread of every voxel, each on its own.

    For a Gaussian the ideal denoiser has a closed form; the network learns what this leaves over, in units of the
    error this expects of itself (as `genmed.prior` does for shapes, there with modes). Where a structure never was,
    nothing is left to learn.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))

    mean: Tensor
    spread: Tensor

    @torch.no_grad()
    def fit(self, parts: Tensor, least: float) -> None:
        """Set from (N, *shape) codes; no voxel's spread becomes smaller than ``least``."""
        self.mean.copy_(parts.mean(dim=0))
        self.spread.copy_(parts.std(dim=0, correction=0).square().add(least**2).sqrt())

    def forward(self, noisy: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Expected clean part and its expected error, both (B, *shape)."""
        alpha, sigma = (column.reshape(-1, *[1] * self.mean.ndim) for column in level.unbind(1))
        variance = self.spread.square()
        total = (alpha**2 * variance + sigma**2).clamp(1e-8)
        return self.mean + alpha * variance / total * (noisy - alpha * self.mean), self.spread * sigma / total.sqrt()


class VoxelDenoiser(nn.Module):
    """Estimates the clean image and distances from noisy ones.

    ``forward`` takes the image (B, X, Y, Z), the distances (B, S, X, Y, Z), both as codes, and their noise levels as
    (alpha, sigma) columns (B, 2). A part that is given comes back as it is.
    """

    def __init__(self, config: VolumeConfig) -> None:
        super().__init__()
        count = len(config.structures)
        self.patch = config.patch
        cells = config.patch**3
        self.image_prior, self.sdf_prior = VoxelPrior(config.size), VoxelPrior((count, *config.size))
        widths = config.widths
        self.time = nn.Sequential(nn.Linear(4 * _FREQUENCIES, _TIME), nn.SiLU(), nn.Linear(_TIME, _TIME), nn.SiLU())
        self.first = nn.Conv3d((2 + 2 * count) * cells + 3, widths[0], 3, padding=1)
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

    def forward(self, image: Tensor, sdf: Tensor, image_level: Tensor, sdf_level: Tensor) -> VolumeEstimate:
        """See the class."""
        with torch.autocast(image.device.type, enabled=False):
            image_expected, image_error = self.image_prior(image.float(), image_level)
            sdf_expected, sdf_error = self.sdf_prior(sdf.float(), sdf_level)
            # What is believed, not what is seen: noise without a signal would drown the other part in the first layer.
            departure = (sdf_expected - self.sdf_prior.mean) / self.sdf_prior.spread
            mean, image_mean = self.sdf_prior.mean.expand_as(sdf), self.image_prior.mean.expand_as(image)
            x = torch.cat([image_expected[:, None], image_mean[:, None], departure, mean], dim=1)
        change = self._network(x, torch.cat([_embed(image_level), _embed(sdf_level)], dim=1)).float()
        return VolumeEstimate(
            image_expected + image_error * change[:, 0],
            sdf_expected + sdf_error * change[:, 1:],
            image_error,
            sdf_error,
        )

    def _network(self, x: Tensor, levels: Tensor) -> Tensor:
        time = self.time(levels)
        x = space_to_depth(x, self.patch)
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
