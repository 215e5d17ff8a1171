"""What the case page draws: the truth and what was observed of it, and the surfaces and label maps of each method.

A family draws a case as a `Scene`; here its surfaces are made light enough for a page that shows ten methods: fewer
triangles, coarser steps, the same packing.
"""

from __future__ import annotations

from collections.abc import Sequence

import igl
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmark.drawing.packing import STEPS_PER_VOXEL, pack
from benchmark.drawing.scene import Layer, Scene, View
from benchmark.drawing.slices import pack_labels
from benchmark.drawing.surfaces import Surface
from leaderboard.site.files import Packed

MOST_FACES = 3600
"""Triangles of a surface on the site; the quadric error of the next collapse decides which go."""
MOST_FACES_OBSERVED = 2600
FEWEST_FACES = 300
"""A surface may have so many however many others stand beside it."""
STEPS = 16
"""Positions are rounded to 1/16 voxel, which packs well and is still below a pixel of a view."""
NORMAL_STEPS = 8
"""Normals are rounded to multiples of 8/127: 3.6 degrees."""


def light(surface: Surface, most_faces: int = MOST_FACES) -> Surface:
    """The surface with at most about ``most_faces`` triangles.

    Vertices move to where the quadric error (Garland and Heckbert 1997) is least; normals, openness and values are
    those of the nearest vertex of the full surface. A surface that is small enough stays as it is.
    """
    if len(surface.faces) <= most_faces:
        return surface
    vertices, faces = np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    if surface.stride == 1:  # rougher ones are noise, on which collapsing takes long and gets nowhere
        vertices, faces, _, _ = igl.qslim(
            surface.vertices.astype(np.float64), surface.faces.astype(np.int64), most_faces
        )
    if not 0 < len(faces) <= most_faces:
        # Marching cubes may make an edge with four triangles, which the collapse refuses.
        vertices, faces = clustered(surface.vertices, surface.faces, most_faces)
    moved = np.clip(vertices, surface.vertices.min(axis=0), surface.vertices.max(axis=0)).astype(np.float32)
    _, nearest = cKDTree(surface.vertices).query(moved)
    return Surface(
        vertices=moved,
        faces=np.asarray(faces, dtype=np.int32),
        normals=surface.normals[nearest],
        openness=surface.openness[nearest],
        value=surface.value[nearest],
        stride=surface.stride,
    )


def clustered(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], most_faces: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (V, 3) and faces (F, 3) with all vertices of one cell of a grid joined into their mean.

    The cell grows by an eighth from one voxel until no more than ``most_faces`` are left. Works for any triangles.
    """
    cell = 1.0
    while True:
        cells = np.floor(vertices / cell).astype(np.int64)
        _, joined = np.unique(cells, axis=0, return_inverse=True)
        joined = joined.reshape(-1)
        kept = joined[faces]
        whole = (kept[:, 0] != kept[:, 1]) & (kept[:, 1] != kept[:, 2]) & (kept[:, 2] != kept[:, 0])
        if whole.sum() <= most_faces:
            break
        cell *= 1.125
    means = np.zeros((joined.max() + 1, 3))
    np.add.at(means, joined, vertices)
    return means / np.bincount(joined)[:, None], kept[whole]


def packed(surface: Surface) -> dict[str, object]:
    """The surface as `benchmark.drawing.packing` stores it, rounded first to what a view can show."""
    normals = np.rint(surface.normals * (127 / NORMAL_STEPS)) * (NORMAL_STEPS / 127)
    rounded = Surface(
        vertices=_rounded(surface.vertices),
        faces=surface.faces,
        normals=np.clip(normals, -1, 1).astype(np.float32),
        openness=(surface.openness & np.uint8(0xF0)) | np.uint8(0x08),
        value=surface.value,
        stride=surface.stride,
    )
    record = pack(rounded)
    return {**record, "data": Packed(record["data"])}


def _rounded(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    if STEPS_PER_VOXEL % STEPS:
        raise ValueError("a step of the site must be a whole number of steps of the packing")
    return (np.rint(vertices * STEPS) / STEPS).astype(np.float32)


Record = dict[str, object]


def case_record(scene: Scene) -> Record:
    """Truth and observation: ``radius`` and ``girth`` of the truth in voxels, packed ``meshes``, ``layers``, ``note``.

    ``layers`` are by view: "observation" and "truth", those that the scene has; ``slices`` are there if it has any.
    """
    views = {view.kind: view for view in scene.views if view.kind in ("observation", "truth")}
    meshes: Record = {}
    for kind, most in (("truth", MOST_FACES), ("observation", MOST_FACES_OBSERVED)):
        if kind in views:
            meshes = _packed(scene, views[kind].layers, most) | meshes
    record: Record = {
        "radius": scene.radius,
        "girth": scene.girth,
        "meshes": meshes,
        "layers": {
            kind: [layer.data() for layer in views[kind].layers] for kind in ("observation", "truth") if kind in views
        },
        "note": views["observation"].note if "observation" in views else "",
    }
    return record if scene.slices is None else {**record, "slices": scene.slices.data(Packed)}


def method_record(scene: Scene, method: str) -> Record:
    """A method's view: packed ``meshes``, ``layers``, ``note``, and its label map where there are ``slices``."""
    view = _view(scene, "prediction", method)
    record: Record = {
        "meshes": _packed(scene, view.layers, MOST_FACES),
        "layers": [layer.data() for layer in view.layers],
        "note": view.note,
    }
    if scene.slices is None or method not in scene.slices.predictions:
        return record
    return {**record, "labels": Packed(pack_labels(scene.slices.predictions[method]))}


def _view(scene: Scene, kind: str, method: str = "") -> View:
    return next((view for view in scene.views if (view.kind, view.method) == (kind, method)), View(kind, kind))


def _packed(scene: Scene, layers: Sequence[Layer], most_faces: int) -> Record:
    """Surfaces of layers by name; those that stand side by side share the triangles, as they had them before.

    Sheets are flat and pack well as they are; simplified, their outlines would fray.
    """
    solid = [layer.mesh for layer in layers if layer.style == "surface"]
    every = sum(len(scene.surfaces[mesh].faces) for mesh in solid)
    record: Record = {}
    for layer in layers:
        shown = scene.surfaces[layer.mesh]
        share = len(shown.faces) / every if layer.mesh in solid else 1.0
        record[layer.mesh] = packed(
            shown if layer.style == "sheet" else light(shown, max(round(most_faces * share), FEWEST_FACES))
        )
    return record
