"""What closes an open mesh, and what of a mesh is no border of its solid.

An open mesh has a fractional winding number. Together with a cone over every border it is whole, and cheap to
count along rays; subtracting the winding number of the cones alone gives that of the mesh back. Where it passes 1/2
without a triangle there, a hole is filled.
"""

from __future__ import annotations

from typing import Any

import igl
import numpy as np
from numba import njit
from numpy.typing import NDArray

from medshape_text.curate.sdf.clean import pinched
from medshape_text.curate.sdf.connectivity import Edges, Faces, Labels, components
from medshape_text.curate.sdf.rays import Points, count_crossings, ray_index

_BLOCK = 4
"""Edge, in voxels, of the blocks over which the cones' winding number is looked at once if it is far from 1/2."""
_CALM = 0.25
_DROP, _WHOLE, _ASK = 0, 1, 2
_MOST_TESTS, _MOST_PIECES = 3e7, 1e6
_PROBE = 1e-3
"""How far, in voxels, from a triangle it is asked on which side it is."""


def cones(points: Points, edges: Edges) -> tuple[Points, Faces]:
    """Vertices and faces that leave no border when added to a mesh: one cone over each connected border.

    The vertices are those of the mesh and the apexes behind them.
    """
    excess = edges.excess
    chosen = np.flatnonzero(excess)
    ends = np.where((excess[chosen] > 0)[:, None], edges.ends[chosen, ::-1], edges.ends[chosen])
    label, count = components(ends, len(points))
    middle = points[ends].mean(axis=1)
    length = np.linalg.norm(points[ends[:, 1]] - points[ends[:, 0]], axis=1) + 1e-12
    total = np.bincount(label, length, minlength=count)
    apexes = np.stack([np.bincount(label, length * middle[:, k], minlength=count) / total for k in range(3)], axis=1)
    faces = np.column_stack([ends, label + len(points)])
    return np.concatenate([points, apexes]), np.repeat(faces, np.abs(excess[chosen]), axis=0)


