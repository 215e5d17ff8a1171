"""Is this mesh a surface one can work with? Structural facts, a drop where it is not, a flag where it is only odd."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medshape_text import taxonomy
from medshape_text.records import Facts, Shape
from medshape_text.stage import Drop, Stage

_IN_PLANE = 1e-4
"""Corners this close to a side of the bounding box lie in it, as a share of the longest side."""
_NEAR_PLANE = 0.05
"""How deep under the side its surroundings reach, as a share of the longest side."""
_PARALLEL = 0.94
"""Faces within 20 degrees of the side (this is the cosine) are as good as parallel to it."""
_SUDDEN = 0.8
"""Least share of the parallel surface near the side that lies in it: a natural flat end curves or steps away gently."""
OPEN, NON_MANIFOLD, MANY_COMPONENTS = "open", "non-manifold", "many-components"
INSIDE_OUT, IMPLAUSIBLE_EXTENT = "inside-out", "implausible-extent"


@dataclass(frozen=True)
class Topology:
    """How the triangles of a mesh hang together.

    ``components`` counts connected sets of triangles; ``watertight`` means each edge has two triangles
    that agree on which side is out; ``closed`` that each edge is run along as often as back, which
    non-manifold edges may be too; ``degenerate`` counts triangles without area.
    """

    components: int
    watertight: bool
    closed: bool
    degenerate: int

    @property
    def flags(self) -> tuple[str, ...]:
        """What is odd: ``open``, or ``non-manifold`` if no edge is open; ``many-components``."""
        edges = () if self.watertight else (NON_MANIFOLD if self.closed else OPEN,)
        return (*edges, *((MANY_COMPONENTS,) if self.components > 1 else ()))


def topology(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Topology:
    """Connectivity of a triangle mesh, (V, 3) vertices and (F, 3) faces; unused vertices do not count."""
    from medshape_text.curate.sdf import clean, connectivity  # compiled code: slow to import

    found = connectivity.find_edges(faces)
    return Topology(
        components=connectivity.components(faces, len(vertices))[1],
        watertight=found.watertight,
        closed=not found.excess.any(),
        degenerate=int(clean.without_area(vertices, faces).sum()),
    )


def signed_volume(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> float:
    """Volume enclosed by a closed mesh, negative when its triangles face inwards; in cubed units of the vertices."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def inspect(
    shape: Shape,
    *,
    min_faces: int,
    max_components: int | None,
    max_degenerate_share: float,
    watertight: bool,
    min_cap_share: float | None = None,
    extents: str | None = None,
) -> Shape | Drop:
    """Fill in the structural facts and flags, or drop the shape.

    Args:
        shape: as read.
        min_faces: fewer are a drop.
        max_components: more connected parts are a drop; None keeps any number, and flags more than one.
        max_degenerate_share: a larger share of faces without area is a drop.
        watertight: whether an open, non-manifold or inside-out mesh is a drop; it is flagged otherwise.
        min_cap_share: flag plane cuts at the sides of the bounding box that cover at least this share of the
            side, as a field of view leaves them (``flat-cap:x-`` to ``flat-cap:z+``).
        extents: version of the taxonomy whose plausible longest sides to hold shapes in millimetres to
            (``implausible-extent``).

    Returns:
        The shape with facts and flags; or a drop with reason ``empty``, ``bad-index``, ``non-finite``,
        ``no-extent``, ``too-few-faces``, ``degenerate``, ``many-components``, ``open`` or ``inside-out``.

    Raises:
        ValueError: if ``extents`` is not the version of the installed taxonomy.
    """
    vertices, faces = shape.vertices, shape.faces
    if not len(vertices) or not len(faces):
        return Drop("empty", f"{len(vertices)} vertices and {len(faces)} faces")
    if faces.min() < 0 or faces.max() >= len(vertices):
        return Drop("bad-index", f"a face refers to a vertex outside 0..{len(vertices) - 1}")
    broken = np.asarray(~np.isfinite(vertices).all(axis=1))
    if broken.any() and (hit := broken[faces].any(axis=1)).any():  # what no face uses harms nobody
        counts = f"{int(broken.sum())} of {len(vertices)} vertices are not finite"
        return Drop("non-finite", f"{counts}; {int(hit.sum())} of {len(faces)} faces use them")
    used = np.zeros(len(vertices), bool)
    used[faces.ravel()] = True
    corners = vertices[used]
    low, high = corners.min(axis=0), corners.max(axis=0)
    extent = high - low
    if extent.min() <= 0 or not np.isfinite(extent).all():
        return Drop("no-extent", f"the bounding box is {extent.tolist()}")
    if len(faces) < min_faces:
        return Drop("too-few-faces", f"{len(faces)} faces, at least {min_faces} wanted")
    found = topology(vertices, faces)
    if found.degenerate > max_degenerate_share * len(faces):
        return Drop("degenerate", f"{found.degenerate} of {len(faces)} faces have no area")
    if max_components is not None and found.components > max_components:
        return Drop(MANY_COMPONENTS, f"{found.components} connected parts, at most {max_components} wanted")
    if watertight and not found.watertight:
        return Drop(OPEN, "some edge does not have exactly two consistently oriented faces")
    flags = list(found.flags)
    if found.watertight and signed_volume(vertices - low if not broken.any() else vertices, faces) <= 0:
        if watertight:
            return Drop(INSIDE_OUT, "the triangles face inwards")
        flags.append(INSIDE_OUT)
    if min_cap_share is not None:
        flags += [f"flat-cap:{side}" for side in flat_caps(vertices, faces, low, high, min_cap_share)]
    if extents is not None and not _plausible(shape, float(extent.max()), extents):
        flags.append(IMPLAUSIBLE_EXTENT)
    elongation = float(extent.max() / extent.min())
    facts = Facts(len(vertices), len(faces), found.components, found.watertight, elongation=elongation)
    return replace(shape, facts=facts, flags=(*shape.flags, *(flag for flag in flags if flag not in shape.flags)))


