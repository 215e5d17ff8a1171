"""Metrics as pure functions; task families pin their choices in signatures (`Signature`).

Functions take numpy arrays or torch tensors and answer in kind. Numbers with different signatures are
never ranked together. What needs the compiler is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmark.metrics.base import Metric, Score, Signature
from benchmark.metrics.distances import chamfer, hausdorff, unidirectional_hausdorff
from benchmark.metrics.diversity import total_mutual_difference
from benchmark.metrics.emd import emd
from benchmark.metrics.image import SYNTHRAD2023_CLIP, SYNTHRAD2023_DATA_RANGE, mae, psnr, ssim
from benchmark.metrics.masks import SurfaceDistances, surface_distances
from benchmark.metrics.overlap import dice
from benchmark.metrics.packed import PackedMasks, pack, packed_dice, pairwise_packed_dice
from benchmark.metrics.sampling import area_uniform_points, farthest_points
from benchmark.metrics.surface import Surface, extract_surface, point_to_surface

if TYPE_CHECKING:
    from benchmark.metrics.generation import (
        GenerationIntervals,
        GenerationScores,
        generation_intervals,
        generation_scores,
    )

_LATE = dict.fromkeys(
    ("GenerationIntervals", "GenerationScores", "generation_intervals", "generation_scores"),
    "benchmark.metrics.generation",
)

__all__ = [
    "SYNTHRAD2023_CLIP",
    "SYNTHRAD2023_DATA_RANGE",
    "GenerationIntervals",
    "GenerationScores",
    "Metric",
    "PackedMasks",
    "Score",
    "Signature",
    "Surface",
    "SurfaceDistances",
    "area_uniform_points",
    "chamfer",
    "dice",
    "emd",
    "extract_surface",
    "farthest_points",
    "generation_intervals",
    "generation_scores",
    "hausdorff",
    "mae",
    "pack",
    "packed_dice",
    "pairwise_packed_dice",
    "point_to_surface",
    "psnr",
    "ssim",
    "surface_distances",
    "total_mutual_difference",
    "unidirectional_hausdorff",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
