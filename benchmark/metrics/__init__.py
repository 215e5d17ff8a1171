"""Metrics as pure functions, and profiles that pin every choice in a signature.

Functions take numpy arrays or torch tensors and answer in kind. Numbers with different signatures are
never ranked together.
"""

from benchmark.metrics.base import Profile, Score, Signature
from benchmark.metrics.distances import chamfer, hausdorff, unidirectional_hausdorff
from benchmark.metrics.overlap import dice
from benchmark.metrics.profiles import PROFILES, profile, sampling_floor
from benchmark.metrics.sampling import area_uniform_points, farthest_points
from benchmark.metrics.surface import Surface, extract_surface, point_to_surface

__all__ = [
    "PROFILES",
    "Profile",
    "Score",
    "Signature",
    "Surface",
    "area_uniform_points",
    "chamfer",
    "dice",
    "extract_surface",
    "farthest_points",
    "hausdorff",
    "point_to_surface",
    "profile",
    "sampling_floor",
    "unidirectional_hausdorff",
]
