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

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.contract import Case, Volume
from benchmark.metrics.base import NOT_APPLICABLE, Metric, Score, Signature
from benchmark.metrics.sampling import area_uniform_points
from benchmark.metrics.surface import NoSurfaceError, Surface, box_diagonal, extract_surface, point_to_surface
from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION
from medshape_text.seeds import seed_for

POINTS = 8192
UNITS = ("mm", "box")


def _signature(name: str, unit: str) -> Signature:
    choices = {
        "cd": {"norm": "l2", "reduce": "mean"},
        "hd95": {"reduce": "max"},
        "uhd": {"directed": "partial-to-completion"},
    }
    sampling = {"points": POINTS, "sample": "area-uniform", "to": "exact-surface", "level": 0, "unit": unit}
    return Signature.of(name, "dense", sampling | choices[name])


@dataclass(frozen=True)
class Dense:
    """Mean surface distance, HD95 and directed UHD."""

    name: str = "dense"
    metrics: tuple[Metric, ...] = (
        Metric("cd", _signature("cd", "mm"), "mean distance between the surfaces"),
        Metric("hd95", _signature("hd95", "mm"), "95th percentile of the surface distance"),
        Metric("uhd", _signature("uhd", "mm"), "largest distance of an observed surface point to the completion"),
    )

    def signatures(self, case: Case) -> Mapping[str, str]:
        """Metric name → signature, in the unit of the case."""
        return {metric.name: _signature(metric.name, self._unit(case)[0]) for metric in self.metrics}

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Distances to the truth; worst if the prediction has no surface."""
        try:
            surface = extract_surface(prediction)
        except NoSurfaceError:
            return self.worst(case, "no_surface")
        return self._compare(surface, extract_surface(case.truth), case, "dense/points")

    def worst(self, case: Case, reason: str) -> list[Score]:
        """The diagonal of the box."""
        diagonal = box_diagonal() * self._unit(case)[1]
        return [Score(name, signature, diagonal, reason) for name, signature in self.signatures(case).items()]

    def floor(self, case: Case) -> list[Score]:
        """Truth against truth: 0, which is the point of measuring to the exact surface."""
        truth = extract_surface(case.truth)
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
        given = to_surface[case.observation.observed[tuple(index.T)]]
        values = {
            "cd": float((to_surface.mean() + to_truth.mean()) / 2),
            "hd95": float(max(np.percentile(to_surface, 95), np.percentile(to_truth, 95))),
            "uhd": float(given.max()) if len(given) else None,
        }
        return [
            Score(name, signature, values[name], "ok" if values[name] is not None else NOT_APPLICABLE)
            for name, signature in self.signatures(case).items()
        ]

    @staticmethod
    def _unit(case: Case) -> tuple[str, float]:
        """Name of the case's unit and its size per voxel."""
        if case.millimetres_per_unit is None:
            return "box", 1.0 / RESOLUTION
        return "mm", case.millimetres_per_unit / HALF_BOX_VOXELS
