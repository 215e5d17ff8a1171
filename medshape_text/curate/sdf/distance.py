"""Distance of voxel centres to triangles: exact near them, by their neighbours' closest triangles farther out."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from medshape_text.curate.sdf.connectivity import Labels
from medshape_text.curate.sdf.rays import Points

_UNKNOWN, _RIM = -1, -2


def distances(corners: Points, beside: Labels, resolution: int, reach: float, limit: float) -> NDArray[np.float32]:
    """Distances from the voxel centres of a grid to the closest of some triangles.

    Args:
        corners: (T, 3, 3) in voxels, none pinched; the centre of voxel (i, j, k) is the point (i, j, k).
        beside: (T, 3) the triangle over the side from corner c to corner c + 1, -1 where there is none.
        resolution: voxels per edge, R.
        reach: voxels up to this far are compared with every triangle in reach, and exact.
        limit: how far to search beyond.

    Returns:
        (R, R, R) float32 in voxels, infinite where nothing is within ``limit``.
    """
    nearest = np.full((resolution + 2,) * 3, _RIM, np.int32)
    nearest[1:-1, 1:-1, 1:-1] = _UNKNOWN
    squared = np.full((resolution + 2,) * 3, np.inf, np.float32)
    table = np.concatenate([corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=1)
    _spread(table, resolution, reach, squared.ravel(), nearest.ravel())
    _propagate(table, beside, resolution, limit, squared.ravel(), nearest.ravel())
    inner = squared[1:-1, 1:-1, 1:-1]
    return np.asarray(np.sqrt(inner))


@njit(cache=True, nogil=True, error_model="numpy")
def _closest(table: Points, row: int, x: float, y: float, z: float) -> tuple[float, int, float, float]:
    """The closest point a + s u + t v of a triangle: squared distance, sides it lies on (bits 1, 2, 4), s, t."""
    px, py, pz = x - table[row, 0], y - table[row, 1], z - table[row, 2]
    ux, uy, uz = table[row, 3], table[row, 4], table[row, 5]
    vx, vy, vz = table[row, 6], table[row, 7], table[row, 8]
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    pu, pv = px * ux + py * uy + pz * uz, px * vx + py * vy + pz * vz
    det = uu * vv - uv * uv
    s, t = vv * pu - uv * pv, uu * pv - uv * pu
    if s >= 0 and t >= 0 and s + t <= det:
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        height = px * nx + py * ny + pz * nz
        return height * height / (nx * nx + ny * ny + nz * nz), 0, s / det, t / det
    best, sides, best_s, best_t = np.inf, 0, 0.0, 0.0
    if t < 0:  # outside the first side
        a = min(max(pu / uu, 0.0), 1.0)
        dx, dy, dz = px - a * ux, py - a * uy, pz - a * uz
        best, best_s = dx * dx + dy * dy + dz * dz, a
        sides = 1 | (4 if a == 0 else 0) | (2 if a == 1 else 0)
    if s < 0:  # outside the third
        a = min(max(pv / vv, 0.0), 1.0)
        dx, dy, dz = px - a * vx, py - a * vy, pz - a * vz
        found = dx * dx + dy * dy + dz * dz
        if found < best:
            best, best_s, best_t = found, 0.0, a
            sides = 4 | (1 if a == 0 else 0) | (2 if a == 1 else 0)
    if s + t > det:
        wx, wy, wz = vx - ux, vy - uy, vz - uz
        qx, qy, qz = px - ux, py - uy, pz - uz
        a = min(max((qx * wx + qy * wy + qz * wz) / (wx * wx + wy * wy + wz * wz), 0.0), 1.0)
        dx, dy, dz = qx - a * wx, qy - a * wy, qz - a * wz
        found = dx * dx + dy * dy + dz * dz
        if found < best:
            best, best_s, best_t = found, 1 - a, a
            sides = 2 | (1 if a == 0 else 0) | (4 if a == 1 else 0)
    return best, sides, best_s, best_t


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(table: Points, beside: Labels, row: int, x: float, y: float, z: float) -> tuple[float, int, float, float]:
    """From a triangle over the sides the closest point lies on to closer ones: squared distance, triangle, s, t."""
    best, sides, s, t = _closest(table, row, x, y, z)
    moved = True
    while moved:
        moved = False
        for side in range(3):
            if not sides >> side & 1 or beside[row, side] < 0:
                continue
            other = beside[row, side]
            found, there, new_s, new_t = _closest(table, other, x, y, z)
            if found < best:
                row, best, sides, s, t, moved = other, found, there, new_s, new_t, True
                break
    return best, row, s, t


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(table: Points, n: int, reach: float, squared: NDArray[np.float32], nearest: Labels) -> None:
    """Every triangle to all voxels within reach of it, in the padded grid."""
    m = n + 2
    for row in range(len(table)):
        ax, ay, az = table[row, 0], table[row, 1], table[row, 2]
        ux, uy, uz = table[row, 3], table[row, 4], table[row, 5]
        vx, vy, vz = table[row, 6], table[row, 7], table[row, 8]
        x0 = max(int(np.ceil(max(ax + min(0.0, ux, vx) - reach, 0.0))), 0)
        y0 = max(int(np.ceil(max(ay + min(0.0, uy, vy) - reach, 0.0))), 0)
        z0 = max(int(np.ceil(max(az + min(0.0, uz, vz) - reach, 0.0))), 0)
        x1 = int(np.floor(min(ax + max(0.0, ux, vx) + reach, n - 1.0)))
        y1 = int(np.floor(min(ay + max(0.0, uy, vy) + reach, n - 1.0)))
        z1 = int(np.floor(min(az + max(0.0, uz, vz) + reach, n - 1.0)))
        if x0 > x1 or y0 > y1 or z0 > z1:
            continue
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        nx, ny, nz = nx / length, ny / length, nz / length
        for i in range(x0, x1 + 1):
            for j in range(y0, y1 + 1):
                base = nx * (i - ax) + ny * (j - ay)
                at = ((i + 1) * m + j + 1) * m + 1
                for k in range(z0, z1 + 1):
                    height = base + nz * (k - az)
                    if height > reach or height < -reach or height * height >= squared[at + k]:
                        continue
                    found, _, _, _ = _closest(table, row, float(i), float(j), float(k))
                    if found < squared[at + k] and found <= reach * reach:
                        squared[at + k], nearest[at + k] = found, row


@njit(cache=True, nogil=True, error_model="numpy")
def _propagate(
    table: Points, beside: Labels, n: int, limit: float, squared: NDArray[np.float32], nearest: Labels
) -> None:
    """Layer by layer outwards: start from the closest of the closest points of the 18 neighbours known so far."""
    m = n + 2
    offsets = np.empty(18, np.int64)
    count = 0
    for i in range(-1, 2):
        for j in range(-1, 2):
            for k in range(-1, 2):
                if 0 < abs(i) + abs(j) + abs(k) <= 2:
                    offsets[count] = (i * m + j) * m + k
                    count += 1
    layer, following = np.empty(n * n * n, np.int32), np.empty(n * n * n, np.int32)
    foot = np.empty((m * m * m, 3), np.float32)
    queued = nearest != _UNKNOWN
    filled = 0
    for at in range(m * m * m):
        if nearest[at] >= 0:
            row = nearest[at]
            _, _, s, t = _closest(table, row, float(at // (m * m) - 1), float(at // m % m - 1), float(at % m - 1))
            for axis in range(3):
                foot[at, axis] = table[row, axis] + s * table[row, 3 + axis] + t * table[row, 6 + axis]
            layer[filled] = at
            filled += 1
    while filled:
        more = 0
        for place in range(filled):
            if squared[layer[place]] > limit * limit:
                continue
            for offset in offsets:
                at = layer[place] + offset
                if not queued[at]:
                    queued[at] = True
                    following[more] = at
                    more += 1
        for place in range(more):
            at = following[place]
            x, y, z = np.float32(at // (m * m) - 1), np.float32(at // m % m - 1), np.float32(at % m - 1)
            row, least = -1, np.float32(np.inf)
            for offset in offsets:
                other = at + offset
                if nearest[other] >= 0:
                    dx, dy, dz = x - foot[other, 0], y - foot[other, 1], z - foot[other, 2]
                    found = dx * dx + dy * dy + dz * dz
                    if found < least:
                        row, least = nearest[other], found
            best, row, s, t = _settle(table, beside, row, float(x), float(y), float(z))
            squared[at], nearest[at] = best, row
            for axis in range(3):
                foot[at, axis] = table[row, axis] + s * table[row, 3 + axis] + t * table[row, 6 + axis]
        layer, following, filled = following, layer, more
