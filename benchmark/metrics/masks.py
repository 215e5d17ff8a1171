"""Distances between the surfaces of two masks, in millimetres, every definition by its name.

Public tools give different numbers for the same masks. They disagree on three things, each a choice here:

- What the surface is. ``"voxel"``: the centres of the inside voxels with a face neighbour outside (beyond the
  volume is outside), each counting 1, as in MONAI and medpy. ``"surfel"``: the corners at which inside and
  outside voxels meet, each counting the area of the marching-cubes triangles around it, as in DeepMind's
  surface-distance and MONAI with ``use_subvoxels``.
- How two directions become one number: ``"max_of_directions"``, ``"mean_of_directions"`` or ``"pooled"``.
- What empty masks score.

Points lie on a lattice and few are far from the other surface, so masks are packed into words, surfaces are
found by shifting words, and the nearest point is looked for column by column around each point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array
from benchmark.metrics.inside import inside
from benchmark.metrics.voxels.nearest import nearest
from benchmark.metrics.voxels.surfaces import borders, corners, count, crop, surfel_areas, surround
from benchmark.metrics.voxels.words import pack_rows

Floats = NDArray[np.float64]
Kind = Literal["voxel", "surfel"]
EmptyPair = Literal["nan", "perfect"]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances from every surface point of one mask to the surface of the other, both ways.

    A number read off it is ``worst`` if one mask is empty; if both are, NaN, or the best value with
    ``empty="perfect"`` (distance 0, NSD 1).

    Attributes:
        a_to_b: (P,) mm, all ``worst`` if b is empty.
        b_to_a: (Q,) mm, all ``worst`` if a is empty.
        weights_a: (P,) what every point of a counts: 1 (voxel), or its area in mm² (surfel; length in mm in 2-D).
        weights_b: (Q,).
        surface: which points these are.
        empty: the rule for two empty masks.
        worst: the distance if one mask is empty.
    """

    a_to_b: Floats
    b_to_a: Floats
    weights_a: Floats
    weights_b: Floats
    surface: Kind
    empty: EmptyPair = "nan"
    worst: float = np.inf

    @property
    def hausdorff(self) -> float:
        """The farthest any point of one surface is from the other surface, mm."""
        return self._distance(lambda: float(max(self.a_to_b.max(), self.b_to_a.max())))

    @property
    def directed_means(self) -> tuple[float, float]:
        """Weighted mean distance from a to b and from b to a, mm (surfel: surface-distance's average pair)."""
        return self._distance(lambda: self._means[0]), self._distance(lambda: self._means[1])

    def assd(self, variant: Literal["pooled", "mean_of_directions"]) -> float:
        """Average symmetric surface distance, mm.

        Args:
            variant: ``"pooled"`` averages over the points of both surfaces (voxel: MONAI's symmetric average
                surface distance, medpy ``assd``); ``"mean_of_directions"`` is the mean of ``directed_means``.

        Raises:
            ValueError: for another variant.
        """
        _check_choice("variant", variant, ("pooled", "mean_of_directions"))
        if variant == "mean_of_directions":
            return self._distance(lambda: sum(self._means) / 2)
        return self._distance(lambda: float(np.average(self._pooled[0], weights=self._pooled[1])))

    def percentile(self, percent: float, variant: Literal["max_of_directions", "pooled"]) -> float:
        """Robust Hausdorff distance, mm; 95 gives HD95.

        Voxel surfaces interpolate linearly between the two closest ranks. Surfel surfaces take the smallest
        distance within which lies at least that part of the area.

        Args:
            percent: in [0, 100].
            variant: ``"max_of_directions"`` is the larger of the two directed percentiles (voxel: MONAI;
                surfel: surface-distance); ``"pooled"`` the percentile of both directions together (voxel: medpy).

        Raises:
            ValueError: for another variant, or a percentile outside [0, 100].
        """
        _check_choice("variant", variant, ("max_of_directions", "pooled"))
        if not 0 <= percent <= 100:
            raise ValueError(f"percent must lie in [0, 100], got {percent}")
        each = ((self.a_to_b, self.weights_a), (self.b_to_a, self.weights_b))
        parts = (self._pooled,) if variant == "pooled" else each
        of = _percentile if self.surface == "voxel" else _weighted_percentile
        return self._distance(lambda: max(of(distances, weights, percent) for distances, weights in parts))

    def nsd(self, tolerance: float) -> float:
        """Normalised surface Dice: the part of both surfaces within ``tolerance`` mm of the other, in [0, 1].

        Voxel: MONAI's surface Dice. Surfel: surface-distance's surface Dice at tolerance. One mask empty: 0.
        MONAI rounds distances to float32, and so may count steps of 1.3 mm otherwise at a tolerance of 3.9 mm.

        Raises:
            ValueError: for a tolerance that is negative or not finite.
        """
        if not 0 <= tolerance < np.inf:
            raise ValueError(f"tolerance must be finite and not negative, got {tolerance}")
        distances, weights = self._pooled
        if not len(self.a_to_b) or not len(self.b_to_a):
            return 0.0 if len(distances) else {"nan": np.nan, "perfect": 1.0}[self.empty]
        return float(weights[distances <= tolerance].sum() / weights.sum())

    @property
    def _means(self) -> tuple[float, float]:
        forth = np.average(self.a_to_b, weights=self.weights_a)
        return float(forth), float(np.average(self.b_to_a, weights=self.weights_b))

    @property
    def _pooled(self) -> tuple[Floats, Floats]:
        return np.concatenate([self.a_to_b, self.b_to_a]), np.concatenate([self.weights_a, self.weights_b])

    def _distance(self, value: Callable[[], float]) -> float:
        if len(self.a_to_b) and len(self.b_to_a):
            return value()
        if len(self.a_to_b) or len(self.b_to_a):
            return self.worst
        return {"nan": np.nan, "perfect": 0.0}[self.empty]


