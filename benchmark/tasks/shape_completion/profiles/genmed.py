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

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.contract import Case, Volume
from benchmark.metrics.base import Metric, Score, Signature, scores_of
from benchmark.metrics.conventions import GENMED_POINTS, GENMED_SCALE, genmed_distances, genmed_points
from benchmark.metrics.surface import NoSurfaceError, box_diagonal
from benchmark.tasks.shape_completion.tasks import SHAPE
from medshape_text.frame import RESOLUTION
from medshape_text.seeds import generator_for, seed_for

_SAMPLING = {
    "points": GENMED_POINTS, "sample": "fps-mc-vertices", "level": 0, "unit": "box", "scale": int(GENMED_SCALE),
}  # fmt: skip
HEADING = "Published conventions, ×100"
CD = Metric(
    "cd",
    Signature.of("cd", "genmed", _SAMPLING | {"norm": "l2-squared", "reduce": "sum"}),
    "Chamfer distance as published, x100",
    "CD",
    HEADING,
)
UHD = Metric(
    "uhd",
    Signature.of("uhd", "genmed", _SAMPLING | {"norm": "l2", "directed": "no"}),
    "what the paper calls UHD: bidirectional Hausdorff distance, x100",
    "UHD",
    HEADING,
)
_WORST_DISTANCE = box_diagonal() / RESOLUTION


@dataclass(frozen=True)
class GenMed:
    """CD and UHD under the paper's conventions."""

    name: str = "genmed"
    metrics: tuple[Metric, ...] = (CD, UHD)

    def applicable(self, case: Case) -> Sequence[Metric]:
        """The metrics of this case, in the order of its scores."""
        return self.metrics

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Distances to the truth; worst if either cannot be sampled."""
        seed = seed_for(case.id, "genmed/padding")
        try:
            values = genmed_distances(genmed_points(prediction, seed), genmed_points(case.truth[SHAPE], seed))
        except NoSurfaceError:
            return self.worst(case, "no_surface")
        return scores_of(self.metrics, values)

    def worst(self, case: Case, reason: str) -> list[Score]:
        """Every point a box diagonal away from every other."""
        return scores_of(self.metrics, (GENMED_SCALE * 2 * _WORST_DISTANCE**2, GENMED_SCALE * _WORST_DISTANCE), reason)

    def floor(self, case: Case) -> list[Score]:
        """Truth against truth, sampled from another first vertex."""
        seed = seed_for(case.id, "genmed/padding")
        other = generator_for(case.id, "genmed/floor").integers(2**32)
        points = genmed_points(case.truth[SHAPE], int(other), start=None), genmed_points(case.truth[SHAPE], seed)
        return scores_of(self.metrics, genmed_distances(*points))