def _plausible(shape: Shape, longest: float, version: str) -> bool:
    """Whether the longest side is within what the taxonomy says; True where nothing is known."""
    if version != taxonomy.VERSION:
        raise ValueError(f"the stage was declared for taxonomy {version}, installed is {taxonomy.VERSION}")
    if not shape.millimetres:
        return True
    try:
        expected = taxonomy.get(shape.category).extent_mm
    except taxonomy.UnknownStructureError:
        return True
    return expected is None or expected[0] <= longest <= expected[1]


def flat_caps(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    min_share: float,
) -> list[str]:
    """Sides of the bounding box, such as ``x-`` or ``z+``, at which a mesh was cut.

    A cut is a plane part of the surface in a side of the box, of at least ``min_share`` of that side's area,
    that ends suddenly. An open cut (the mesh just ends) has no area and is not found; ``open`` says so.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        low: (3,) lower corner of the box of all used vertices.
        high: (3,) upper corner.
        min_share: least share of the side's area.
    """
    found = []
    longest = float((high - low).max())
    for axis in range(3):
        side_area = np.delete(high - low, axis).prod()
        for sign, depth in (("-", vertices[:, axis] - low[axis]), ("+", high[axis] - vertices[:, axis])):
            if np.count_nonzero(depth <= _IN_PLANE * longest) < 3:
                continue
            near = faces[(depth <= _NEAR_PLANE * longest)[faces].all(axis=1)]
            a, b, c = (vertices[near[:, corner]] for corner in range(3))
            normal = np.cross(b - a, c - a)
            across = np.abs(normal[:, axis]) / 2
            in_side = across[(depth <= _IN_PLANE * longest)[near].all(axis=1)].sum()
            parallel = across[2 * across >= _PARALLEL * np.linalg.norm(normal, axis=1)].sum()
            if in_side >= min_share * side_area and in_side >= _SUDDEN * parallel:
                found.append(f"{'xyz'[axis]}{sign}")
    return found


STAGE = Stage(
    "inspect",
    "2",
    inspect,
    {
        "min_faces": 60,
        "max_components": None,
        "max_degenerate_share": 0.5,
        "watertight": False,
        "min_cap_share": 0.1,
        "extents": taxonomy.VERSION,
    },
)
"""What can be kept is kept, with flags."""

STRICT = Stage(
    "inspect",
    "2",
    inspect,
    {"min_faces": 100, "max_components": 1, "max_degenerate_share": 0.01, "watertight": True},
)
"""For sources whose every mesh should be one closed surface."""
