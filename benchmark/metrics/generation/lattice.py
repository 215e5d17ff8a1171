"""Lower bounds on the Chamfer distance of all pairs of clouds at once, from one matrix product.

With d_B the distance to cloud B, d_B(x)^2 = |x|^2 - max_b (2 b.x - |b|^2), and the maximum is convex. Write a
point x as the trilinear combination, with weights w_i >= 0, of the corners v_i of its lattice cell; then
by Jensen's inequality

    d_B(x)^2 >= sum_i w_i d_B(v_i)^2 - h^2 sum_k t_k (1 - t_k),

t being the point's fractional coordinates in the cell and h the spacing. Summed over the points of A,

    mean_a d_B(a)^2 >= (<W_A, T_B> - E_A) / |A|,

with W_A the splat of A onto the lattice, T_B the squared distances of the lattice's vertices to B and
E_A a number of A alone. All terms are >= 0, so a margin relative to the product covers its rounding in any
order of summation, and the bounds are certain, not likely.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmark.metrics.clouds.nearest import part, query_leaf
from benchmark.metrics.clouds.trees import LEAF, Coordinates, Indices, Trees

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

BLOCK = (4, 4, 2)
"""Vertices are numbered block by block, so that a leaf's worth of them lies close together."""
_TABLE_SHRINK = np.float32(1 - 1e-6)  # of the table's squared distances: four roundings in single precision
_FINAL_SHRINK = 1 - 3e-6  # the cast of the bound, and the rounding of the exact distance it is compared with


@dataclass(frozen=True, eq=False)
class Frame:
    """Clouds near the origin in single precision, where the bounds are computed.

    ``trees`` have the order of the original ones; ``moved`` is the farthest that rounding moved any point.
    """

    trees: Trees
    moved: float


@dataclass(frozen=True, eq=False)
class Splats:
    """The splats W of all clouds as sparse rows (``start``, ``vertex``, ``weight``), and E of each.

    ``vertex`` counts the vertices of the active blocks, the only ones any cloud needs; ``corner`` (B, 3) is
    the lowest vertex of each of them in units of the ``spacing``.
    """

    spacing: float
    start: Indices
    vertex: NDArray[np.int32]
    weight: Singles
    excess: Floats
    corner: Indices

    @property
    def nbytes(self) -> int:
        """Memory of the sparse rows."""
        return self.vertex.nbytes + self.weight.nbytes


def centre(trees: Trees) -> Frame:
    """Move clouds to where single precision resolves them; clouds that lie well already stay as they are."""
    low, high = trees.low.min(axis=1).astype(np.float64), trees.high.max(axis=1).astype(np.float64)
    extent = float((high - low).max())
    if trees.xyz.dtype == np.float32 and max(np.abs(low).max(), np.abs(high).max()) <= 4 * extent:
        return Frame(trees, 0.0)
    middle = ((low + high) / 2)[:, None]
    exact = trees.xyz - middle
    xyz = exact.astype(np.float32)
    leaves = xyz.reshape(3, -1, LEAF)
    # Rounding in double precision on the way (1e-16 of the coordinates) is covered by the factor and the term.
    moved = float(np.sqrt(((exact - xyz) ** 2).sum(axis=0).max())) * (1 + 1e-9) + 4e-16 * float(np.abs(trees.xyz).max())
    return Frame(
        Trees(xyz, trees.order, leaves.min(axis=2), leaves.max(axis=2), trees.first, trees.count), moved
    )  # fmt: skip


def splat(trees: Trees, spacing: float) -> Splats:
    """Splat every cloud onto the lattice of a spacing (a power of two, or three times one, for exact vertices)."""
    lowest, blocks, active = _active_blocks(trees, spacing)
    compact = np.full(int(blocks.prod()), -1, dtype=np.int64)
    compact[active] = np.arange(len(active))
    corner = np.stack(np.unravel_index(active, tuple(blocks)), axis=1) * np.array(BLOCK) + lowest
    vertices, weights, used = [], [], np.empty(len(trees), np.int64)
    excess = np.empty(len(trees))
    for begin in range(0, len(trees), 256):  # in chunks, because how many vertices a cloud touches is not known
        own = slice(begin, min(begin + 256, len(trees)))
        capacity = int(8 * trees.count[own].sum())
        vertex, weight = np.empty(capacity, np.int32), np.empty(capacity, np.float32)
        entries = _splat(
            trees.xyz, trees.first[own], trees.count[own], spacing, lowest, blocks, compact, len(active),
            vertex, weight, used[own], excess[own],
        )  # fmt: skip
        vertices.append(vertex[:entries].copy())
        weights.append(weight[:entries].copy())
    start = np.concatenate([[0], np.cumsum(used)]).astype(np.int64)
    return Splats(spacing, start, np.concatenate(vertices), np.concatenate(weights), excess, corner)


