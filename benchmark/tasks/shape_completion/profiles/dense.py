"""Our headline distances: 8192 area-uniform points against the exact opposite surface, in millimetres.

Points are drawn on one surface and measured to the closest point of the other *triangle*, not of another
sample, so there is no sampling floor: a shape against itself scores 0 whatever points are drawn, and a
distance of a tenth of a voxel is seen as such.

* ``cd``: mean distance (not squared), averaged over both directions: "on average the surfaces are x mm apart".
* ``hd95``: the larger of the two directed 95th percentiles.
* ``uhd``: directed from the observed part of the truth to the completion, its maximum: how far the
  completion strays from what was given. The observed part are the truth's surface points lying in
  observed voxels: near the planes of a plane prompt, everywhere for a corrupted prompt.

The unit is the millimetre where the physical scale of a case is known and the box edge (64 voxels = 1)
where it is not. It is part of the signature, and numbers of different signature are never averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.contract import Case, Volume
from benchmark.metrics.base import NOT_APPLICABLE, OK, Metric, Score, Signature
from benchmark.metrics.sampling import area_uniform_points
from benchmark.metrics.surface import NoSurfaceError, Surface, box_diagonal, extract_surface, point_to_surface
from benchmark.tasks.shape_completion.tasks import SHAPE
from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION
from medshape_text.seeds import seed_for

POINTS = 8192
UNITS = ("mm", "box")


_CHOICES: dict[str, tuple[str, str, dict[str, str]]] = {
    "cd": ("CD", "mean distance between the surfaces", {"norm": "l2", "reduce": "mean"}),
    "hd95": ("HD95", "95th percentile of the surface distance", {"reduce": "max"}),
    "uhd": (
        "UHD", "largest distance of an observed surface point to the completion", {"directed": "partial-to-completion"}
    ),
}  # fmt: skip


def _metric(name: str, unit: str) -> Metric:
    title, description, choices = _CHOICES[name]
    sampling = {"points": POINTS, "sample": "area-uniform", "to": "exact-surface", "level": 0, "unit": unit}
    signature = Signature.of(name, "dense", sampling | choices)
    return Metric(name, signature, description, title, "Surface distance, dense profile")


@dataclass(frozen=True)
class Dense:
    """Mean surface distance, HD95 and directed UHD."""

    name: str = "dense"
    metrics: tuple[Metric, ...] = tuple(_metric(name, unit) for unit in UNITS for name in _CHOICES)

    def applicable(self, case: Case) -> Sequence[Metric]:
        """The metrics in the unit of the case."""
        return [metric for metric in self.metrics if metric.unit == self._unit(case)[0]]

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Distances to the truth; worst if the prediction has no surface."""
        try:
            surface = extract_surface(prediction)
        except NoSurfaceError:
            return self.worst(case, "no_surface")
        return self._compare(surface, extract_surface(case.truth[SHAPE]), case, "dense/points")

    def worst(self, case: Case, reason: str) -> list[Score]:
        """The diagonal of the box."""
        diagonal = box_diagonal() * self._unit(case)[1]
        return [Score(metric.name, metric.signature, diagonal, reason) for metric in self.applicable(case)]

    def floor(self, case: Case) -> list[Score]:
        """Truth against truth: 0, which is the point of measuring to the exact surface."""
        truth = extract_surface(case.truth[SHAPE])
        return self._compare(truth, truth, case, "dense/floor")

    def _compare(self, surface: Surface, truth: Surface, case: Case, purpose: str) -> list[Score]:
        # Both samples share a seed that depends on the case only: no method draws luckier points than another.
        seed = seed_for(case.id, purpose)
        on_truth = area_uniform_points(truth.vertices, truth.faces, POINTS, seed)
        on_surface = area_uniform_points(surface.vertices, surface.faces, POINTS, seed)
        scale = self._unit(case)[1]
        to_surface = point_to_surface(on_truth, surface) * scale
        to_truth = point_to_surface(on_surface, truth) * scale
        index = np.clip(np.rint(on_truth), 0, RESOLUTION - 1).astype(np.int64)
        given = to_surface[case.observation.mask[tuple(index.T)]]
        values = {
            "cd": float((to_surface.mean() + to_truth.mean()) / 2),
            "hd95": float(max(np.percentile(to_surface, 95), np.percentile(to_truth, 95))),
            "uhd": float(given.max()) if len(given) else None,
        }
        return [
            Score(metric.name, metric.signature, value, NOT_APPLICABLE if value is None else OK)
            for metric in self.applicable(case)
            for value in (values[metric.name],)
        ]

    @staticmethod
    def _unit(case: Case) -> tuple[str, float]:
        """Name of the case's unit and its size per voxel."""
        scale = None if case.grid is None else case.grid.millimetres_per_unit
        return ("box", 1.0 / RESOLUTION) if scale is None else ("mm", scale / HALF_BOX_VOXELS)
