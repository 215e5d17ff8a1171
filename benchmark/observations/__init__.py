"""Forward operators and prompts: what is left of a shape once it has been observed, ``y = A(x)``.

`observe` makes the five prompts of the shape-completion tasks; the operators are differentiable torch
maps that guidance differentiates through; `observation_hash` pins an observation in a run record.
"""

from benchmark.observations.operators import Identity, Planes, Sphere, SphereDamage
from benchmark.observations.prompts import PROMPTS, observation_hash, observe
from benchmark.observations.spheres import DamageReport, draw_spheres

__all__ = [
    "PROMPTS",
    "DamageReport",
    "Identity",
    "Planes",
    "Sphere",
    "SphereDamage",
    "draw_spheres",
    "observation_hash",
    "observe",
]
