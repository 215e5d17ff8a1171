"""Varying training images: a smooth deformation that moves image and structures, and another scanner."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from genmed.volumes.config import Augmentation

_KNOTS = 5
"""Control points of smooth fields along each axis."""


def augment(image: Tensor, sdf: Tensor, amount: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Vary a batch of codes; every example is moved and shaded its own way.

    Args:
        image: (B, X, Y, Z).
        sdf: (B, S, X, Y, Z); moved along, and scaled as lengths are only to first order.
        amount: how much.
        generator: the only source of randomness.
    """
    both = torch.cat([image[:, None], sdf], dim=1)
    moved = F.grid_sample(both, _places(both, amount, generator), padding_mode="border", align_corners=True)
    return _shaded(moved[:, 0], amount, generator), moved[:, 1:]


def _places(like: Tensor, amount: Augmentation, generator: torch.Generator) -> Tensor:
    """(B, X, Y, Z, 3) where each voxel is read, in the coordinates of ``grid_sample``: last axis first, -1 to 1."""
    batch, size = len(like), like.shape[2:]
    angles = _cut(batch, 3, generator=generator) * math.radians(amount.rotation)
    matrix = torch.matrix_exp(_skew(angles)) * (1 + amount.scale * _cut(batch, 1, 1, generator=generator))
    half = torch.tensor([(side - 1) / 2 for side in size])
    axes = [torch.arange(side) - middle for side, middle in zip(size, half.tolist(), strict=True)]
    voxels = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(1, -1, 3)
    bent = amount.bend * _smooth(batch, 3, tuple(size), generator).flatten(2).transpose(1, 2)
    shift = amount.shift * _cut(batch, 1, 3, generator=generator)
    places: Tensor = (voxels @ matrix.transpose(1, 2) + bent + shift) / half
    return places.flip(-1).reshape(batch, *size, 3).to(like)


def _shaded(image: Tensor, amount: Augmentation, generator: torch.Generator) -> Tensor:
    """Another gain, offset and gamma, a smooth bias, and noise."""
    batch = len(image)
    gain, offset, bend = amount.contrast * _cut(3, batch, 1, 1, 1, generator=generator).to(image)
    shaded = image * (1 + gain) + offset + bend * (1 - image.clamp(-1, 1).square())
    bias = _smooth(batch, 1, tuple(image.shape[1:]), generator)[:, 0].to(image)
    shaded = shaded + amount.bias * bias * (1 + image.clamp(-1, 1))
    strength = amount.noise * torch.rand(batch, 1, 1, 1, generator=generator).to(image)
    noise = strength * torch.randn(image.shape, generator=generator).to(image)
    noisy: Tensor = shaded + noise
    return noisy


def _smooth(batch: int, channels: int, size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """(B, C, *size) smooth fields of about unit deviation."""
    knots = _cut(batch, channels, *[_KNOTS] * 3, generator=generator)
    fine = F.interpolate(knots, size=[2 * _KNOTS] * 3, mode="trilinear", align_corners=True)
    return F.interpolate(F.avg_pool3d(fine, 3, 1, 1), size=size, mode="trilinear", align_corners=True)


def _cut(*shape: int, generator: torch.Generator) -> Tensor:
    """Normal numbers, cut at two standard deviations."""
    return torch.randn(shape, generator=generator).clamp(-2, 2)


def _skew(angles: Tensor) -> Tensor:
    """(B, 3) rotation vectors -> (B, 3, 3) skew matrices."""
    x, y, z = angles.unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
