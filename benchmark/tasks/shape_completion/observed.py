"""What a prompt shows and what it hides or makes up, as coloured surfaces.

Three words, the same in every picture: *observed* (in the prompt and in the truth), *unobserved* (in the
truth, not in the prompt) and *spurious* (in the prompt, not in the truth).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmark.contract import Mask, Observation, Volume
from benchmark.drawing.surfaces import Surface, level_set, surface
from benchmark.observations.agreement import observed_inside
from medshape_text.curate.sdf import sdf_from_mask

OBSERVED, SPURIOUS, CUT = 0, 1, 2
"""Vertex labels: agrees with the truth; wall of an addition; wall of a carving (what is missing begins here)."""
SHEET_VOXELS = 0.5
"""How far an observed plane's sheet extends to either side of the plane."""
RIM_OPENNESS = 70
"""Darkens the edge of a sheet, so that sheets behind each other can be told apart."""


def label_vertices(vertices: NDArray[np.float32], prompt: Mask, truth: Mask) -> NDArray[np.uint8]:
    """Label each vertex of a prompt's surface by comparing the voxels on either side of it with the truth.

    A surface runs between a foreground and a background voxel of the prompt. It is SPURIOUS where the nearest
    foreground voxel is not in the truth, else CUT where the nearest background voxel is, else OBSERVED.

    Args:
        vertices: (V, 3) centred voxels.
        prompt: (64, 64, 64) bool, what the prompt shows.
        truth: (64, 64, 64) bool.

    Returns:
        (V,) uint8 labels.
    """
    index = np.rint(vertices.T + (np.array(prompt.shape)[:, None] - 1) / 2).astype(int)
    index = np.clip(index, 0, np.array(prompt.shape)[:, None] - 1)
    foreground_true = truth[_nearest(prompt, index)]
    background_true = truth[_nearest(~prompt, index)]
    labels = np.where(~foreground_true, SPURIOUS, np.where(background_true, CUT, OBSERVED))
    return labels.astype(np.uint8)


def _nearest(mask: Mask, index: NDArray[np.int_]) -> tuple[NDArray[np.int_], ...]:
    """Indices of the voxel of ``mask`` nearest to each (3, V) index."""
    if not mask.any():
        return tuple(index)
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return tuple(nearest[(slice(None), *index)])


def corrupted_surfaces(observation: Observation, truth: Volume) -> tuple[Surface, Surface]:
    """The labelled surface of a corrupted prompt, and the surface of what it lacks (may be empty).

    Both are staircases of voxels, smoothed for display only; labels come from the voxels.
    """
    prompt, inside = observed_inside(observation), np.asarray(truth) < 0
    shown = surface(observation.value, smooth=True)
    missing = surface(sdf_from_mask(inside & ~prompt), smooth=True)
    return shown.with_value(label_vertices(shown.vertices, prompt, inside)), missing


def plane_sheets(observation: Observation) -> Surface:
    """Thin sheets of the observed foreground on every observed plane, joined into one surface."""
    occupied = observed_inside(observation)
    parts = [_sheet(np.take(occupied, index, axis), axis, index) for axis, index in observed_planes(observation)]
    return _join([part for part in parts if part is not None])


def observed_planes(observation: Observation) -> Iterator[tuple[int, int]]:
    """(axis, index) of every wholly observed plane; a fully observed grid has none worth showing."""
    if observation.mask.all():
        return
    for axis in range(3):
        others = tuple(i for i in range(3) if i != axis)
        for index in np.flatnonzero(observation.mask.all(axis=others)):
            yield axis, int(index)


def _sheet(occupied: NDArray[np.bool_], axis: int, index: int) -> Surface | None:
    """A rounded slab around a (64, 64) cross-section; its outline is the smoothed outline of the pixels."""
    if not occupied.any():
        return None
    signed = ndimage.distance_transform_edt(~occupied) - ndimage.distance_transform_edt(occupied)
    # Half a pixel less outside and more inside: the outline lies on pixel borders, then corners are rounded a little.
    outline = np.clip(ndimage.gaussian_filter(signed - 0.5 * np.sign(signed), 0.35), -0.5, 0.5)
    cap = np.full_like(outline, 0.5)
    vertices, faces = level_set(np.stack([cap, outline, outline, cap]).astype(np.float32))
    if not len(faces):
        return None
    # Layers 1 and 2 are the two sides; caps lie half a layer beyond them.
    across = index + (vertices[:, 0] - 1.5) * SHEET_VOXELS
    normals = np.zeros_like(vertices)
    normals[:, axis] = np.sign(vertices[:, 0] - 1.5)
    placed = np.insert(vertices[:, 1:], axis, across, axis=1)
    # Moving axis 0 to the middle swaps two axes and so turns every face around.
    turned = faces[:, ::-1] if axis == 1 else faces
    centre = (occupied.shape[0] - 1) / 2
    on_side = np.abs(vertices[:, 0] - 1.5) > 0.95
    openness = np.where(on_side, 255, RIM_OPENNESS).astype(np.uint8)
    value = np.zeros(len(vertices), dtype=np.uint8)
    return Surface((placed - centre).astype(np.float32), turned, normals, openness, value)


def _join(parts: list[Surface]) -> Surface:
    if not parts:
        return surface(np.ones((2, 2, 2), dtype=np.float32))
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return Surface(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)]),
        normals=np.concatenate([part.normals for part in parts]),
        openness=np.concatenate([part.openness for part in parts]),
        value=np.concatenate([part.value for part in parts]),
    )
