"""The point clouds behind ``data/golden_public_metrics.json``: numpy alone, fixed seeds, the same bytes each time."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

SEED = 20260210


class Surface(NamedTuple):
    """An ellipsoid or a torus, turned and moved; a torus takes its two radii from the first two."""

    torus: bool
    radii: NDArray
    rotation: NDArray
    centre: NDArray

    def sample(self, points: int, rng: Generator) -> NDArray:
        """Points on the surface, not uniform in area."""
        if self.torus:
            around, across = _directions(points, 2, rng), _directions(points, 2, rng) * self.radii[1] * 0.4
            local = np.column_stack([around * (self.radii[0] + across[:, :1]), across[:, 1]])
        else:
            local = _directions(points, 3, rng) * self.radii
        turned = (local[:, None, :] * self.rotation).sum(axis=-1)  # not @: BLAS rounds differently on each machine
        return (turned + self.centre).astype(np.float32)


def golden_sets() -> dict[str, NDArray]:
    """Every array by name, float32: sets of clouds (shapes, points, 3), ``completions/generated`` (shapes, k, …)."""
    sets = {}
    sizes = (("varied", 24, 24, 256), ("unequal", 10, 16, 256), ("duplicates", 6, 12, 256), ("pairs", 8, 8, 512))
    for number, (name, generated, reference, points) in enumerate(sizes):
        rng = default_rng([SEED, number])
        surfaces = [_draw_surface(rng) for _ in range(reference)]
        sets[f"{name}/reference"] = np.stack([surface.sample(points, rng) for surface in surfaces])
        # Half of what is generated repeats a reference's surface with other radii, the rest is new; pairs all repeat.
        repeated = generated if name == "pairs" else generated // 2
        surfaces = [_vary(surface, rng) for surface in surfaces[:repeated]]
        surfaces += [_draw_surface(rng) for _ in range(generated - repeated)]
        sets[f"{name}/generated"] = np.stack([surface.sample(points, rng) for surface in surfaces])

    # Twelve clouds: six new ones, references 0 (twice), 3 and 5, and the first two of the new ones again.
    fresh, reference = sets["duplicates/generated"], sets["duplicates/reference"]
    sets["duplicates/generated"] = np.concatenate([fresh, reference[[0, 0, 3, 5]], fresh[:2]])

    rng = default_rng([SEED, 4])
    surfaces = [_draw_surface(rng) for _ in range(5)]
    seen = [surface.sample(512, rng) for surface in surfaces]
    sets["completions/partial"] = np.stack([cloud[np.argsort(cloud[:, 0])[-128:]] for cloud in seen])
    completed = [_vary(surface, rng).sample(256, rng) for surface in surfaces for _ in range(10)]
    sets["completions/generated"] = np.stack(completed).reshape(5, 10, 256, 3)
    return sets


def digest(array: NDArray) -> str:
    """SHA-256 of the array's shape and little-endian float32 bytes."""
    return sha256(repr(array.shape).encode() + array.astype("<f4").tobytes()).hexdigest()


def _draw_surface(rng: Generator) -> Surface:
    w, x, y, z = _directions(1, 4, rng)[0]  # a unit quaternion
    outer, cross = np.outer((x, y, z), (x, y, z)), np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = (2 * w * w - 1) * np.eye(3) + 2 * outer + 2 * w * cross
    return Surface(rng.random() < 0.4, rng.uniform(0.15, 0.5, 3), rotation, rng.uniform(-0.05, 0.05, 3))


def _vary(surface: Surface, rng: Generator) -> Surface:
    return surface._replace(radii=surface.radii * rng.uniform(0.85, 1.15, 3))


def _directions(count: int, dimensions: int, rng: Generator) -> NDArray:
    vectors = rng.standard_normal((count, dimensions))
    return vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))
