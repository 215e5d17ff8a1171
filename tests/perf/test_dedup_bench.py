"""Deduplicating a data set of MedShapeNet's size: 68,700 shapes of 139 categories, 1 % of them planted copies.

The shapes of a category vary along a few smooth modes, so they lie closer together than people's do. Their signatures
are computed to first order in the modes; their surfaces are made when they are asked for.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from functools import cached_property

import igl
import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from medshape_text.curate.dedup import Entry, find_duplicates, resolve_duplicates
from medshape_text.curate.dedup.search import Signatures
from medshape_text.curate.normalise import sample_surface
from medshape_text.curate.sdf import sdf_from_mesh
from medshape_text.curate.signature import signature
from medshape_text.frame import canonical_similarity
from medshape_text.seeds import generator_for

pytestmark = pytest.mark.slow
SHAPES, CATEGORIES, MODES = 68_700, 139, 6
COPIES = SHAPES // 100
STRETCH = ((2.0, 1.4, 1.0), (2.0, 1.7, 1.2), (2.0, 1.5, 0.6), (4.0, 0.7, 0.6))
SPHERE = trimesh.creation.icosphere(subdivisions=3)
FACES = np.asarray(SPHERE.faces, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Category:
    """A solid and the modes its instances differ by."""

    number: int

    @cached_property
    def base(self) -> np.ndarray:
        """(V, 3) vertices of the mean."""
        return self._waves("base", 6, 0.12) + np.asarray(SPHERE.vertices) * STRETCH[self.number % len(STRETCH)]

    @cached_property
    def modes(self) -> np.ndarray:
        """(K, V, 3) displacements of one standard deviation."""
        return np.stack([self._waves(f"mode {k}", 2, 0.04) for k in range(MODES)])

    def _waves(self, purpose: str, count: int, size: float) -> np.ndarray:
        rng = generator_for(f"category {self.number}", purpose)
        waves = 2 * rng.standard_normal((count, 3))
        phase = np.asarray(SPHERE.vertices) @ waves.T + 6 * rng.random(count)
        return np.cos(phase) @ rng.standard_normal((count, 3)) * size

    @cached_property
    def signatures(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the mean (22,), and what each mode (K, 22) changes."""
        found = [_signature(self.base)] + [_signature(self.base + mode) for mode in self.modes]
        return found[0], np.stack(found[1:]) - found[0]


def _signature(vertices: np.ndarray) -> np.ndarray:
    return signature(sdf_from_mesh(canonical_similarity(vertices).apply(vertices), FACES))


@dataclass(frozen=True, eq=False)
class World:
    """All shapes: category and coefficients of the originals, and of whom the last ones are turned copies."""

    categories: list[Category]
    of: np.ndarray
    weights: np.ndarray
    origin: np.ndarray

    def entries(self) -> list[Entry]:
        rng = np.random.default_rng(1)
        means = np.stack([category.signatures[0] for category in self.categories])
        slopes = np.stack([category.signatures[1] for category in self.categories])
        found = means[self.of] + np.einsum("nk,nkf->nf", self.weights, slopes[self.of])
        found[SHAPES - COPIES :] += rng.normal(0, 2e-4, (COPIES, found.shape[1]))
        values = found.astype(np.float32)
        sources = ["originals"] * (SHAPES - COPIES) + ["copies"] * COPIES
        return [Entry(f"{n:06d}", f"s{n}", f"c{self.of[n]}", sources[n], values[n]) for n in range(SHAPES)]

    def vertices(self, n: int) -> np.ndarray:
        """(V, 3) of shape ``n`` before it was turned, in canonical coordinates."""
        category = self.categories[self.of[n]]
        raw = category.base + np.einsum("k,kvd->vd", self.weights[n], category.modes)
        return canonical_similarity(raw).apply(raw)

    def gap(self, one: int, other: int) -> float:
        """Mean distance in voxels of one's vertices from the other's surface, after the best similarity of vertices."""
        first, second = (points - points.mean(axis=0) for points in (self.vertices(one), self.vertices(other)))
        left, size, right = np.linalg.svd(first.T @ second)
        fitted = first @ (left @ right) * (size.sum() / (first**2).sum())
        return float(np.sqrt(igl.point_mesh_squared_distance(fitted, second, FACES)[0]).mean() * 32)

    def points(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        n = int(name)
        vertices = self.vertices(n)
        if n >= SHAPES - COPIES:
            vertices = vertices @ Rotation.random(rng=generator_for(name, "turn")).as_matrix()
        vertices = canonical_similarity(vertices).apply(vertices)
        points, normals = sample_surface(vertices, FACES, 8192, generator_for(name, "surface-samples"))
        return points.astype(np.float32), normals.astype(np.float16)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    originals = SHAPES - COPIES
    origin = np.concatenate([np.arange(originals), rng.choice(originals, COPIES, replace=False)])
    of = rng.integers(CATEGORIES, size=originals)[origin]
    weights = rng.standard_normal((originals, MODES))[origin]
    return World([Category(number) for number in range(CATEGORIES)], of, weights, origin)


@pytest.mark.benchmark(group="signatures of one shape")
def test_one_signature(benchmark, world):
    base = world.categories[0].base
    benchmark(signature, sdf_from_mesh(canonical_similarity(base).apply(base), FACES))


@pytest.mark.benchmark(group="duplicates among 68,700 shapes")
def test_candidates_of_all_shapes(benchmark, world):
    values = np.stack([entry.signature for entry in world.entries()])

    def count():
        signatures = Signatures(values)
        return sum(len(list(signatures.near(index))) for index in range(len(values)))

    benchmark.extra_info["candidates"] = benchmark.pedantic(count, rounds=1)


@pytest.mark.benchmark(group="duplicates among 68,700 shapes")
def test_all_duplicates(benchmark, world, note_time):
    entries = world.entries()
    asked = set()

    def points(name):
        asked.add(name)
        return world.points(name)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = benchmark.pedantic(lambda: find_duplicates(entries, points), rounds=1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    # with so few modes some originals are equal by chance, and a copy may go to either
    assert max(world.gap(int(pair.first), int(pair.second)) for pair in pairs) < 0.5
    dropped = {pair.second for pair in pairs if pair.rigid}
    right = sum(int(name) >= SHAPES - COPIES for name in dropped)
    assert right >= 0.98 * COPIES
    drops, source = resolve_duplicates(entries, pairs).drops, {entry.id: entry.source for entry in entries}
    across = [pair for pair in pairs if pair.rigid and source[pair.first] != source[pair.second]]
    assert all((pair.first in drops) != (pair.second in drops) for pair in across)
    remark = f"{right} of {COPIES} copies, {len(dropped) - right} others, {len(asked)} surfaces, {grown:.0f} MB more"
    note_time("duplicates among 68,700 shapes", "ours", benchmark.stats.stats.mean, remark)
