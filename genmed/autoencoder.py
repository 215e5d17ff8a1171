"""SDF autoencoder: 64^3 truncated SDF <-> a small latent grid.

All convolutions run on grids of 16^3 or less: the SDF is cut into 4^3 patches (space to depth) on
the way in and put together again (depth to space) on the way out, so that decoding is cheap enough
to be differentiated many times during guidance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION


def space_to_depth(volume: Tensor, factor: int) -> Tensor:
    """(B, C, D, H, W) -> (B, C * factor**3, D / factor, H / factor, W / factor)."""
    batch, channels, depth, height, width = volume.shape
    cells = volume.reshape(batch, channels, depth // factor, factor, height // factor, factor, width // factor, factor)
    return cells.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(1, 4)


def depth_to_space(cells: Tensor, factor: int) -> Tensor:
    """The inverse of :func:`space_to_depth`."""
    batch, channels, depth, height, width = cells.shape
    parts = cells.reshape(batch, channels // factor**3, factor, factor, factor, depth, height, width)
    volume = parts.permute(0, 1, 5, 2, 6, 3, 7, 4)
    return volume.reshape(batch, channels // factor**3, depth * factor, height * factor, width * factor)


class ResidualBlock(nn.Module):
    """Two 3^3 convolutions with group normalisation and a skip connection; the shape stays the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> same."""
        h: Tensor = self.conv1(F.silu(self.norm1(x)))
        change: Tensor = self.conv2(F.silu(self.norm2(h)))
        return x + change


class Autoencoder(nn.Module):
    """Variational autoencoder of truncated SDFs with a latent of (latent_channels, n, n, n).

    Args:
        latent_channels: channels of the latent grid.
        widths: channels of the convolutions on each grid, finest (16^3) first; every further entry
            halves the grid, so two widths give an 8^3 latent.
        blocks: residual blocks per grid, on the way in and on the way out.
        patch: edge of the patches cut from the 64^3 volume.
    """

    def __init__(
        self, latent_channels: int = 8, widths: tuple[int, ...] = (64, 128), blocks: int = 2, patch: int = 4
    ) -> None:
        super().__init__()
        self.patch = patch
        self.latent_channels = latent_channels
        self.latent_size = 64 // patch // 2 ** (len(widths) - 1)
        down: list[nn.Module] = [nn.Conv3d(patch**3, widths[0], 3, padding=1)]
        for width, following in zip(widths, (*widths[1:], None), strict=True):
            down += [ResidualBlock(width) for _ in range(blocks)]
            if following is not None:
                down.append(nn.Conv3d(width, following, 2, stride=2))
        self.down = nn.Sequential(*down)
        self.to_moments = nn.Conv3d(widths[-1], 2 * latent_channels, 1)
        up: list[nn.Module] = [nn.Conv3d(latent_channels, widths[-1], 3, padding=1)]
        for width, following in zip(widths[::-1], (*widths[-2::-1], None), strict=True):
            up += [ResidualBlock(width) for _ in range(blocks)]
            if following is not None:
                up.append(nn.ConvTranspose3d(width, following, 2, stride=2))
        self.up = nn.Sequential(*up)
        self.head = nn.Sequential(nn.GroupNorm(8, widths[0]), nn.SiLU(), nn.Conv3d(widths[0], patch**3, 3, padding=1))

    def moments(self, sdf: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log-variance of the latent of (B, 1, 64, 64, 64) SDFs."""
        features = self.down(space_to_depth(sdf / TRUNCATION, self.patch))
        mean, log_variance = self.to_moments(features).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 4)

    def encode(self, sdf: Tensor) -> Tensor:
        """Posterior mean, (B, latent_channels, n, n, n)."""
        return self.moments(sdf)[0]

    def decode(self, latent: Tensor) -> Tensor:
        """SDF (B, 1, 64, 64, 64) in canonical units; not clipped, so gradients survive far from the surface."""
        return depth_to_space(self.head(self.up(latent)), self.patch) * TRUNCATION


def reconstruction_loss(predicted: Tensor, target: Tensor, *, coarse: bool) -> Tensor:
    """L1 + L1 weighted to the surface of SDFs (B, 1, 64, 64, 64) in canonical units.

    ``coarse`` adds a sign term, which finds thin bones fast but moves the surface outwards by about a
    tenth of a voxel (it rewards margins, and a thin bone has more room outside than inside). Without
    it the weight narrows to half a voxel. The surface terms are averaged per shape before they are
    averaged over shapes: a fibula two voxels wide has 1/20 of the surface voxels of a patella and
    would otherwise count for as little.
    """
    axes = (1, 2, 3, 4)
    error = (predicted.clamp(-TRUNCATION, TRUNCATION) - target).abs() / TRUNCATION
    voxels = target * HALF_BOX_VOXELS
    near = torch.exp(-(voxels**2) / 2)  # about one voxel to either side
    loss = error.mean(axes) + (error * near).sum(axes) / near.sum(axes)
    if coarse:
        close = (voxels.abs() < 2).to(error.dtype)
        sign = F.softplus(-torch.sign(voxels) * predicted * (4 * HALF_BOX_VOXELS)) * close
        return (loss + 0.25 * sign.sum(axes) / close.sum(axes)).mean()
    at = torch.exp(-(voxels**2) / (2 * 0.5**2))
    return (loss + (error * at).sum(axes) / at.sum(axes)).mean()
