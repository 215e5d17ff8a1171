"""Messy meshes of solids that are known as formulas: occupancy from the formula, distances to its fine surface.

Nothing here comes from the code under test. Lengths are in canonical units, 1/32 of which is a voxel of 64^3.
Holes have radii of 2.5 to 4.5 voxels; walls are ``wall`` voxels thick, vessels have radii from ``wall`` up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import igl
import numpy as np
import trimesh
from scipy.ndimage import distance_transform_edt
from skimage.measure import marching_cubes

VOXEL = 1 / 32
AXIS = (np.arange(64) + 0.5) * VOXEL - 1
CENTRES = np.stack(np.meshgrid(AXIS, AXIS, AXIS, indexing="ij"), axis=-1)
KINDS = ("clean", "holes", "flipped", "overlap", "inverted", "soup", "thin walls", "nested", "doubled", "vessels",
         "all")  # fmt: skip
Field = Callable[[np.ndarray], np.ndarray]
"""Points (..., 3) to values, negative inside."""


def ellipsoid(radii: tuple[float, float, float], subdivisions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=1.0)
    return np.asarray(mesh.vertices) * np.asarray(radii), np.asarray(mesh.faces, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Messy:
    """A mesh and the solid it means to be."""

    kind: str
    vertices: np.ndarray
    faces: np.ndarray
    solid: Field

    @cached_property
    def inside(self) -> np.ndarray:
        return self.solid(CENTRES) < 0

    @cached_property
    def sdf(self) -> np.ndarray:
        """True signed distances at the voxels, clipped to +-0.2."""
        vertices, faces = surface_of(self.solid, 96)
        voxels = distance_transform_edt(self.inside) + distance_transform_edt(~self.inside)
        distance = np.full(self.inside.shape, 0.2)
        near = voxels < 8.5  # the border of the voxels lies within sqrt(3) / 2 + 1 of that of the solid
        squared = igl.point_mesh_squared_distance(CENTRES[near], vertices, faces)[0]
        distance[near] = np.minimum(np.sqrt(squared), 0.2)
        return np.where(self.inside, -distance, distance)

    def scores(self, sdf: np.ndarray) -> tuple[float, float]:
        """IoU of the sign, and mean |error| in voxels over the voxels whose true distance is not truncated."""
        found = sdf < 0
        near = np.abs(self.sdf) < 0.2
        return (
            float((found & self.inside).sum() / (found | self.inside).sum()),
            float(np.abs(np.clip(sdf, -0.2, 0.2) - self.sdf)[near].mean() / VOXEL),
        )


def surface_of(field: Field, cells: int, turn: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes of a formula on a grid that may be turned, its vertices moved onto the true surface."""
    axis = np.linspace(-1, 1, cells + 1) * (1 if turn is None else 1.6)
    turn = np.eye(3) if turn is None else turn
    vertices, faces, _, _ = marching_cubes(sampled(field, axis, turn), 0.0, gradient_direction="descent")
    spacing = axis[1] - axis[0]
    vertices = (vertices.astype(float) * spacing + axis[0]) @ turn.T
    for _ in range(2):
        value = field(vertices)
        step = 1e-5
        slope = np.stack([(field(vertices + step * e) - field(vertices - step * e)) / (2 * step) for e in np.eye(3)], 1)
        move = -value[:, None] * slope / np.maximum((slope**2).sum(axis=1), 1e-9)[:, None]
        length = np.linalg.norm(move, axis=1, keepdims=True)
        vertices = vertices + move * np.minimum(1, spacing / 4 / np.maximum(length, 1e-300))
    return vertices, faces.astype(np.int64)


