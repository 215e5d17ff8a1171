"""Profile ``kits23``: Dice and surface Dice of the challenge's regions, for data with kidney, tumor and cyst.

The regions contain each other: kidney and masses, masses, tumour. What is absent from truth and prediction scores 1,
what is absent from one of them 0. Surface Dice is DeepMind's, at the challenge's tolerances.

Source: neheller/kits23, kits23/evaluation/metrics.py and configuration/labels.py (d7eb4c9).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.metrics.base import Metric, Signature
from benchmark.tasks.segmentation.cases import SegmentationCase
from benchmark.tasks.segmentation.profiles.profile import Answer, Profile, Value, spacing

_NAME = "kits23"
REGIONS: dict[str, tuple[tuple[str, ...], float]] = {
    "kidney_and_mass": (("kidney", "tumor", "cyst"), 1.0330772532390826),
    "mass": (("tumor", "cyst"), 1.1328796488598762),
    "tumor": (("tumor",), 1.1498198361434828),
}
"""Region -> structures, and the tolerance of the surface Dice in mm."""
_RULES = {"regions": "hierarchical", "grid": "original", "both_empty": 1, "one_empty": 0}


def _metric(name: str, choices: dict[str, object], description: str, title: str) -> Metric:
    return Metric(name, Signature.of(name, _NAME, {**choices, **_RULES}), description, title, "KiTS23", True, ".3f")


class Kits23(Profile):
    """The three regions, where all of their structures were looked for."""

    name = _NAME
    metrics = (
        _metric("dice", {}, "Dice of a region", "Dice"),
        _metric(
            "nsd",
            {"surface": "surfel", "tolerance": "of_region"},
            "part of both surfaces within the region's tolerance of the other",
            "Surface Dice",
        ),
    )

    def categories(self, case: SegmentationCase) -> Sequence[str]:
        """The regions, or none."""
        needed = {name for names, _ in REGIONS.values() for name in names}
        return list(REGIONS) if needed <= set(case.annotated) else []

    def values(self, answer: Answer, category: str) -> Sequence[Value]:
        """Of one region."""
        from benchmark.metrics.masks import surface_distances
        from benchmark.metrics.overlap import dice

        names, tolerance = REGIONS[category]
        found, true = answer.original(names)
        if not found.any() or not true.any():
            return (0.0, 0.0) if found.any() or true.any() else (1.0, 1.0)
        return float(dice(found, true)), surface_distances(true, found, spacing(answer.case.scored_on), "surfel").nsd(
            tolerance
        )

    def worst_values(self, case: SegmentationCase) -> Sequence[float]:
        """As a region that is missed."""
        return 0.0, 0.0


KITS23 = Kits23()
