"""Is this mesh a surface one can work with? Structural checks, each with its reason code."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from medshape_text.records import Facts, Shape
from medshape_text.stage import Drop, Stage


@dataclass(frozen=True)
class Topology:
    """How the triangles of a mesh hang together.

    ``components`` counts connected sets of triangles; ``watertight`` means each edge has two triangles
    that agree on which side is out; ``degenerate`` counts triangles without area.
    """

    components: int
    watertight: bool
    degenerate: int


def topology(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Topology:
    """Connectivity of a triangle mesh, (V, 3) vertices and (F, 3) faces; unused vertices do not count."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    graph = sparse.coo_matrix((np.ones(len(start), dtype=np.int8), (start, end)), shape=(len(vertices),) * 2)
    label = connected_components(graph, directed=False)[1]
    forward = np.sort(start * len(vertices) + end)
    backward = np.sort(end * len(vertices) + start)
    once = len(np.unique(forward)) == len(forward)
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    doubled_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = float(np.ptp(vertices, axis=0).max())
    return Topology(
        components=len(np.unique(label[faces[:, 0]])),
        watertight=bool(once and np.array_equal(forward, backward)),
        degenerate=int((doubled_area <= 1e-12 * longest**2).sum()),
    )


def signed_volume(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> float:
    """Volume enclosed by a closed mesh, negative when its triangles face inwards; in cubed units of the vertices."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def inspect(
    shape: Shape, *, min_faces: int, max_components: int, max_degenerate_share: float, watertight: bool
) -> Shape | Drop:
    """Fill in the structural facts or drop the shape.

    Reason codes: ``empty``, ``non-finite``, ``bad-index``, ``no-extent``, ``too-few-faces``, ``degenerate``,
    ``many-components``, ``open``, ``inside-out``.
    """
    vertices, faces = shape.vertices, shape.faces
    if not len(vertices) or not len(faces):
        return Drop("empty", f"{len(vertices)} vertices and {len(faces)} faces")
    if not np.isfinite(vertices).all():
        return Drop("non-finite", f"{int((~np.isfinite(vertices)).any(axis=1).sum())} vertices are not finite")
    if faces.min() < 0 or faces.max() >= len(vertices):
        return Drop("bad-index", f"a face refers to a vertex outside 0..{len(vertices) - 1}")
    extent = np.ptp(vertices[np.unique(faces)], axis=0)
    if extent.min() <= 0:
        return Drop("no-extent", f"the bounding box is {extent.tolist()}")
    if len(faces) < min_faces:
        return Drop("too-few-faces", f"{len(faces)} faces, at least {min_faces} wanted")
    found = topology(vertices, faces)
    if found.degenerate > max_degenerate_share * len(faces):
        return Drop("degenerate", f"{found.degenerate} of {len(faces)} faces have no area")
    if found.components > max_components:
        return Drop("many-components", f"{found.components} connected parts, at most {max_components} wanted")
    if watertight and not found.watertight:
        return Drop("open", "some edge does not have exactly two consistently oriented faces")
    if found.watertight and signed_volume(vertices, faces) <= 0:
        return Drop("inside-out", "the triangles face inwards")
    elongation = float(extent.max() / extent.min())
    return replace(
        shape, facts=Facts(len(vertices), len(faces), found.components, found.watertight, elongation=elongation)
    )


STAGE = Stage(
    "inspect",
    "1",
    inspect,
    {"min_faces": 100, "max_components": 1, "max_degenerate_share": 0.01, "watertight": True},
)