def count_vertices(trees: Trees, spacing: float) -> int:
    """Columns :func:`splat` would have."""
    return len(_active_blocks(trees, spacing)[2]) * LEAF


def _active_blocks(trees: Trees, spacing: float) -> tuple[Indices, Indices, Indices]:
    """Lowest vertex of the lattice, its size in blocks, and the flat indices of the blocks any cloud touches."""
    lowest = np.floor(trees.low.min(axis=1).astype(np.float64) / spacing).astype(np.int64)
    highest = np.floor(trees.high.max(axis=1).astype(np.float64) / spacing).astype(np.int64) + 1
    blocks = (highest - lowest) // np.array(BLOCK) + 1
    marks = np.zeros(int(blocks.prod()), dtype=np.uint8)
    _mark(trees.xyz, spacing, lowest, blocks, marks)
    return lowest, blocks, np.flatnonzero(marks)


def lower_bounds(frame: Frame, splats: Splats, rows: Indices, pool: Executor, tile: int) -> tuple[Singles, Singles]:
    """Certain lower bounds on the mean squared distance from row to column clouds, and from column to row.

    Args:
        frame: all M clouds.
        splats: of the same.
        rows: (R,) clouds to bound against all others.
        pool: threads for the table.
        tile: vertices at a time; memory is ``8 M tile`` bytes beside the result.

    Returns:
        Two (R, M) float32 arrays, never negative.
    """
    trees, everything = frame.trees, len(rows) == len(frame.trees)
    clouds = len(trees)
    forth = np.zeros((len(rows), clouds), np.float32)
    back = forth if everything else np.zeros((len(rows), clouds), np.float32)
    for first, last in _tiles(len(splats.corner), max(1, tile // LEAF)):
        table = _table(trees, splats, first, last, pool)
        weights = np.zeros((clouds, (last - first) * LEAF), np.float32)
        _densify(splats.start, splats.vertex, splats.weight, first * LEAF, weights)
        forth += weights[rows] @ table.T if not everything else weights @ table.T
        if not everything:
            back += table[rows] @ weights.T
    if everything:
        back = np.ascontiguousarray(forth.T)
    relative = (np.diff(splats.start).max() + 64) * 2.0**-24 + 2e-6  # of a product of so many terms, none negative
    excess, count = splats.excess * (1 + 1e-12), trees.count
    for row, cloud in enumerate(rows):
        _certify(forth[row], relative, excess[cloud], count[cloud], frame.moved)
        _certify(back[row], relative, excess, count, frame.moved)
    return forth, back


def _certify(
    products: Singles, relative: float, excess: float | Floats, count: int | Indices, moved: float
) -> None:  # fmt: skip
    """Turn products <W, T> into bounds that hold in exact arithmetic and for the rounded exact distance too."""
    bounds = (products.astype(np.float64) * (1 - relative) - excess) / count
    # Rounding to the frame moved every point by at most `moved`: Minkowski's inequality for root mean squares.
    root = np.sqrt(np.maximum(bounds, 0)) - 2 * moved
    products[:] = np.where(root > 0, root**2 * _FINAL_SHRINK, 0)


def _tiles(count: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, size):
        yield first, min(first + size, count)


def _table(trees: Trees, splats: Splats, first: int, last: int, pool: Executor) -> Singles:
    """(M, V) squared distances of the vertices of some blocks to every cloud, shrunk by their rounding."""
    local = np.stack(np.unravel_index(np.arange(LEAF), BLOCK), axis=1)
    vertices = (splats.corner[first:last, None, :] + local[None]).reshape(-1, 3) * splats.spacing
    xyz = np.ascontiguousarray(vertices.T.astype(np.float32))
    table = np.empty((len(trees), xyz.shape[1]), np.float32)
    chunks = [slice(begin, min(begin + 16, len(trees))) for begin in range(0, len(trees), 16)]
    arrays = (trees.xyz, trees.low, trees.high, trees.first)
    for _ in pool.map(lambda own: _fill_table(xyz, *arrays, own.start, table[own]), chunks):
        pass
    return table


@njit(cache=True, nogil=True)
def _fill_table(
    vertices: Singles, xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, start: int, table: Singles
) -> None:
    best, box = np.empty(LEAF, np.float32), np.empty(6, np.float32)
    for row in range(len(table)):
        begin, end = first[start + row], first[start + row + 1]
        points = part(xyz, begin * LEAF, end * LEAF)
        own_low, own_high = part(low, begin, end), part(high, begin, end)
        bounds, centres = np.empty(end - begin, np.float32), np.empty(end - begin, np.float32)
        for at in range(0, vertices.shape[1], LEAF):
            query = part(vertices, at, at + LEAF)
            for axis in range(3):
                box[axis], box[3 + axis] = query[axis][0], query[axis][LEAF - 1]
            query_leaf(query, box, points, own_low, own_high, best, bounds, centres)
            for index in range(LEAF):
                table[row, at + index] = best[index] * _TABLE_SHRINK


@njit(cache=True, nogil=True)
def _densify(start: Indices, vertex: NDArray[np.int32], weight: Singles, first: int, dense: Singles) -> None:
    """Copy the columns from ``first`` on of sparse rows, sorted by vertex, into zeros."""
    for row in range(len(dense)):
        begin = start[row] + np.searchsorted(vertex[start[row] : start[row + 1]], first)
        for entry in range(begin, start[row + 1]):
            column = vertex[entry] - first
            if column >= dense.shape[1]:
                break
            dense[row, column] = weight[entry]


@njit(cache=True, nogil=True)
def _mark(xyz: Coordinates, spacing: float, lowest: Indices, blocks: Indices, marks: NDArray[np.uint8]) -> None:
    for point in range(xyz.shape[1]):
        x = int(np.floor(xyz[0, point] / spacing)) - lowest[0]
        y = int(np.floor(xyz[1, point] / spacing)) - lowest[1]
        z = int(np.floor(xyz[2, point] / spacing)) - lowest[2]
        for i in range(x, x + 2):
            for j in range(y, y + 2):
                for k in range(z, z + 2):
                    marks[((i // 4) * blocks[1] + j // 4) * blocks[2] + k // 2] = 1


@njit(cache=True, nogil=True)
def _splat(
    xyz: Coordinates, first: Indices, count: Indices, spacing: float, lowest: Indices, blocks: Indices,
    compact: Indices, active: int, vertex: NDArray[np.int32], weight: Singles, used: Indices, excess: Floats,
) -> int:  # fmt: skip
    """Fill the sparse rows of some clouds one after another; returns how many entries they have together."""
    dense = np.zeros(active * LEAF)  # weights add up in double precision and are rounded once
    touched = np.zeros(active, np.uint8)
    cell, share = np.empty(3, np.int64), np.empty(3)
    entry = 0
    for cloud in range(len(count)):
        total, begin = 0.0, entry
        for point in range(first[cloud] * LEAF, first[cloud] * LEAF + count[cloud]):
            for axis in range(3):
                at = xyz[axis, point] / spacing
                whole = np.floor(at)
                cell[axis], share[axis] = int(whole) - lowest[axis], at - whole
                total += share[axis] * (1 - share[axis])
            for corner in range(8):
                i, j, k = cell[0] + (corner >> 2), cell[1] + ((corner >> 1) & 1), cell[2] + (corner & 1)
                mass = (share[0] if corner & 4 else 1 - share[0]) * (share[1] if corner & 2 else 1 - share[1])
                mass *= share[2] if corner & 1 else 1 - share[2]
                block = compact[((i // 4) * blocks[1] + j // 4) * blocks[2] + k // 2]
                dense[block * LEAF + ((i % 4) * 4 + j % 4) * 2 + k % 2] += mass
                touched[block] = 1
        for block in range(active):
            if touched[block]:
                touched[block] = 0
                for index in range(block * LEAF, (block + 1) * LEAF):
                    if dense[index] > 0:
                        vertex[entry], weight[entry] = index, dense[index]
                        entry += 1
                        dense[index] = 0
        used[cloud], excess[cloud] = entry - begin, spacing * spacing * total
    return entry
