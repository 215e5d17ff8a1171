"""What the case page draws: the truth and what was observed of it, and one surface a method.

Surfaces are light enough for a page that shows ten methods: fewer triangles, coarser steps, the same packing.
"""

from __future__ import annotations

import igl
import numpy as np
from benchmark.report.observed import corrupted_surfaces, plane_sheets
from benchmark.report.packing import STEPS_PER_VOXEL, pack
from benchmark.report.scenes import ERROR_RANGE_VOXELS, MARGIN, planes_note
from benchmark.report.surfaces import Surface, distance_voxels, surface
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmark.contract import Case, Volume
from leaderboard.site.files import Packed

MOST_FACES = 3600
"""Triangles of a surface on the site; the quadric error of the next collapse decides which go."""
MOST_FACES_OBSERVED = 2600
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
    """The surface as ``benchmark.report.packing`` stores it, rounded first to what a view can show."""
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


def case_scene(case: Case) -> Record:
    """Truth and observation: ``radius`` and ``girth`` of the truth in voxels, packed ``meshes``, ``layers``, ``note``.

    ``layers`` are by view: "observation" and "truth".
    """
    truth = light(surface(case.truth))
    radius, girth = (
        round(float(np.linalg.norm(truth.vertices[:, :axes], axis=1).max(initial=1.0)) * MARGIN, 3) for axes in (3, 2)
    )
    meshes: Record = {}
    observation, note = _observation(case, meshes)
    truth_layer = _add(meshes, "truth", truth, "truth", "surface")
    if truth_layer and case.observation.kind == "planes":
        observation.append({"mesh": "truth", "paint": "ghost", "style": "ghost"})
    layers = {"observation": observation, "truth": [truth_layer] if truth_layer else []}
    return {"radius": radius, "girth": girth, "meshes": meshes, "layers": layers, "note": note}


def method_mesh(prediction: Volume | None, truth: Volume) -> Record:
    """A method's surface, its distance to the truth as each vertex's value: ``mesh`` (or None) and ``note``."""
    if prediction is None:
        return {"mesh": None, "note": "no prediction"}
    shown = surface(prediction)
    if not len(shown.faces):
        return {"mesh": None, "note": "nothing predicted inside"}
    note = f"rough surface, shown at 1/{shown.stride} of the resolution" if shown.stride > 1 else ""
    shown = light(shown)
    # 128 lies on the truth; 0 and 255 are ERROR_RANGE_VOXELS inside and outside of it.
    encoded = 127.5 + distance_voxels(shown, truth) * (127.5 / ERROR_RANGE_VOXELS)
    return {"mesh": packed(shown.with_value(encoded)), "note": note}


def _observation(case: Case, meshes: Record) -> tuple[list[Record], str]:
    observation = case.observation
    if observation.kind == "planes":
        # Sheets are flat and pack well as they are; simplified, their outlines would fray.
        layers = [_add(meshes, "sheets", plane_sheets(observation), "observed", "sheet")]
        return [layer for layer in layers if layer], planes_note(observation)
    prompt, missing = corrupted_surfaces(observation, case.truth)
    absent = _add(meshes, "missing", light(missing, MOST_FACES_OBSERVED), "unobserved", "ghost")
    layers = [
        _add(meshes, "prompt", light(prompt, MOST_FACES_OBSERVED), "labels", "surface"),
        {**absent, "strength": 1.4} if absent else None,
    ]
    return [layer for layer in layers if layer], "nothing was observed" if observation.empty else ""


def _add(meshes: Record, name: str, shown: Surface, paint: str, style: str) -> Record | None:
    if not len(shown.faces):
        return None
    meshes[name] = packed(shown)
    return {"mesh": name, "paint": paint, "style": style}
