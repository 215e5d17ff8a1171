"""Forward operators, ``value ≈ operator(part)``, and what methods share in reading an observation.

The operators are differentiable torch maps that guidance differentiates through; `observation_hash` pins the
observations of a case in a run record; `agreement` makes an answer agree with what was observed.
"""

from benchmark.observations.identity import observation_hash
from benchmark.observations.operators import (
    AveragePool,
    Compose,
    Crop,
    Identity,
    Planes,
    Slices,
    Sphere,
    SphereDamage,
)
from benchmark.observations.spheres import DamageReport, draw_spheres

__all__ = [
    "AveragePool",
    "Compose",
    "Crop",
    "DamageReport",
    "Identity",
    "Planes",
    "Slices",
    "Sphere",
    "SphereDamage",
    "draw_spheres",
    "observation_hash",
]
