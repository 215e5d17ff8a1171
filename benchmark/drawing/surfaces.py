"""From a signed distance field to the surface the report shows.

Surfaces are the zero level of the very SDF that was scored, by marching cubes: neither decimated nor
smoothed, unless a caller asks for smoothing (published-form prompts are staircases) and says so in the
caption. Coordinates are voxels measured from the centre of the grid: ``index - 31.5``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage import measure

from benchmark.drawing.smoothing import taubin, vertex_normals
from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION

MAX_VERTICES = 60_000
"""Indices are stored in 16 bits; a surface with more vertices than this is shown at half the resolution."""
OCCLUSION_PROBES_VOXELS = (1.0, 2.0, 3.5, 5.0, 6.0)

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed triangle mesh with what is needed to shade it.

    Attributes:
        vertices: (V, 3) float32, voxels from the centre of the grid, axes (x, y, z).
        faces: (F, 3) int32, counter-clockwise seen from outside.
        normals: (V, 3) float32, unit length, outward.
        openness: (V,) uint8, 255 where nothing nearby hides the ambient light, 0 where all is hidden.
        value: (V,) uint8, a label or an encoded scalar that the page turns into colours.
        stride: voxels per marching-cubes cell; above 1 only for surfaces too rough for ``MAX_VERTICES``.
    """

    vertices: Floats
    faces: NDArray[np.int32]
    normals: Floats
    openness: Bytes
    value: Bytes
    stride: int = 1

    def with_value(self, value: ArrayLike) -> Surface:
        """The same surface with another (V,) value per vertex, clipped to 0..255."""
        clipped = np.clip(np.rint(np.asarray(value)), 0, 255).astype(np.uint8)
        if clipped.shape != (len(self.vertices),):
            raise ValueError(f"expected one value per vertex, got {clipped.shape} for {len(self.vertices)} vertices")
        return replace(self, value=clipped)


def surface(sdf: ArrayLike, smooth: bool = False) -> Surface:
    """The zero level of an SDF in canonical units (32 voxels).

    Args:
        sdf: (X, Y, Z) canonical SDF, negative inside; values that are not finite count as outside.
        smooth: smooth the surface for display; for SDFs in published form, which are staircases.

    Returns:
        The surface; without vertices when nothing is inside.
    """
    field = np.nan_to_num(np.asarray(sdf, dtype=np.float32), nan=TRUNCATION, posinf=TRUNCATION, neginf=-TRUNCATION)
    found = level_set(field)
    stride = 1
    while len(found[0]) > MAX_VERTICES:
        stride *= 2
        filled = np.pad(field, [(0, -side % stride) for side in field.shape], mode="edge")
        x, y, z = (side // stride for side in filled.shape)
        coarse = filled.reshape(x, stride, y, stride, z, stride).mean(axis=(1, 3, 5))
        vertices, faces = level_set(coarse)
        found = (vertices * stride + (stride - 1) / 2, faces)
    vertices, faces = found
    if smooth and len(faces):
        vertices = taubin(vertices, faces)
    normals = vertex_normals(vertices, faces) if smooth else _normals(field, vertices)
    return Surface(
        vertices=(vertices - (np.array(field.shape) - 1) / 2).astype(np.float32),
        faces=faces,
        normals=normals,
        openness=_openness(field, vertices, normals),
        value=np.zeros(len(vertices), dtype=np.uint8),
        stride=stride,
    )


def level_set(field: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """Vertices (V, 3) in voxel indices and faces (F, 3) of ``field == 0``, closed at the border of the grid."""
    if not (field < 0).any():
        return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int32)
    outside = max(float(np.abs(field).max()), 1e-3)
    padded = np.pad(field, 1, constant_values=outside)
    # A level exactly on a grid value makes degenerate triangles; skimage's "descent" turns faces
    # outward for fields that grow outwards.
    padded[padded == 0] = 1e-6
    vertices, faces, _, _ = measure.marching_cubes(  # type: ignore[no-untyped-call]
        padded, 0.0, gradient_direction="descent", allow_degenerate=False
    )
    return (vertices - 1).astype(np.float32), faces.astype(np.int32)


def sample(field: NDArray[np.floating], vertices: Floats) -> Floats:
    """Trilinear values (V,) of a (64, 64, 64) field at (V, 3) positions given in centred voxels."""
    index = vertices.T + (np.array(field.shape)[:, None] - 1) / 2
    return _at_index(np.asarray(field, dtype=np.float32), index)


def distance_voxels(of: Surface, truth: ArrayLike) -> Floats:
    """Signed distance (V,) in voxels of each vertex of a surface to the truth; positive lies outside the truth.

    ``truth`` is a canonical SDF, so distances are cut off at +-6.4 voxels.
    """
    return sample(np.asarray(truth, dtype=np.float32), of.vertices) * np.float32(HALF_BOX_VOXELS)


def _at_index(field: Floats, index: NDArray[np.floating]) -> Floats:
    return np.asarray(ndimage.map_coordinates(field, index, order=1, mode="nearest"), dtype=np.float32)


def _normals(field: Floats, vertices: Floats) -> Floats:
    """The direction in which the SDF grows; smoother than the normals of marching-cubes triangles."""
    smooth = ndimage.gaussian_filter(field, 0.7)
    gradient = np.stack([_at_index(np.gradient(smooth, axis=axis), vertices.T) for axis in range(3)], axis=1)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    upward = np.array([0.0, 0.0, 1.0], dtype=np.float32)
    return np.where(length > 1e-9, gradient / np.maximum(length, 1e-9), upward).astype(np.float32)


def _openness(field: Floats, vertices: Floats, normals: Floats) -> Bytes:
    """Ambient occlusion read off the SDF: along the normal, how much nearer is a surface than the probe is far."""
    hidden = np.zeros(len(vertices), dtype=np.float32)
    for reach in OCCLUSION_PROBES_VOXELS:
        free = _at_index(field, (vertices + normals * reach).T) * HALF_BOX_VOXELS
        hidden += np.clip((reach - free) / reach, 0.0, 1.0).astype(np.float32)
    return np.rint(255 * (1 - hidden / len(OCCLUSION_PROBES_VOXELS))).astype(np.uint8)
