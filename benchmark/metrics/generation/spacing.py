"""Which lattice: pilots on some shapes tell how many pairs each would leave, a cost model what it would take.

Only time depends on the choice, never a result. The constants are measured on one core of a 2025 server.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np

from benchmark.metrics.clouds.trees import LEAF, Indices, Trees
from benchmark.metrics.generation.lattice import Frame, count_vertices, lower_bounds, splat
from benchmark.metrics.generation.nearest_shapes import search_rows

PILOT_SHAPES = 48
PILOT_ROWS = 16
PILOT_SHARE = 0.02
"""Pilots may take this share of what it takes to compare all pairs, lest planning cost more than it can save."""
_VERTEX_SECONDS = 4e-8  # per vertex and cloud: the table
_PRODUCT_SECONDS = 2 / 1.2e11  # per vertex and pair of clouds
_LEAF_SECONDS = 1.6e-6  # per 32 points looked up in a cloud
_ALL_SEARCHES = 1.7  # over the cross searches: what is learnt of a pair serves both, own ones are only decided
_GROWTH = 0.75
_NOT_WORTH_PLANNING = 0.5  # seconds
_FINEST = 192  # vertices along a cloud
_MOST_VERTICES = 2**27


def choose_spacing(frame: Frame, generated: int, neighbours: int, pool: Executor, must: bool) -> float | None:
    """The spacing for a search of all M clouds, the first ``generated`` of which are one set, for k nearest of each.

    Spacings are tried from coarse to fine until the bounds alone would take longer than the best plan so far.
    None if all pairs would be had as soon, unless bounds ``must`` be used.
    """
    trees = frame.trees
    clouds, leaves = len(trees), float(np.diff(trees.first).mean())
    ours = np.unique(np.linspace(0, generated - 1, PILOT_SHAPES).astype(np.int64))
    theirs = np.unique(np.linspace(generated, clouds - 1, PILOT_SHAPES).astype(np.int64))
    some = Frame(_subset(trees, np.concatenate([ours, theirs])), frame.moved)
    exhaustive = clouds * (clouds - 1) * leaves * _LEAF_SECONDS
    if exhaustive < _NOT_WORTH_PLANNING and not must:
        return None
    least, best, spent = np.inf, 0.0, 0.0
    for spacing in _ladder(trees):
        bounds = _bound_seconds(count_vertices(trees, spacing), clouds)
        if bounds > least or spent > PILOT_SHARE * exhaustive:
            break
        looked_up = _pilot(some, len(ours), spacing, pool)
        # Beyond the pairs that have to be finished, what is looked up grows with the shapes to choose from, but
        # not as fast: the more there are, the nearer is the nearest.
        needed = 2 * leaves * neighbours
        per_shape = needed + max(0.0, looked_up - 2 * leaves) * ((clouds - generated) / len(theirs)) ** _GROWTH
        seconds = bounds + _ALL_SEARCHES * clouds * per_shape * _LEAF_SECONDS
        if seconds < least:
            least, best = seconds, spacing
        spent += _bound_seconds(count_vertices(some.trees, spacing), len(some.trees))
        spent += PILOT_ROWS * looked_up * _LEAF_SECONDS
    return best if must or least < exhaustive else None


def _bound_seconds(vertices: int, clouds: int) -> float:
    return vertices * clouds * (_VERTEX_SECONDS + clouds * _PRODUCT_SECONDS)


def _ladder(trees: Trees) -> Iterator[float]:
    """Powers of two and three quarters of them, from about a sixteenth of a cloud's extent down.

    Of a median cloud, so that outliers do not coarsen the lattice; but no lattice is finer than memory allows.
    """
    low = np.minimum.reduceat(trees.low, trees.first[:-1], axis=1).astype(np.float64)
    high = np.maximum.reduceat(trees.high, trees.first[:-1], axis=1).astype(np.float64)
    whole = np.maximum(high.max(axis=1) - low.min(axis=1), 1e-30)
    extent = max(float(np.median((high - low).max(axis=0))), 1e-30)
    spacing = float(2.0 ** np.floor(np.log2(extent / 12)))
    while np.prod(whole / spacing + 4) > _MOST_VERTICES:
        spacing *= 2
    yield spacing
    factor = 0.75
    while extent / spacing < _FINEST and np.prod(whole / (spacing * factor) + 4) <= _MOST_VERTICES:
        spacing *= factor
        yield spacing
        factor = 0.5 / factor


def _pilot(frame: Frame, generated: int, spacing: float, pool: Executor) -> float:
    """Leaves looked up per shape when some generated shapes look for their nearest reference."""
    trees = frame.trees
    clouds = len(trees)
    rows = np.unique(np.linspace(0, generated - 1, PILOT_ROWS).astype(np.int64))
    candidates = np.arange(generated, clouds)
    forth, back = lower_bounds(frame, splat(trees, spacing), rows, pool, 8192)
    known, done = np.full((len(rows), clouds), np.nan), np.zeros(3, np.int64)
    search_rows(
        trees.xyz, trees.low, trees.high, trees.first, trees.count, rows, 0, len(rows), candidates, candidates,
        np.ones(clouds, np.bool_), forth, back, known, np.full(clouds, -1), np.full(len(rows), -np.inf),
        np.empty((len(rows), 1)), np.empty((len(rows), 1), np.int64), done,
    )  # fmt: skip
    return float(done[2]) / len(rows)


def _subset(trees: Trees, chosen: Indices) -> Trees:
    """Some of the clouds."""
    leaves = np.concatenate([np.arange(trees.first[c], trees.first[c + 1]) for c in chosen])
    points = (leaves[:, None] * LEAF + np.arange(LEAF)).ravel()
    first = np.concatenate([[0], np.cumsum(np.diff(trees.first)[chosen])]).astype(np.int64)
    return Trees(
        np.ascontiguousarray(trees.xyz[:, points]), trees.order[points], np.ascontiguousarray(trees.low[:, leaves]),
        np.ascontiguousarray(trees.high[:, leaves]), first, trees.count[chosen],
    )  # fmt: skip
