"""The field's conventions for single shapes: PointFlow's Chamfer distance and MPC's UHD, on 2048 points.

2048 area-uniform points of the level-0 surface of either shape, in units of the box edge (64 voxels = 1).

* ``cd``: squared distances, mean each way, summed (PointFlow, PyTorch3D).
* ``uhd``: directed from the observed part to the completion, its maximum, not squared (MPC). The observed
  part are the truth's points lying in observed voxels: a plane prompt leaves few of them.

Sampling noise: both shapes are drawn with the seed of the case. The truth itself scores exactly 0, a shape of
nearly the same triangles is drawn nearly alike, and any other shape adds the noise of its own draw: the floor
that `Field.floor` reports, about 0.0005 for CD and 0.04 for UHD of a large shape. Differences below it mean
nothing; the ``dense`` profile has no such floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Case, Volume
from benchmark.metrics.base import NOT_APPLICABLE, OK, Metric, Score, Signature, scores_of
from benchmark.metrics.distances import nearest_distances
from benchmark.metrics.sampling import area_uniform_points
from benchmark.metrics.surface import NoSurfaceError, box_diagonal, extract_surface
from medshape_text.frame import RESOLUTION
from medshape_text.seeds import seed_for

POINTS = 2048
_SAMPLING = {"points": POINTS, "sample": "area-uniform", "level": 0, "unit": "box"}
CD = Metric(
    "cd",
    Signature.of("cd", "field", _SAMPLING | {"norm": "l2-squared", "reduce": "sum"}),
    "Chamfer distance by PointFlow's convention",
)
UHD = Metric(
    "uhd",
    Signature.of("uhd", "field", _SAMPLING | {"norm": "l2", "directed": "partial-to-completion"}),
    "largest distance of an observed point to the completion, by MPC's convention",
)
_WORST_DISTANCE = box_diagonal() / RESOLUTION


def field_points(sdf: Volume, seed: int) -> NDArray[np.float64]:
    """2048 area-uniform points of a volume's level-0 surface.

    Args:
        sdf: (64, 64, 64), negative inside.
        seed: of the draw.

    Returns:
        (2048, 3) float64 in voxel-index coordinates.

    Raises:
        NoSurfaceError: if the volume does not cross 0.
    """
    surface = extract_surface(sdf)
    return area_uniform_points(surface.vertices, surface.faces, POINTS, seed)


@dataclass(frozen=True)
class Field:
    """CD and directed UHD under the conventions of point-cloud papers."""

    name: str = "field"
    metrics: tuple[Metric, ...] = (CD, UHD)

    def signatures(self, case: Case) -> Mapping[str, str]:
        """Metric name → signature."""
        return {metric.name: metric.signature for metric in self.metrics}

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Distances to the truth; worst if the prediction has no surface."""
        # Both samples share a seed that depends on the case only: no method draws luckier points than another.
        seed = seed_for(case.id, "field/points")
        try:
            points = field_points(prediction, seed)
        except NoSurfaceError:
            return self.worst(case, "no_surface")
        return self._compare(points, field_points(case.truth, seed), case)

    def worst(self, case: Case, reason: str) -> list[Score]:
        """Every point a box diagonal away from every other."""
        return scores_of(self.metrics, (2 * _WORST_DISTANCE**2, _WORST_DISTANCE), reason)

    def floor(self, case: Case) -> list[Score]:
        """Truth against truth, drawn with another seed."""
        seeds = (seed_for(case.id, "field/floor"), seed_for(case.id, "field/points"))
        completion, truth = (field_points(case.truth, seed) for seed in seeds)
        return self._compare(completion, truth, case)

    def _compare(self, completion: NDArray[np.float64], truth: NDArray[np.float64], case: Case) -> list[Score]:
        to_completion, to_truth = (way / RESOLUTION for way in nearest_distances(truth, completion))
        index = np.clip(np.rint(truth), 0, RESOLUTION - 1).astype(np.int64)
        partial = to_completion[case.observation.observed[tuple(index.T)]]
        return [
            Score(CD.name, CD.signature, float((to_completion**2).mean() + (to_truth**2).mean())),
            Score(UHD.name, UHD.signature, float(partial.max()), OK)
            if len(partial)
            else Score(UHD.name, UHD.signature, None, NOT_APPLICABLE),
        ]
