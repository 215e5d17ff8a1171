"""Nearest distances between two clouds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.clouds.nearest import fill_nearest_squared
from benchmark.metrics.clouds.trees import Trees, build_trees


def nearest_squared(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Squared distance of every point of ``a`` (P, 3) to the nearest of ``b`` (Q, 3), both of one precision: (P,)."""
    return _directed(build_trees([a, b]), 0, 1)


def nearest_squared_both_ways(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """From ``a`` to ``b`` and from ``b`` to ``a``: (P,) and (Q,)."""
    trees = build_trees([a, b])
    return _directed(trees, 0, 1), _directed(trees, 1, 0)


def _directed(trees: Trees, source: int, target: int) -> NDArray[Any]:
    squared = np.empty(int(trees.count[source]), trees.xyz.dtype)
    fill_nearest_squared(trees.xyz, trees.low, trees.high, trees.first, trees.order, source, target, squared)
    return squared
