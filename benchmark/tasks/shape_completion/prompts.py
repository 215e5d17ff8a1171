"""The five prompts of shape completion: a shape in, an observation out.

``oneplane``, ``triplane``, ``multiplane`` and ``broken`` follow the published code (kanydao/GenMed
dataset/_helpers.py) on the mask ``sdf < 0``; ``noisy`` is ours: the spheres of ``broken``, additions only.

The operator a method sees for a corrupted prompt is the identity, not the damage that was done: as in
the paper, a method is told *that* the observation may be wrong, never *where*. Handing over the
`SphereDamage` would give away which voxels to trust, and turn robust completion into inpainting.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from benchmark.contract import Observation, Volume
from benchmark.names import unknown
from benchmark.observations.operators import Identity, Planes
from benchmark.observations.spheres import CARVE_PROBABILITY, RADIUS_VOXELS, SPHERE_COUNT, draw_spheres
from benchmark.spaces import OCCUPANCY, SDF
from medshape_text.curate.sdf import sdf_from_mask
from medshape_text.frame import RESOLUTION

SHAPE = "shape"
"""The part that is completed."""
MIDDLE = RESOLUTION // 2
PLANE_STEP = 8


def observe(prompt: str, sdf: ArrayLike, seed: int) -> Observation:
    """Observe a shape through one prompt.

    Args:
        prompt: "oneplane", "triplane", "multiplane", "broken" or "noisy".
        sdf: (64, 64, 64) canonical SDF, index order (x, y, z), negative inside.
        seed: all draws come from ``np.random.default_rng(seed)``; plane prompts draw nothing.

    Returns:
        The observation of the part "shape". Plane prompts: ``value`` is 0/1 occupancy on the observed planes,
        exact. Corrupted prompts: ``value`` is the published-form SDF of the damaged mask; everything is observed,
        anything may be wrong.

    Raises:
        UnknownNameError: (a ``LookupError``) for a prompt of another name.
        ValueError: if ``sdf`` is not a finite 64^3 volume.
    """
    if prompt not in PROMPTS:
        raise unknown("prompt", prompt, PROMPTS)
    volume = np.asarray(sdf, dtype=np.float32)
    if volume.shape != (RESOLUTION,) * 3 or not np.isfinite(volume).all():
        raise ValueError(f"expected a finite ({RESOLUTION}, {RESOLUTION}, {RESOLUTION}) SDF, got shape {volume.shape}")
    return PROMPTS[prompt](volume, seed)


def _planes(x: tuple[int, ...], y: tuple[int, ...] = (), z: tuple[int, ...] = ()) -> _Prompt:
    def prompt(sdf: Volume, _seed: int) -> Observation:
        operator = Planes((x, y, z))
        mask = operator.mask(sdf.shape)
        value = ((sdf < 0) & mask).astype(np.float32)
        return Observation(SHAPE, operator, value, mask, True, OCCUPANCY)

    return prompt


def _spheres(carve_probability: float) -> _Prompt:
    def prompt(sdf: Volume, seed: int) -> Observation:
        damage = draw_spheres(sdf < 0, np.random.default_rng(seed), carve_probability)
        parameters: dict[str, object] = {
            "spheres": SPHERE_COUNT,
            "radius_voxels": list(RADIUS_VOXELS),
            "carve_probability": carve_probability,
        }
        everywhere = np.ones(sdf.shape, dtype=bool)
        return Observation(SHAPE, Identity(), sdf_from_mask(damage.mask), everywhere, False, SDF, parameters)

    return prompt


_Prompt = Callable[[Volume, int], Observation]

PROMPTS: dict[str, _Prompt] = {
    "oneplane": _planes((MIDDLE,)),
    "triplane": _planes((MIDDLE,), (MIDDLE,), (MIDDLE,)),
    "multiplane": _planes(tuple(range(0, RESOLUTION, PLANE_STEP))),
    "broken": _spheres(CARVE_PROBABILITY),
    "noisy": _spheres(0.0),
}
