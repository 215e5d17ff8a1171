"""The published random damage of a voxel mask: five spheres carved out of or added to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.contract import Mask
from benchmark.observations.operators import Sphere

SPHERE_COUNT = 5
RADIUS_VOXELS = (1.0, 5.0)
CARVE_PROBABILITY = 0.5


@dataclass(frozen=True, eq=False)
class DamageReport:
    """What was done to a mask.

    Attributes:
        mask: the damaged mask, bool, a new array.
        spheres: the spheres in the order they were applied.
        skipped: spheres without a voxel to be centred on (carving an empty or adding to a full mask).
    """

    mask: Mask
    spheres: tuple[Sphere, ...]
    skipped: int


def draw_spheres(mask: Mask, rng: np.random.Generator, carve_probability: float = CARVE_PROBABILITY) -> DamageReport:
    """Damage a mask with five random spheres, one after another.

    Each sphere carves with ``carve_probability`` (drawn as ``rng.random() > 1 - p``), else adds. A
    carving is centred on a uniformly drawn voxel of the *current* foreground, an addition on one of
    the current background; the radius is U(1, 5) voxels and every voxel with ``distance <= radius`` is
    overwritten. Where there is no such voxel (all was carved away) the sphere is skipped and counted,
    without drawing a centre or radius, as the published code does.

    Args:
        mask: (X, Y, Z) bool; not modified.
        rng: the only source of randomness; draws in the order coin, centre, radius.
        carve_probability: 0.5 is published; 0 gives spurious additions only.

    Returns:
        The damaged mask and the spheres.

    Source: kanydao/GenMed dataset/_helpers.py ``break_voxel`` (which uses numpy's unseeded global state).
    """
    damaged = mask.copy()
    spheres: list[Sphere] = []
    skipped = 0
    for _ in range(SPHERE_COUNT):
        carve = bool(rng.random() > 1.0 - carve_probability)
        candidates = np.flatnonzero(damaged if carve else ~damaged)
        if not len(candidates):
            skipped += 1
            continue
        cx, cy, cz = (int(i) for i in np.unravel_index(candidates[rng.integers(len(candidates))], damaged.shape))
        radius = float(rng.uniform(*RADIUS_VOXELS))
        # Only the box around the ball is looked at: the same voxels, a thousandth of the distances.
        reach = int(radius) + 1
        centre = zip((cx, cy, cz), mask.shape, strict=True)
        box = tuple(slice(max(0, c - reach), min(size, c + reach + 1)) for c, size in centre)
        x, y, z = np.ogrid[box]
        damaged[box][np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) <= radius] = not carve
        spheres.append(Sphere((cx, cy, cz), radius, carve))
    return DamageReport(damaged, tuple(spheres), skipped)
