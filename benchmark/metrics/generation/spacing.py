"""Which lattice: a pilot on some shapes tells how many pairs the bounds would leave, a cost model the rest.

Only time depends on the choice, never a result. The constants are measured on one core of a 2025 server.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.clouds.trees import LEAF, Indices, Trees
from benchmark.metrics.generation.lattice import Frame, count_vertices, lower_bounds, splat
from benchmark.metrics.generation.nearest_shapes import search_rows

PILOT_SHAPES = 96
PILOT_ROWS = 24
HOPELESS = 0.5
"""With more than this share of the pairs left over, bounds are not worth having."""
_TABLE_SECONDS = 4e-8  # per vertex and cloud
_PRODUCT_SECONDS = 2 / 1.2e11  # per vertex and pair of clouds
_PAIR_SECONDS = 1e-4  # per pair begun, of clouds of 2048 points
_MOST_VERTICES = 2**27
_DECAY = 2.4  # the pairs left over fall with about this power of the spacing


@dataclass(frozen=True)
class Plan:
    """The spacing to use, None where bounds are not worth having, and the best one if they must be used."""

    spacing: float | None
    forced: float


def choose_spacing(frame: Frame, generated: int, neighbours: int, pool: Executor) -> Plan:
    """Plan the search of all M clouds, the first ``generated`` of which are one set, for k nearest of each."""
    trees = frame.trees
    clouds = len(trees)
    ladder = _ladder(trees)
    ours = np.unique(np.linspace(0, generated - 1, PILOT_SHAPES).astype(np.int64))
    theirs = np.unique(np.linspace(generated, clouds - 1, PILOT_SHAPES).astype(np.int64))
    begun = _pilot(Frame(_subset(trees, np.concatenate([ours, theirs])), frame.moved), len(ours), ladder[0], pool)
    points = float(trees.count.mean())
    growth = clouds / (len(ours) + len(theirs))

    def pairs(spacing: float) -> float:
        return float(neighbours + (begun - 1) * growth * (spacing / ladder[0]) ** _DECAY)

    def seconds(spacing: float) -> float:
        columns = count_vertices(trees, spacing)
        bounds = columns * clouds * (_TABLE_SECONDS + clouds * _PRODUCT_SECONDS)
        search = 1.6 * clouds * pairs(spacing) * _PAIR_SECONDS * points / 2048
        return float(bounds + search)

    best = min(ladder, key=seconds)
    return Plan(None if begun > HOPELESS * len(theirs) else best, best)


def _ladder(trees: Trees) -> list[float]:
    """Powers of two and three quarters of them, from about a sixteenth of a cloud's extent to a hundredth.

    Of a median cloud, so that outliers do not coarsen the lattice; but no lattice is finer than memory allows.
    """
    low = np.minimum.reduceat(trees.low, trees.first[:-1], axis=1).astype(np.float64)
    high = np.maximum.reduceat(trees.high, trees.first[:-1], axis=1).astype(np.float64)
    whole = np.maximum(high.max(axis=1) - low.min(axis=1), 1e-30)
    extent = max(float(np.median((high - low).max(axis=0))), 1e-30)
    top = 2.0 ** np.floor(np.log2(extent / 12))
    while np.prod(whole / top + 4) > _MOST_VERTICES:
        top *= 2
    ladder = [top * factor for factor in (1.0, 0.75, 0.5, 0.375, 0.25, 0.1875)]
    return [spacing for spacing in ladder if np.prod(whole / spacing + 4) <= _MOST_VERTICES]


def _pilot(frame: Frame, generated: int, spacing: float, pool: Executor) -> float:
    """Pairs begun per shape when some generated shapes look for their nearest reference."""
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
    return float(done.sum()) / len(rows)


def _subset(trees: Trees, chosen: Indices) -> Trees:
    """Some of the clouds."""
    leaves = np.concatenate([np.arange(trees.first[c], trees.first[c + 1]) for c in chosen])
    points = (leaves[:, None] * LEAF + np.arange(LEAF)).ravel()
    first = np.concatenate([[0], np.cumsum(np.diff(trees.first)[chosen])]).astype(np.int64)
    return Trees(
        np.ascontiguousarray(trees.xyz[:, points]), trees.order[points], np.ascontiguousarray(trees.low[:, leaves]),
        np.ascontiguousarray(trees.high[:, leaves]), first, trees.count[chosen],
    )  # fmt: skip