def surface_distances(
    mask_a: Array,
    mask_b: Array,
    spacing: Sequence[float],
    surface: Kind,
    empty: EmptyPair = "nan",
    worst: float = np.inf,
    *,
    sdf: bool = False,
) -> SurfaceDistances:
    """Distances between the surfaces of two masks, both ways.

    Each is sqrt((i dx)² + (j dy)² + (k dz)²) with integers i, j, k, so a distance of three voxels along an axis
    is exactly ``3 * dx`` and within a tolerance of ``3 * dx``.

    Args:
        mask_a: (X, Y, Z) or (X, Y), bool or integer, inside = nonzero, or with ``sdf`` floating.
        mask_b: the same shape.
        spacing: mm between voxel centres, one number per axis.
        surface: ``"voxel"`` or ``"surfel"``, see the module.
        empty: what two empty masks score: ``"nan"`` (to be counted, not averaged) or ``"perfect"``.
        worst: every distance if exactly one mask is empty, for instance the diagonal of the volume in mm.
        sdf: floating-point values are signed distances, of which only the sign is used: inside = strictly negative.

    Raises:
        ValueError: if the shapes differ or are not 2-D or 3-D, values are floating-point without ``sdf``, an SDF
            contains NaN, a spacing is not finite and positive, or a choice is unknown.

    >>> a, b = np.zeros((9, 9, 9), bool), np.zeros((9, 9, 9), bool)
    >>> a[2, 4, 4] = b[5, 4, 4] = True
    >>> surface_distances(a, b, (0.5, 1, 1), "voxel").hausdorff
    1.5
    """
    a, b, steps = inside(mask_a, sdf), inside(mask_b, sdf), np.asarray(spacing, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
    if a.ndim not in (2, 3):
        raise ValueError(f"expected masks of shape (X, Y, Z) or (X, Y), got {a.shape}")
    if steps.shape != (a.ndim,) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(f"spacing must be {a.ndim} finite positive numbers, got {spacing}")
    if not worst > 0:
        raise ValueError(f"worst must be a positive distance, got {worst}")
    _check_choice("surface", surface, ("voxel", "surfel"))
    _check_choice("empty", empty, ("nan", "perfect"))
    flat = a.ndim == 2
    if flat:  # a layer that goes on for ever in a third direction, of which 1 mm counts
        a, b, steps = a[None], b[None], np.concatenate([[1.0], steps])
    solids = [surround(rows, flat) for rows in crop(pack_rows(a), pack_rows(b))]
    if surface == "voxel":
        points = [borders(solid) for solid in solids]
        weights = [np.ones(count(at)) for at in points]
    else:
        solids = [solid[: 2 if flat else None] for solid in solids]  # one layer of corners will do
        points = [corners(solid) for solid in solids]
        weights = [surfel_areas(solid, at, steps) for solid, at in zip(solids, points, strict=True)]
    if len(weights[0]) and len(weights[1]):
        forth, back = nearest(points[0], points[1], steps), nearest(points[1], points[0], steps)
    else:
        forth, back = (np.full(len(each), worst) for each in weights)
    return SurfaceDistances(forth, back, weights[0], weights[1], surface, empty, worst)


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {known}, got {value!r}")


def _percentile(distances: Floats, weights: Floats, percent: float) -> float:
    return float(np.percentile(distances, percent))


def _weighted_percentile(distances: Floats, weights: Floats, percent: float) -> float:
    order = np.argsort(distances)
    part = np.cumsum(weights[order]) / weights[order].sum()
    rank = min(int(np.searchsorted(part, percent / 100)), len(order) - 1)
    return float(distances[order[rank]])
