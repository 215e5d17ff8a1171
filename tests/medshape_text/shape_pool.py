"""Many different small closed surfaces at little cost: a few base meshes, each name its own size, bend and pose."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from skimage.measure import marching_cubes

from medshape_text.seeds import generator_for, seed_for

Mesh = tuple[np.ndarray, np.ndarray]
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_SIDE = 22


def stl(mesh: Mesh) -> bytes:
    """Binary STL; the unused normals are left zero, as many writers do."""
    vertices, faces = mesh
    triangles = np.zeros(len(faces), _TRIANGLE)
    triangles["corners"] = vertices.astype(np.float32)[faces]
    return b"a test shape".ljust(80, b" ") + len(faces).to_bytes(4, "little") + triangles.tobytes()


def ascii_stl(mesh: Mesh) -> bytes:
    """The same as text."""
    lines = ["solid test"]
    for corners in mesh[0].astype(np.float32)[mesh[1]]:
        points = (f"vertex {x:.9g} {y:.9g} {z:.9g}" for x, y, z in corners.tolist())
        lines += ["facet normal 0 0 0", "outer loop", *points, "endloop", "endfacet"]
    return "\n".join([*lines, "endsolid test", ""]).encode()


@lru_cache(maxsize=4)
def pool(real: Path | None = None) -> tuple[Mesh, ...]:
    """The base meshes: 48 synthetic ones, and the real bones of a data set folder if one is given."""
    made = [_march(_FIELDS[index % len(_FIELDS)], index) for index in range(48)]
    return (*made, *_real(real)) if real is not None else tuple(made)


def shape_of(name: str, structure: str, bases: tuple[Mesh, ...]) -> Mesh:
    """The surface of a name: the base of its structure, stretched, bent, turned and moved by the name alone."""
    vertices, faces = bases[seed_for(structure, "base") % len(bases)]
    rng = generator_for(name, "warp")
    points = vertices * rng.uniform(0.75, 1.3, 3)
    waves = rng.normal(0, 2.2, (4, 3))
    phases = rng.uniform(0, 2 * np.pi, 4)
    points = points + np.sin(points @ waves.T + phases) @ rng.normal(0, 0.045, (4, 3))
    points = points @ rotation(rng).T
    return points * rng.uniform(15, 150) + rng.uniform(-200, 200, 3), faces


def rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation drawn evenly from all."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotated(mesh: Mesh, name: str) -> Mesh:
    """A copy in another pose, in another place."""
    rng = generator_for(name, "copy")
    return mesh[0] @ rotation(rng).T + rng.uniform(-50, 50, 3), mesh[1]


def mirrored(mesh: Mesh, name: str) -> Mesh:
    """A copy of the other hand, outside still out, in another pose."""
    return rotated((mesh[0] * [-1, 1, 1], mesh[1][:, ::-1]), name)


def remeshed(mesh: Mesh, name: str) -> Mesh:
    """A copy with other triangles (each edge halved, then moved by a thousandth of the size), in another pose."""
    vertices, faces = mesh
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = inverse.reshape(3, -1) + len(vertices)
    a, b, c = faces.T
    points = np.concatenate([vertices, vertices[unique].mean(axis=1)])
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    finer = np.concatenate([np.stack(part, axis=1) for part in parts])
    size = np.ptp(vertices, axis=0).max()
    moved = points + generator_for(name, "jitter").normal(0, 3e-4 * size, points.shape)
    return rotated((moved, finer), name)


def _march(field: Callable[[np.ndarray, np.random.Generator], np.ndarray], index: int) -> Mesh:
    rng = generator_for(f"base {index}", "pool")
    axes = np.stack(np.meshgrid(*[np.linspace(-1.25, 1.25, _SIDE)] * 3, indexing="ij"))
    values = np.pad(field(axes, rng), 1, constant_values=1.0)
    vertices, faces, _, _ = marching_cubes(values, 0.0)
    vertices = (vertices - (vertices.max(axis=0) + vertices.min(axis=0)) / 2) / (np.ptp(vertices, axis=0).max() / 2)
    a, b, c = (vertices[faces[:, corner]].astype(float) for corner in range(3))
    if np.einsum("ij,ij->", a, np.cross(b, c)) < 0:
        faces = faces[:, ::-1]
    return vertices.astype(float), faces.astype(np.int64)


def _ball(p: np.ndarray, centre: np.ndarray, radii: np.ndarray | float) -> np.ndarray:
    moved = (p - np.reshape(centre, (3, 1, 1, 1))) / np.reshape(np.broadcast_to(radii, 3), (3, 1, 1, 1))
    return np.sqrt((moved**2).sum(axis=0)) - 1


def _ellipsoid(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _ball(p, np.zeros(3), rng.uniform(0.5, 1.1, 3))


def _superquadric(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    power, radii = rng.uniform(2.5, 6), rng.uniform(0.45, 1.0, 3)
    return (np.abs(p / radii.reshape(3, 1, 1, 1)) ** power).sum(axis=0) ** (1 / power) - 1


def _bone(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shaft = np.sqrt(p[0] ** 2 + p[1] ** 2) / rng.uniform(0.2, 0.3) - 1
    shaft = np.maximum(shaft, np.abs(p[2]) - 0.9)
    ends = [_ball(p, np.array([rng.uniform(-0.1, 0.1), 0, z]), rng.uniform(0.32, 0.45, 3)) for z in (-0.75, 0.75)]
    return np.minimum(shaft, np.minimum(*ends))


def _blobs(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centres = np.cumsum(rng.normal(0, 0.28, (4, 3)), axis=0)
    centres = np.clip(centres - centres.mean(axis=0), -0.6, 0.6)
    joined = sum(np.exp(-4 * (_ball(p, centre, rng.uniform(0.4, 0.6)) + 1)) for centre in centres)
    return np.exp(-4) - np.asarray(joined)


def _ring(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ring = np.hypot(np.hypot(p[0], p[1]) - 0.7, p[2] * rng.uniform(0.6, 0.9)) / rng.uniform(0.26, 0.36) - 1
    return np.minimum(ring, _ball(p, np.array([0.75, 0, 0]), rng.uniform(0.35, 0.45, 3)))


_FIELDS = (_ellipsoid, _superquadric, _bone, _blobs, _ring)


def _real(folder: Path) -> list[Mesh]:
    """Bones of a data set in ``folder``, decimated to at most 1,500 triangles, in units of half their longest side."""
    import igl
    import pyarrow.parquet as pq
    import trimesh

    meshes = []
    for path in sorted((folder / "mesh").glob("test-*.parquet")):
        for row in pq.read_table(path, columns=["mesh", "origin"]).to_pylist():
            if row["origin"] != "real_subject" or len(meshes) >= 42:
                continue
            loaded = trimesh.load(trimesh.util.wrap_as_stream(row["mesh"]["bytes"]), file_type="ply", process=False)
            vertices, faces = np.asarray(loaded.vertices, dtype=float), np.asarray(loaded.faces, dtype=np.int64)
            found = igl.decimate(vertices, faces, 1500)
            points = found[0] - (found[0].max(axis=0) + found[0].min(axis=0)) / 2
            meshes.append((points / (np.ptp(points, axis=0).max() / 2), np.asarray(found[1], dtype=np.int64)))
    return meshes
