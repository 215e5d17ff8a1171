"""Which lattice: pilots on some shapes tell how many pairs each would leave, a cost model what it would take.

Only time depends on the choice, never a result. The constants are measured on one core of a 2025 server.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.clouds.trees import LEAF, Indices, Trees
from benchmark.metrics.generation.lattice import Frame, count_vertices, lower_bounds, splat
from benchmark.metrics.generation.nearest_shapes import search_rows

PILOT_SHAPES = 48
PILOT_ROWS = 16
_TABLE_SECONDS = 4e-8  # per vertex and cloud
_PRODUCT_SECONDS = 2 / 1.2e11  # per vertex and pair of clouds
_FINISHED_SECONDS, _ABANDONED_SECONDS = 2e-4, 8e-5  # per pair of clouds of 2048 points
_BOTH_SEARCHES = 1.6  # own neighbours are cheaper to decide than cross ones to find
_FINEST = 192  # vertices along a cloud
_MOST_VERTICES = 2**27


@dataclass(frozen=True)
class Plan:
    """The spacing to use, None where all pairs would be had sooner, and the best one if bounds must be used."""

    spacing: float | None
    forced: float


def choose_spacing(frame: Frame, generated: int, neighbours: int, pool: Executor) -> Plan:
    """Plan the search of all M clouds, the first ``generated`` of which are one set, for k nearest of each.

    Spacings are tried from coarse to fine until the bounds alone would take longer than the best plan so far.
    """
    trees = frame.trees
    clouds, size = len(trees), float(trees.count.mean()) / 2048
    ours = np.unique(np.linspace(0, generated - 1, PILOT_SHAPES).astype(np.int64))
    theirs = np.unique(np.linspace(generated, clouds - 1, PILOT_SHAPES).astype(np.int64))
    some = Frame(_subset(trees, np.concatenate([ours, theirs])), frame.moved)
    growth = (clouds - generated) / len(theirs)
    least, forced = np.inf, 0.0
    for spacing in _ladder(trees):
        columns = count_vertices(trees, spacing)
        bounds = columns * clouds * (_TABLE_SECONDS + clouds * _PRODUCT_SECONDS)
        if bounds > least:
            break
        finished, abandoned = _pilot(some, len(ours), spacing, pool)
        finished = neighbours + max(0.0, finished - 1) * growth
        pairs = finished * _FINISHED_SECONDS + abandoned * growth * _ABANDONED_SECONDS
        seconds = bounds + _BOTH_SEARCHES * clouds * pairs * size
        if seconds < least:
            least, forced = seconds, spacing
    exhaustive = clouds * (clouds - 1) / 2 * _FINISHED_SECONDS * size
    return Plan(forced if least < exhaustive else None, forced)


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


def _pilot(frame: Frame, generated: int, spacing: float, pool: Executor) -> tuple[float, float]:
    """Pairs finished and abandoned per shape when some generated shapes look for their nearest reference."""
    trees = frame.trees
    clouds = len(trees)
    rows = np.unique(np.linspace(0, generated - 1, PILOT_ROWS).astype(np.int64))
    candidates = np.arange(generated, clouds)
    forth, back = lower_bounds(frame, splat(trees, spacing), rows, pool, 8192)
    known, done = np.full((len(rows), clouds), np.nan), np.zeros(2, np.int64)
    search_rows(
        trees.xyz, trees.low, trees.high, trees.first, trees.count, rows, 0, len(rows), candidates, candidates,
        np.ones(clouds, np.bool_), forth, back, known, np.full(clouds, -1), np.full(len(rows), -np.inf),
        np.empty((len(rows), 1)), np.empty((len(rows), 1), np.int64), done,
    )  # fmt: skip
    return float(done[0]) / len(rows), float(done[1]) / len(rows)


def _subset(trees: Trees, chosen: Indices) -> Trees:
    """Some of the clouds."""
    leaves = np.concatenate([np.arange(trees.first[c], trees.first[c + 1]) for c in chosen])
    points = (leaves[:, None] * LEAF + np.arange(LEAF)).ravel()
    first = np.concatenate([[0], np.cumsum(np.diff(trees.first)[chosen])]).astype(np.int64)
    return Trees(
        np.ascontiguousarray(trees.xyz[:, points]), trees.order[points], np.ascontiguousarray(trees.low[:, leaves]),
        np.ascontiguousarray(trees.high[:, leaves]), first, trees.count[chosen],
    )  # fmt: skip
