"""Forward operators: what a measurement reads of a part. Each is a differentiable torch map with declared parameters.

All take tensors with any leading axes and work on the last three (x, y, z); same type and device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmark.contract import Mask, Operator
from medshape_text.frame import HALF_BOX_VOXELS

DEFAULT_SHARPNESS = 64.0
"""Slope of the soft occupancy per canonical unit: one voxel inside the surface reads sigmoid(2) = 0.88."""


@dataclass(frozen=True)
class Identity:
    """``A(x) = x``."""

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """Return ``part`` unchanged."""
        return part

    def declared(self) -> dict[str, Any]:
        """No parameters."""
        return {"operator": "identity"}


@dataclass(frozen=True)
class Planes:
    """Occupancy on some planes of a signed distance: ``A(x) = sigmoid(-sharpness * x) * observed``.

    Thresholding the result at 0.5 (strictly above) gives ``(x < 0) & observed``, the value of a plane
    prompt, for every |x| >= 1e-6; closer to zero float32 rounds the sigmoid to 0.5.

    Attributes:
        indices: observed plane indices along each of the axes (x, y, z).
        sharpness: slope per canonical unit; larger is closer to a step and has shorter gradients.
    """

    indices: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    sharpness: float = DEFAULT_SHARPNESS

    def mask(self, shape: Sequence[int]) -> Mask:
        """Bool of this shape, True on the planes."""
        mask = np.zeros(tuple(shape), dtype=bool)
        for axis, planes in enumerate(self.indices):
            for index in planes:
                mask[(slice(None),) * axis + (index,)] = True
        return mask

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """Soft occupancy in [0, 1], zero off the planes."""
        observed = torch.from_numpy(self.mask(part.shape[-3:])).to(device=part.device, dtype=part.dtype)
        return torch.sigmoid(-self.sharpness * part) * observed

    def declared(self) -> dict[str, Any]:
        """Indices by axis, and the sharpness."""
        return {
            "operator": "planes",
            "planes": dict(zip("xyz", map(list, self.indices), strict=True)),
            "sharpness": self.sharpness,
        }


@dataclass(frozen=True)
class AveragePool:
    """Means of cubes of ``factor`` voxels a side: what a scanner of low resolution reads."""

    factor: int

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """(..., X, Y, Z) -> (..., X / factor, Y / factor, Z / factor).

        Raises:
            ValueError: if the factor does not divide the axes.
        """
        if any(size % self.factor for size in part.shape[-3:]):
            raise ValueError(f"cubes of {self.factor} voxels do not fill a grid of {tuple(part.shape[-3:])}")
        leading = part.shape[:-3]
        pooled = F.avg_pool3d(part.reshape(-1, 1, *part.shape[-3:]), self.factor)
        return pooled.reshape(*leading, *pooled.shape[-3:])

    def declared(self) -> dict[str, Any]:
        """The factor."""
        return {"operator": "average-pool", "factor": self.factor}


@dataclass(frozen=True)
class Slices:
    """The slices with some indices along one axis; the others are missing."""

    axis: int
    indices: tuple[int, ...]

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """(..., X, Y, Z) with ``len(indices)`` in place of the length of the axis."""
        return part.index_select(self.axis - 3, torch.tensor(self.indices, device=part.device))

    def declared(self) -> dict[str, Any]:
        """Axis and indices."""
        return {"operator": "slices", "axis": self.axis, "indices": list(self.indices)}


@dataclass(frozen=True)
class Crop:
    """A box of voxels, ``lower`` inclusive to ``upper`` exclusive."""

    lower: tuple[int, int, int]
    upper: tuple[int, int, int]

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """(..., X, Y, Z) -> (..., *(upper - lower))."""
        box = tuple(slice(low, high) for low, high in zip(self.lower, self.upper, strict=True))
        return part[(..., *box)]

    def declared(self) -> dict[str, Any]:
        """Both corners."""
        return {"operator": "crop", "lower": list(self.lower), "upper": list(self.upper)}


@dataclass(frozen=True)
class Compose:
    """One operator after another, the first first."""

    operators: tuple[Operator, ...]

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """What the last of them reads."""
        for operator in self.operators:
            part = operator(part)
        return part

    def declared(self) -> dict[str, Any]:
        """What each of them declares, in order."""
        return {"operator": "compose", "of": [operator.declared() for operator in self.operators]}


@dataclass(frozen=True)
class Sphere:
    """One spherical damage: centre in voxel indices (x, y, z), radius in voxels, carved out or added."""

    centre: tuple[int, int, int]
    radius: float
    carve: bool


@dataclass(frozen=True)
class SphereDamage:
    """Spherical carvings and additions in order, as constructive solid geometry on SDFs.

    Adding is ``min(x, ball)``, carving ``max(x, -ball)`` with ``ball = (distance - radius) / 32``, so the
    sign of the result is that of the damaged mask (a voxel exactly on a ball's surface excepted). It
    makes and inspects damage; methods never get it (see `benchmark.tasks.shape_completion.prompts`).
    """

    spheres: tuple[Sphere, ...]

    def __call__(self, part: torch.Tensor) -> torch.Tensor:
        """Damage SDFs."""
        axes = [torch.arange(size, device=part.device, dtype=torch.float64) for size in part.shape[-3:]]
        x, y, z = torch.meshgrid(*axes, indexing="ij")
        for sphere in self.spheres:
            cx, cy, cz = sphere.centre
            distance = torch.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2)
            ball = ((distance - sphere.radius) / HALF_BOX_VOXELS).to(part.dtype)
            part = torch.maximum(part, -ball) if sphere.carve else torch.minimum(part, ball)
        return part

    def declared(self) -> dict[str, Any]:
        """The spheres."""
        return {"operator": "sphere-damage", "spheres": [asdict(sphere) for sphere in self.spheres]}
