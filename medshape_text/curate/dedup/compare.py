"""Are two surfaces one? Laid on each other, what remains must be noise, and little of it.

Vertex noise, meshing anew and thinning a mesh move points to either side; another person's bone differs by whole
regions. So distances are signed, averaged over patches of the surface, and the root mean square of the averages, the
*drift*, decides. Measured, in voxels: the largest drift of copies of 13 subjects' bones, and the smallest among the 40
pairs per category of 26 subjects whose signatures are nearest. The limits were chosen on these bones:

=================  ==========================================  ===========================  =====
category           drift of copies: turned, thinned to 25 %,   nearest other subject's      limit
                   0.2 voxel of vertex noise, marching cubes
=================  ==========================================  ===========================  =====
patella            0.004  0.053  0.085  0.022                  0.478                        0.100
sacrum             0.014  0.019  0.053  0.034                  0.391                        0.080
hemipelvis         0.008  0.012  0.055  0.050                  0.278                        0.065
tibia              0.002  0.006  0.053  0.061                  0.106                        0.024
femur              0.003  0.006  0.051  0.066                  0.034                        0.025
fibula             0.007  0.004  0.061  0.178                  0.082                        0.010
=================  ==========================================  ===========================  =====

Persons differ in proportion to how thick a shape is, so the limit is 1/80 of its shortest principal spread, at most
0.1 voxel. The price: of thin shapes, copies that were spoilt by as much as persons differ are not recognised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medshape_text.curate.dedup.align import Pose, fine_pose, rough_pose, unturned_pose
from medshape_text.curate.dedup.surface import Floats, SampledSurface, residuals

_SAMPLES = 2048
_GLIMPSE = 400
_DOUBT = 0.05
"""What chance may add to a drift, in voxels, that is measured at ``_GLIMPSE`` points instead of ``_SAMPLES``."""
_PATCH_VOXELS = 8.0


@dataclass(frozen=True)
class Limits:
    """What two surfaces may differ by and still be one, in voxels of the canonical frame.

    The drift must stay below ``drift_share`` of the shortest principal spread of the smaller shape, but not less than
    ``least_drift`` nor more than ``most_drift``. ``mean`` and ``p95`` bound what noise may be. A pose is turned if by
    more than ``still_degrees``; meshes in one place are copies up to a mean distance of ``same_mean``.
    """

    drift_share: float = 0.0125
    least_drift: float = 0.008
    most_drift: float = 0.1
    mean: float = 0.25
    p95: float = 0.6
    still_degrees: float = 1.0
    same_mean: float = 0.03


LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Match:
    """Second surface laid on the first by ``pose``: mean and 95th percentile of the distance both ways, and the drift.

    All three are in voxels.
    """

    pose: Pose
    mean: float
    p95: float
    drift: float


def match(first: SampledSurface, second: SampledSurface, limits: Limits = LIMITS) -> Match | None:
    """How two surfaces are one under a proper similarity, else under a mirrored one; None if under neither.

    What fits without being turned, as a ball does, is not turned.
    """
    found = _match(first, second, limits, mirrored=False)
    if found is None:
        return _match(first, second, limits, mirrored=True)
    if found.pose.degrees > limits.still_degrees:
        return _accepted(unturned_pose(second, first), first, second, limits) or found
    return found


def _match(first: SampledSurface, second: SampledSurface, limits: Limits, *, mirrored: bool) -> Match | None:
    """As :func:`match` for one handedness; most pairs are refused at a few hundred points."""
    rough = rough_pose(second, first, mirrored=mirrored)
    if rough is None:
        return None
    glimpse = _forth(rough, first, second, _GLIMPSE)
    doubtful = np.sqrt(2) * _allowed(first, second, limits) + _DOUBT
    if np.abs(glimpse).mean() > 2 * limits.mean or _drift(second, glimpse) > doubtful:
        return None
    return _accepted(fine_pose(rough, second, first), first, second, limits)


def _allowed(first: SampledSurface, second: SampledSurface, limits: Limits) -> float:
    share = limits.drift_share * min(first.spread[2], second.spread[2])
    return float(np.clip(share, limits.least_drift, limits.most_drift))


def _accepted(pose: Pose, first: SampledSurface, second: SampledSurface, limits: Limits) -> Match | None:
    allowed = _allowed(first, second, limits)
    forth = _forth(pose, first, second, _SAMPLES)
    half = _drift(second, forth)
    if half > np.sqrt(2) * allowed:  # whatever it is the other way, the mean square of both is too much
        return None
    points, normals = first.points[:_SAMPLES], first.normals[:_SAMPLES]
    back, _ = residuals(pose.invert(points), normals @ pose.turn, second)
    mean = float(np.abs(forth).mean() + np.abs(back).mean()) / 2
    p95 = float(max(np.percentile(np.abs(forth), 95), np.percentile(np.abs(back), 95)))
    drift = float(np.hypot(half, _drift(first, back)) / np.sqrt(2))
    same = mean <= limits.mean and p95 <= limits.p95 and drift <= allowed
    return Match(pose, mean, p95, drift) if same else None


def _forth(pose: Pose, first: SampledSurface, second: SampledSurface, count: int) -> Floats:
    return residuals(pose.apply(second.points[:count]), second.normals[:count] @ pose.turn.T, first)[0]


def _drift(surface: SampledSurface, distance: Floats) -> float:
    """Root mean square over patches of their mean signed distance, less what chance alone makes of the means.

    ``distance`` (N,) belongs to the first N points of the surface.

    A patch is what lies in one cube of the grid and faces the same way, so that two sides of a thin wall are two.
    """
    points, normals = surface.points[: len(distance)], surface.normals[: len(distance)]
    cell = np.floor(points / _PATCH_VOXELS).astype(np.int64)
    cell -= cell.min(axis=0)
    axis = np.abs(normals).argmax(axis=1)
    facing = 2 * axis + (np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] > 0)
    patch = np.ravel_multi_index((*cell.T, facing), (*(cell.max(axis=0) + 1), 6))
    _, patch = np.unique(patch, return_inverse=True)
    count = np.bincount(patch)
    mean = np.bincount(patch, distance) / count
    variance = np.maximum(np.bincount(patch, distance**2) / count - mean**2, 0)
    enough = count > 1
    if not enough.any():
        return float(np.sqrt(np.mean(distance**2)))
    square = mean[enough] ** 2 - variance[enough] / (count[enough] - 1)
    return float(np.sqrt(max(0.0, float(np.average(square, weights=count[enough])))))
