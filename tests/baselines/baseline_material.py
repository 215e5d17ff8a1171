"""What the tests of the baselines are made of: a training split of arrays, requests of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import CANONICAL, Case, Request
from benchmark.spaces import SDF
from benchmark.tasks.shape_completion.prompts import observe

Sdf = NDArray[np.float32]


@dataclass
class ArrayTrainingData:
    """A ``TrainingData`` of arrays that remembers which volumes were read."""

    volumes: Sequence[Sdf]
    categories: Sequence[str]
    origins: Sequence[str]
    meshes: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]] = ()
    revision: str = "r1"
    read: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spaces = {"shape": SDF}
        self.ids = [f"shape_{index}" for index in range(len(self))]
        self.subjects = [f"subject_{index}" for index in range(len(self))]
        self.texts = [("a bone",)] * len(self)

    def __len__(self) -> int:
        return len(self.categories)

    def sdf(self, index: int) -> Sdf:
        self.read.append(index)
        return self.volumes[index]

    def part(self, index: int, name: str) -> Sdf:
        assert name == "shape"
        return self.sdf(index)

    def mesh(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        return self.meshes[index]


def ellipsoid_sdf(radii: Sequence[float], centre: Sequence[float] = (31.5, 31.5, 31.5)) -> Sdf:
    """Approximate canonical SDF of an ellipsoid given in voxels (its sign is exact)."""
    grid = np.indices((64, 64, 64), dtype=np.float64)
    unit = [(axis - c) / r for axis, c, r in zip(grid, centre, radii, strict=True)]
    return np.clip((np.sqrt(sum(u**2 for u in unit)) - 1) * min(radii) / 32, -0.2, 0.2).astype(np.float32)


def case_of(truth: Sdf, prompt: str = "multiplane", category: str = "bone", seed: int = 0) -> Case:
    observed = (observe(prompt, truth, seed),)
    return Case("case", "subject", category, "real_subject", "a bone", CANONICAL, observed, {"shape": truth})


def request_for(truth: Sdf, prompt: str = "multiplane", category: str = "bone", seed: int = 0) -> Request:
    return case_of(truth, prompt, category, seed).request({"shape": SDF}, seed)


def dice(a: Sdf, b: Sdf) -> float:
    inside_a, inside_b = a < 0, b < 0
    return float(2 * (inside_a & inside_b).sum() / (inside_a.sum() + inside_b.sum()))