def cone_winding(points: Points, cone: Faces, resolution: int) -> NDArray[np.float64]:
    """Winding number (R, R, R) of the cones, in voxels where it may matter, else that of its block of 4^3."""
    blocks = -(-resolution // _BLOCK)
    places = np.arange(blocks, dtype=np.float64) * _BLOCK + (_BLOCK - 1) / 2
    coarse = igl.fast_winding_number(points, cone, _lattice(places)).reshape((blocks,) * 3)
    restless = np.abs(coarse) > _CALM
    for corner in (points[cone].min(axis=1), points[cone].max(axis=1), points[cone].mean(axis=1)):
        index = np.floor(corner / _BLOCK).astype(np.int64)
        index = index[((index >= 0) & (index < blocks)).all(axis=1)]
        restless[tuple(index.T)] = True
    restless = _grown(restless)
    fine = _repeated(restless, resolution)
    winding = _repeated(coarse, resolution)
    winding[fine] = igl.fast_winding_number(points, cone, np.argwhere(fine).astype(np.float64))
    return winding


def _lattice(places: Points) -> Points:
    return np.stack(np.meshgrid(places, places, places, indexing="ij"), axis=-1).reshape(-1, 3)


def _but_one(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All of a grid but the last and but the first layer along an axis: what lies before each other."""
    whole = slice(None)
    before, behind = [whole] * 3, [whole] * 3
    before[axis], behind[axis] = slice(None, -1), slice(1, None)
    return tuple(before), tuple(behind)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    for axis in range(3):
        first, last = _but_one(axis)
        grown = mask.copy()
        grown[first] |= mask[last]
        grown[last] |= mask[first]
        mask = grown
    return mask


def _repeated(blocks: NDArray[Any], resolution: int) -> NDArray[Any]:
    whole = blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)
    return np.ascontiguousarray(whole[:resolution, :resolution, :resolution])


def filled_holes(points: Points, faces: Faces, winding: NDArray[np.float64]) -> Points:
    """Triangles (T, 3, 3) where the winding number passes 1/2 between voxels without a face between them.

    A surface net: each cell of eight voxels has one vertex, the mean of the passages on its edges, and each
    passage a square of the four cells around it.
    """
    n = len(winding)
    inside = winding > 0.5
    cells: list[NDArray[np.int64]] = []
    passages: list[Points] = []
    for axis in range(3):
        crossings = np.zeros(n**3, np.int32)
        count_crossings(points, faces, axis, n, False, crossings)
        first, last = _but_one(axis)
        free = crossings.reshape(winding.shape)[last] == 0
        low = np.argwhere(free & (inside[first] != inside[last]))
        here = winding[tuple(low.T)]
        there = winding[tuple((low + np.eye(3, dtype=np.int64)[axis]).T)]
        passage = low.astype(np.float64)
        passage[:, axis] += (here - 0.5) / (here - there)
        step_b, step_c = np.eye(3, dtype=np.int64)[(axis + 1) % 3], np.eye(3, dtype=np.int64)[(axis + 2) % 3]
        cells.append(np.stack([low, low - step_b, low - step_b - step_c, low - step_c], axis=1))
        passages.append(passage)
    around, at = np.concatenate(cells), np.concatenate(passages)
    if not len(at):
        return np.empty((0, 3, 3))
    key = ((around[..., 0] + 1) * (n + 1) + around[..., 1] + 1) * (n + 1) + around[..., 2] + 1
    _, vertex = np.unique(key.ravel(), return_inverse=True)
    size = np.bincount(vertex)
    spread = np.repeat(at, 4, axis=0)
    net = np.stack([np.bincount(vertex, spread[:, k]) / size for k in range(3)], axis=1)
    square = vertex.reshape(-1, 4)
    halves = np.concatenate([square[:, :3], square[:, [0, 2, 3]]])
    return np.asarray(net[halves[~pinched(net, halves)]])


def border_of_solid(
    points: Points, faces: Faces, cone: Faces, whole: NDArray[np.int32], cones_winding: NDArray[np.float64] | None
) -> tuple[Faces, Points]:
    """Of a mesh with overlaps, what has the solid on just one side.

    Args:
        points: (V, 3) in voxels.
        faces: (F, 3) of the mesh, none pinched.
        cone: (C, 3) faces that close it.
        whole: (R, R, R) winding numbers of mesh and cones.
        cones_winding: those of the cones alone, if there are any.

    Returns:
        Faces that count whole, and corners (T, 3, 3) of pieces about a voxel long of faces that do in part.
    """
    verdict = _judge(points, faces, whole)
    index = ray_index(points, np.concatenate([faces, cone]), 0)
    most = int(min(_MOST_TESTS / max(index.crowd, 1.0), _MOST_PIECES))
    if np.count_nonzero(verdict == _ASK) > most:  # a heap of large triangles, of which no solid can be made
        verdict[verdict == _ASK] = _WHOLE
    corners = subdivide(points, faces[verdict == _ASK], 1.0, most)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal *= _PROBE / np.linalg.norm(normal, axis=1, keepdims=True)
    middle = corners.mean(axis=1)
    solid = []
    for probe in (middle + normal, middle - normal):
        winding = index.winding(probe).astype(np.float64)
        if cones_winding is not None:
            voxel = np.clip(np.rint(probe), 0, len(whole) - 1).astype(np.int64)
            near = np.abs(cones_winding[tuple(voxel.T)]) > 0.05
            winding[near] -= igl.fast_winding_number(points, cone, np.ascontiguousarray(probe[near]))
        solid.append(winding > 0.5)
    return faces[verdict == _WHOLE], corners[solid[0] != solid[1]]


@njit(cache=True, nogil=True)
def _judge(points: Points, faces: Faces, whole: Labels) -> NDArray[np.int8]:
    """Look at the voxels around every face: only where some winding number is not 0 or 1 it can lie in the solid."""
    n = len(whole)
    verdict = np.empty(len(faces), np.int8)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for face in range(len(faces)):
        for axis in range(3):
            a, b, c = points[faces[face, 0], axis], points[faces[face, 1], axis], points[faces[face, 2], axis]
            low[axis] = min(max(int(np.floor(min(a, b, c))), 0), n - 1)
            high[axis] = min(max(int(np.ceil(max(a, b, c))), 0), n - 1)
        odd, outside = False, False
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                for k in range(low[2], high[2] + 1):
                    odd = odd or whole[i, j, k] > 1 or whole[i, j, k] < 0
                    outside = outside or whole[i, j, k] <= 0
        verdict[face] = (_ASK if outside else _DROP) if odd else _WHOLE
    return verdict


def subdivide(points: Points, faces: Faces, longest: float, most: int) -> Points:
    """Corners (T, 3, 3) of the triangles, those with longer sides cut into k * k equal ones; coarser if above ``most``.

    ``most`` is at least the number of faces.
    """
    corners = points[faces]
    side = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    pieces = np.clip(np.ceil(side / longest), 1, 256).astype(np.int64)
    while (pieces**2).sum() > most:
        pieces = (pieces + 1) // 2
    return np.asarray(_subdivide(corners, pieces, int((pieces**2).sum())))


@njit(cache=True, nogil=True, error_model="numpy")
def _subdivide(corners: Points, pieces: Faces, total: int) -> Points:
    out = np.empty((total, 3, 3))
    count = 0
    for face in range(len(corners)):
        k = pieces[face]
        a = corners[face, 0]
        u, v = (corners[face, 1] - a) / k, (corners[face, 2] - a) / k
        for i in range(k):
            for j in range(k - i):
                p = a + i * u + j * v
                out[count, 0], out[count, 1], out[count, 2] = p, p + u, p + v
                count += 1
                if i + j < k - 1:
                    out[count, 0], out[count, 1], out[count, 2] = p + u, p + u + v, p + v
                    count += 1
    return out
