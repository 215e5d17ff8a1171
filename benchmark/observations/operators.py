"""Differentiable forward operators on canonical SDFs; every parameter is declared on the dataclass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from benchmark.contract import Mask
from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION

DEFAULT_SHARPNESS = 64.0
"""Slope of the soft occupancy per canonical unit: one voxel inside the surface reads sigmoid(2) = 0.88."""


@dataclass(frozen=True, eq=False)
class Identity:
    """``A(x) = x``."""

    def __call__(self, sdf: torch.Tensor) -> torch.Tensor:
        """Return ``sdf`` (..., 64, 64, 64) unchanged."""
        return sdf


@dataclass(frozen=True, eq=False)
class Planes:
    """Occupancy on some planes: ``A(x) = sigmoid(-sharpness * x) * observed``.

    Thresholding the result at 0.5 (strictly above) gives ``(x < 0) & observed``, the value of a plane
    prompt, for every |x| >= 1e-6; closer to zero float32 rounds the sigmoid to 0.5.

    Attributes:
        indices: observed plane indices along each of the axes (x, y, z).
        sharpness: slope per canonical unit; larger is closer to a step and has shorter gradients.
    """

    indices: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    sharpness: float = DEFAULT_SHARPNESS

    @property
    def observed(self) -> Mask:
        """(64, 64, 64) bool, True on the planes."""
        mask = np.zeros((RESOLUTION,) * 3, dtype=bool)
        for axis, planes in enumerate(self.indices):
            for index in planes:
                mask[(slice(None),) * axis + (index,)] = True
        return mask

    def __call__(self, sdf: torch.Tensor) -> torch.Tensor:
        """Map SDFs (..., 64, 64, 64) to soft occupancy in [0, 1], zero off the planes; same dtype and device."""
        observed = torch.from_numpy(self.observed).to(device=sdf.device, dtype=sdf.dtype)
        return torch.sigmoid(-self.sharpness * sdf) * observed


@dataclass(frozen=True)
class Sphere:
    """One spherical damage: centre in voxel indices (x, y, z), radius in voxels, carved out or added."""

    centre: tuple[int, int, int]
    radius: float
    carve: bool


@dataclass(frozen=True, eq=False)
class SphereDamage:
    """Spherical carvings and additions in order, as constructive solid geometry on SDFs.

    Adding is ``min(x, ball)``, carving ``max(x, -ball)`` with ``ball = (distance - radius) / 32``, so the
    sign of the result is that of the damaged mask (a voxel exactly on a ball's surface excepted). It
    makes and inspects damage; methods never get it (see `benchmark.observations.prompts`).
    """

    spheres: tuple[Sphere, ...]

    def __call__(self, sdf: torch.Tensor) -> torch.Tensor:
        """Damage SDFs (..., 64, 64, 64); differentiable, same dtype and device."""
        axis = torch.arange(RESOLUTION, device=sdf.device, dtype=torch.float64)
        x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
        for sphere in self.spheres:
            cx, cy, cz = sphere.centre
            distance = torch.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2)
            ball = ((distance - sphere.radius) / HALF_BOX_VOXELS).to(sdf.dtype)
            sdf = torch.maximum(sdf, -ball) if sphere.carve else torch.minimum(sdf, ball)
        return sdf
