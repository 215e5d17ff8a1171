"""The surface of a packed mask: border voxels, or corners with the area of the surface around them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.voxels.words import Words, compiled, shift_down, shift_up

Floats = NDArray[np.float64]


def count(points: Words) -> int:
    """How many points a packed mask has."""
    return int(np.bitwise_count(points).sum())


def crop(a: Words, b: Words) -> tuple[Words, Words]:
    """Both (X, Y, W) without the leading and trailing planes in which neither has a voxel."""
    used = np.any(a | b, axis=2)
    xs, ys = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
    box = (slice(xs[0], xs[-1] + 1), slice(ys[0], ys[-1] + 1)) if len(xs) else (slice(1), slice(1))
    return a[box], b[box]


def surround(rows: Words, flat: bool) -> Words:
    """(X, Y, W) to (X + 2, Y + 2, W): outside all round, or more of the same above and below a flat mask."""
    return np.pad(np.pad(rows, ((1, 1), (0, 0), (0, 0)), "edge" if flat else "constant"), ((0, 0), (1, 1), (0, 0)))


def borders(rows: Words) -> Words:
    """Inside voxels with a face neighbour outside: (X, Y, W) of surrounded rows."""
    own = rows[1:-1, 1:-1]
    sides = rows[:-2, 1:-1] & rows[2:, 1:-1] & rows[1:-1, :-2] & rows[1:-1, 2:]
    return own & ~(sides & shift_up(own) & shift_down(own))


def corners(rows: Words) -> Words:
    """Corners whose eight voxels are not all alike: (X + 1, Y + 1, W), corner k being before voxel k."""
    around = rows[:-1, :-1], rows[:-1, 1:], rows[1:, :-1], rows[1:, 1:]
    some = around[0] | around[1] | around[2] | around[3]
    every = around[0] & around[1] & around[2] & around[3]
    return (some | shift_up(some)) & ~(every & shift_up(every))


def surfel_areas(rows: Words, corners: Words, steps: Floats) -> Floats:
    """Area in mm² around every corner, in C order."""
    codes = np.empty(count(corners), dtype=np.uint8)
    compiled(_neighbour_codes)(rows, corners, codes)
    areas = np.linalg.norm(_triangles() * (steps.prod() / steps), axis=2).sum(axis=1)
    return np.asarray(areas[codes], dtype=np.float64)


@cache
def _triangles() -> Floats:
    """Area vectors of the triangles at a corner for each code of its 2x2x2 voxels: (256, 4, 3), in voxels.

    The marching-cubes cases of Lorensen and Cline with vertices halfway along the edges; a code and its complement
    have the same triangles, so diagonal neighbours are never joined. Under a spacing every component is
    multiplied by the spacings of the other two axes. Gives the areas of surface-distance for all codes.
    """
    from skimage.measure import marching_cubes

    vectors = np.zeros((256, 4, 3))
    for code in range(1, 255):
        fewer = code if code.bit_count() <= 4 else 255 - code
        voxels = np.unpackbits(np.array([fewer], dtype=np.uint8)).reshape(2, 2, 2).astype(np.float32)
        vertices, faces, _, _ = marching_cubes(voxels, 0.5, method="lorensen")  # type: ignore[no-untyped-call]
        corner = np.round(2 * vertices[faces]) / 2
        vectors[code, : len(faces)] = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) / 2
    return vectors


def _neighbour_codes(rows: Words, corners: Words, codes: NDArray[np.uint8]) -> None:
    """The 2x2x2 voxels round every corner as eight bits, the voxel of lowest indices being the highest bit."""
    one, last = np.uint64(1), np.uint64(63)
    n = 0
    for x in range(corners.shape[0]):
        for y in range(corners.shape[1]):
            for w in range(corners.shape[2]):
                bits = corners[x, y, w]
                while bits:
                    voxel = bits & (~bits + one)
                    bits ^= voxel
                    code = 0
                    for i in range(2):
                        for j in range(2):
                            before = rows[x + i, y + j, w] & (voxel >> one)
                            if voxel == one and w > 0:
                                before = rows[x + i, y + j, w - 1] >> last
                            code = 4 * code + 2 * (before != 0) + ((rows[x + i, y + j, w] & voxel) != 0)
                    codes[n] = code
                    n += 1