def sampled(field: Field, axis: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """A field on a turned grid; blocks of 4^3 far from zero have the value of their middle throughout."""
    blocks = -(-len(axis) // 4)
    spacing = axis[1] - axis[0]
    middles = axis[0] + spacing * (4 * np.arange(blocks) + 1.5)
    coarse = np.asarray(field(np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1) @ turn.T))
    steepest = max(float(np.abs(np.diff(coarse, axis=k)).max()) for k in range(3)) / (4 * spacing)
    near = np.abs(coarse) < 1.5 * steepest * 2 * spacing * np.sqrt(3)
    values = coarse.repeat(4, axis=0).repeat(4, axis=1).repeat(4, axis=2)
    fine = near.repeat(4, axis=0).repeat(4, axis=1).repeat(4, axis=2)
    values[fine] = field((axis[0] + spacing * np.argwhere(fine)) @ turn.T)
    return values[: len(axis), : len(axis), : len(axis)]


def blobs(rng: np.random.Generator, centre: np.ndarray, size: float) -> Field:
    """A union of Gaussian blobs about a centre; its surface lies where their sum is 1/2."""
    count = int(rng.integers(3, 7))
    at = centre + rng.normal(size=(count, 3)) * size * 0.4
    width = rng.uniform(0.6, 1.0, count) * size * 0.6

    def field(points: np.ndarray) -> np.ndarray:
        total = sum(np.exp(-((points - c) ** 2).sum(-1) / (2 * w * w)) for c, w in zip(at, width, strict=True))
        return (0.5 - np.asarray(total)) * size

    return field


def vessels(rng: np.random.Generator, thinnest: float) -> Field:
    """A tree of capsules that halves twice; radii shrink to ``thinnest``."""
    capsules: list[tuple[np.ndarray, np.ndarray, float]] = []

    def grow(start: np.ndarray, direction: np.ndarray, length: float, level: int) -> None:
        end = np.clip(start + direction * length, -0.78, 0.78)
        capsules.append((start, end, thinnest * 1.3 ** (2 - level)))
        for _ in range(2 if level < 2 else 0):
            turned = direction + rng.normal(size=3) * 0.7
            grow(end, turned / np.linalg.norm(turned), length * 0.75, level + 1)

    grow(np.array([0.0, 0.0, -0.75]), np.array([0.0, 0.0, 1.0]), 0.7, 0)
    ends = np.array([end for capsule in capsules for end in capsule[:2]])
    low, high = ends.min(axis=0), ends.max(axis=0)
    size = (high - low).max() / (56 * VOXEL - 2 * capsules[0][2])
    capsules = [((a - (low + high) / 2) / size, (b - (low + high) / 2) / size, r) for a, b, r in capsules]

    def field(points: np.ndarray) -> np.ndarray:
        nearest = np.full(points.shape[:-1], np.inf)
        for start, end, radius in capsules:
            along = end - start
            share = np.clip((points - start) @ along / (along @ along), 0, 1)
            nearest = np.minimum(nearest, np.linalg.norm(points - start - share[..., None] * along, axis=-1) - radius)
        return nearest

    return field


def bowl(rng: np.random.Generator, thickness: float) -> Field:
    """A bumpy shell of a given thickness, cut open at the top: a thin wall with both of its sides outside."""
    waves, phase = rng.integers(2, 5, 3), rng.uniform(0, 6, 3)

    def field(points: np.ndarray) -> np.ndarray:
        radius = np.linalg.norm(points, axis=-1)
        bump = (np.sin(waves * points * 2 + phase)).sum(-1) * 0.02
        return np.maximum(np.abs(radius - 0.76 - bump) - thickness / 2, points[..., 2] - 0.35)

    return field


def framed(field: Field) -> Field:
    """The same solid, its box centred and 56 voxels long."""
    return moved(field, *frame_of(field))


def frame_of(field: Field) -> tuple[np.ndarray, float]:
    vertices, _ = surface_of(field, 64)
    return (vertices.min(axis=0) + vertices.max(axis=0)) / 2, float(np.ptp(vertices, axis=0).max() / (56 * VOXEL))


def moved(field: Field, centre: np.ndarray, size: float) -> Field:
    return lambda points: np.asarray(field(points * size + centre) / size)


def union(*fields: Field) -> Field:
    return lambda points: np.minimum.reduce([field(points) for field in fields])


def minus(first: Field, second: Field) -> Field:
    return lambda points: np.maximum(first(points), -second(points))


def inset(field: Field, by: float) -> Field:
    return lambda points: field(points) + by


def joined(*meshes: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    shift = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    faces = [mesh[1] + first for mesh, first in zip(meshes, shift[:-1], strict=True)]
    return np.concatenate([vertices for vertices, _ in meshes]), np.concatenate(faces)


def with_holes(rng: np.random.Generator, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces less two to five round patches."""
    middle = vertices[faces].mean(axis=1)
    keep = np.ones(len(faces), bool)
    for _ in range(int(rng.integers(2, 6))):
        distance = np.linalg.norm(middle - middle[rng.integers(len(faces))], axis=1)
        keep &= distance > rng.uniform(2.5, 4.5) * VOXEL
    return faces[keep]


def with_flips(rng: np.random.Generator, vertices: np.ndarray, faces: np.ndarray, share: float) -> np.ndarray:
    """Faces of which a share is reversed: half of them in one patch, half scattered."""
    middle = vertices[faces].mean(axis=1)
    near = np.argsort(np.linalg.norm(middle - middle[rng.integers(len(faces))], axis=1))
    half = int(share / 2 * len(faces))
    chosen = np.concatenate([near[:half], rng.permutation(near[half:])[:half]])
    faces = faces.copy()
    faces[chosen] = faces[chosen, ::-1]
    return faces


def as_soup(rng: np.random.Generator, vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every face with vertices of its own, faces in any order, in single precision as an STL file has it."""
    faces = rng.permutation(faces)
    return vertices[faces].reshape(-1, 3).astype(np.float32).astype(float), np.arange(3 * len(faces)).reshape(-1, 3)


def with_chords(rng: np.random.Generator, faces: np.ndarray, count: int) -> np.ndarray:
    """Faces and some more without area, straight through the body."""
    ends = rng.integers(faces.max() + 1, size=(count, 2))
    return np.concatenate([faces, ends[:, [0, 1, 0]]])


def messy(kind: str, seed: int, wall: float = 3.0) -> Messy:
    """One mesh of 1,000 to 60,000 faces of a kind of :data:`KINDS`; the same seed gives the same mesh."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn[:, 0] *= np.sign(np.linalg.det(turn))
    cells = int(rng.integers(48, 150))
    solid = framed(blobs(rng, np.zeros(3), 0.5))
    if kind in ("overlap", "all"):
        parts = [blobs(rng, side * np.array([0.22, 0.1, 0.0]), 0.4) for side in (-1, 1)]
        frame = frame_of(union(*parts))
        parts = [moved(part, *frame) for part in parts]
        solid = union(*parts)
        vertices, faces = joined(*(surface_of(part, cells, turn) for part in parts))
    elif kind == "thin walls":
        solid = bowl(rng, wall * VOXEL)
        vertices, faces = surface_of(solid, max(cells, 130), turn)
    elif kind == "vessels":
        solid = vessels(rng, wall * VOXEL)
        vertices, faces = surface_of(solid, max(cells, 190), turn)
    elif kind == "nested":
        solid = minus(solid, inset(solid, 0.2))
        vertices, faces = surface_of(solid, max(cells, 110), turn)
    elif kind == "doubled":  # two shells that face outwards, one in the other, about a cavity
        whole, cells = solid, max(cells, 110)
        solid = minus(whole, inset(whole, 0.22))
        vertices, faces = joined(surface_of(solid, cells, turn), surface_of(inset(whole, 0.08), cells, turn))
    else:
        vertices, faces = surface_of(solid, cells, turn)
    if kind in ("holes", "all"):
        faces = with_holes(rng, vertices, faces)
    if kind in ("flipped", "all"):
        faces = with_flips(rng, vertices, faces, 0.2 if kind == "flipped" else 0.1)
    if kind == "inverted":
        faces = faces[:, ::-1].copy()
    if kind == "all":
        faces = with_chords(rng, faces, 50)
    if kind == "soup":
        faces = with_flips(rng, vertices, faces, 0.6)
    if kind in ("soup", "all"):
        vertices, faces = as_soup(rng, vertices, faces)
    return Messy(kind, vertices, faces, solid)
