"""The published code's distances, exactly: kanydao/GenMed utils/metrics.py ``compute_metrics_cond``.

512 farthest-point samples of the marching-cubes *vertices* (level 0, or mid-range where 0 is out of
range), in units of the box edge (voxels / 64), from the first vertex on, padded with random duplicates
where there are fewer; Chamfer squared, mean each way, summed; "UHD" is the *bidirectional* Hausdorff
distance; both times 100. Two things differ: the padding is seeded, and a shape that cannot be sampled
scores the worst value and is counted, where the published code substitutes 512 points at the origin.

Sampling noise: farthest-point sampling is deterministic, so identical volumes score exactly 0, while one
flipped voxel can raise CD to its floor at once (about 0.1 for a large shape). Differences below the
floor that `GenMed.floor` reports are noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Case, Volume
from benchmark.metrics.base import Metric, Score, Signature, scores_of
from benchmark.metrics.distances import nearest_distances
from benchmark.metrics.sampling import farthest_points
from benchmark.metrics.surface import NoSurfaceError, box_diagonal, extract_surface
from medshape_text.frame import RESOLUTION
from medshape_text.seeds import generator_for, seed_for

POINTS = 512
SCALE = 100.0
_SAMPLING = {"points": POINTS, "sample": "fps-mc-vertices", "level": 0, "unit": "box", "scale": int(SCALE)}
CD = Metric(
    "cd",
    Signature.of("cd", "genmed", _SAMPLING | {"norm": "l2-squared", "reduce": "sum"}),
    "Chamfer distance as published, x100",
)
UHD = Metric(
    "uhd",
    Signature.of("uhd", "genmed", _SAMPLING | {"norm": "l2", "directed": "no"}),
    "what the paper calls UHD: bidirectional Hausdorff distance, x100",
)
_WORST_DISTANCE = box_diagonal() / RESOLUTION


def genmed_points(sdf: Volume, seed: int, start: int | None = 0) -> NDArray[np.float64]:
    """The published 512-point sample of a volume, in box-edge units.

    Args:
        sdf: (64, 64, 64), negative inside.
        seed: of the padding, and of the start vertex when ``start`` is None.
        start: index of the first vertex; None draws it.

    Returns:
        (512, 3) float64.

    Raises:
        NoSurfaceError: if the volume is constant.
    """
    low, high = float(sdf.min()), float(sdf.max())
    level = 0.0 if low <= 0.0 <= high else (low + high) / 2
    vertices = extract_surface(sdf, level, close=False).vertices
    rng = np.random.default_rng(seed)
    first = int(rng.integers(len(vertices))) if start is None else start
    points = vertices[farthest_points(vertices, POINTS, first)]
    if len(points) < POINTS:
        points = np.concatenate([points, points[rng.integers(len(points), size=POINTS - len(points))]])
    return points / RESOLUTION


def genmed_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """(CD, UHD) x100 of two point samples."""
    forth, back = nearest_distances(a, b)
    squared = float((forth**2).mean() + (back**2).mean())
    return SCALE * squared, SCALE * float(max(forth.max(), back.max()))


@dataclass(frozen=True)
class GenMed:
    """CD and UHD under the paper's conventions."""

    name: str = "genmed"
    metrics: tuple[Metric, ...] = (CD, UHD)

    def signatures(self, case: Case) -> Mapping[str, str]:
        """Metric name → signature."""
        return {metric.name: metric.signature for metric in self.metrics}

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Distances to the truth; worst if either cannot be sampled."""
        seed = seed_for(case.id, "genmed/padding")
        try:
            values = genmed_distances(genmed_points(prediction, seed), genmed_points(case.truth, seed))
        except NoSurfaceError:
            return self.worst(case, "no_surface")
        return scores_of(self.metrics, values)

    def worst(self, case: Case, reason: str) -> list[Score]:
        """Every point a box diagonal away from every other."""
        return scores_of(self.metrics, (SCALE * 2 * _WORST_DISTANCE**2, SCALE * _WORST_DISTANCE), reason)

    def floor(self, case: Case) -> list[Score]:
        """Truth against truth, sampled from another first vertex."""
        seed = seed_for(case.id, "genmed/padding")
        other = generator_for(case.id, "genmed/floor").integers(2**32)
        points = genmed_points(case.truth, int(other), start=None), genmed_points(case.truth, seed)
        return scores_of(self.metrics, genmed_distances(*points))
