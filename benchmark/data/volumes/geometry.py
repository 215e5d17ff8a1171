"""Where voxels are: affines that can be trusted, grids that agree, and the grid a task works on."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid
from benchmark.errors import DataError

Floats = NDArray[np.float64]

SAME_VOXELS = 0.05
"""How far, in voxels, corners of an image and its labels may lie apart to be taken for the same grid."""
RIGHT_ANGLE = 1e-3
"""How much the cosine between two axes may differ from zero; ITK refuses less, scores in millimetres suffer from more."""


def grid_of(shape: tuple[int, ...], affine: Floats) -> Grid:
    """A grid of this shape and (4, 4) affine, rounded to a millionth of a millimetre so that it prints as it is."""
    rows = tuple(tuple(float(value) for value in row) for row in np.round(affine, 6) + 0.0)
    return Grid(tuple(int(side) for side in shape), rows)


def affine_of(grid: Grid) -> Floats:
    """(4, 4), index -> mm RAS+.

    Raises:
        ValueError: if the grid has none.
    """
    if grid.affine is None:
        raise ValueError("a grid without an affine has no place in space")
    return np.asarray(grid.affine, np.float64)


def spacing_of(grid: Grid) -> Floats:
    """Millimetres between voxel centres along each axis, (3,)."""
    return np.asarray(np.linalg.norm(affine_of(grid)[:3, :3], axis=0))


def check_affine(affine: Floats, path: Path) -> None:
    """Refuse an affine that is not finite, flat, or has axes that are not at right angles.

    Raises:
        DataError: in one sentence.
    """
    axes = affine[:3, :3]
    if not np.isfinite(affine).all() or abs(float(np.linalg.det(axes))) < 1e-9:
        raise DataError(f"{path}: its axes do not span space")
    unit = axes / np.linalg.norm(axes, axis=0)
    skew = float(np.abs(unit.T @ unit - np.eye(3)).max())
    if skew > RIGHT_ANGLE:
        degrees = np.degrees(np.arcsin(min(skew, 1.0)))
        raise DataError(f"{path}: its axes are {degrees:.2g} degrees off right angles; resample it to a straight grid")


def apart(first: Grid, second: Grid) -> float:
    """How far the farthest corners of two grids of one shape lie apart, in mm."""
    corners = np.array([[*(c * (side - 1) for c, side in zip(corner, first.shape, strict=True)), 1]
                        for corner in product((0, 1), repeat=3)])  # fmt: skip
    difference = (affine_of(first) - affine_of(second)) @ corners.T
    return float(np.linalg.norm(difference[:3], axis=0).max())


def check_same_grid(image: Grid, labels: Grid, case: str) -> str:
    """What is worth saying about two grids that are taken for the same; empty if they are equal.

    nnU-Net only warns of any difference of origins. Here what is less than a twentieth of a voxel is rounding, and the
    image's affine is used; what is more is an error.

    Raises:
        DataError: if they are not the same.
    """
    if image.shape != labels.shape:
        raise DataError(f"{case}: the image has {_sides(image)} voxels, its labels have {_sides(labels)}")
    distance = apart(image, labels)
    if distance > SAME_VOXELS * float(spacing_of(image).min()):
        raise DataError(
            f"{case}: image and labels lie {distance:.3g} mm apart though they have the same shape; "
            "resample the labels onto the image, or copy its affine if they were drawn on it"
        )
    return f"{case}: image and labels are {distance:.1g} mm apart, taken for the same" if distance > 1e-6 else ""


def upright(grid: Grid) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which axis of a grid runs most to the right, front and top, and the sign (1 or -1) it does so with."""
    unit = affine_of(grid)[:3, :3] / spacing_of(grid)
    order: list[int] = []
    for world in range(3):
        left = [axis for axis in range(3) if axis not in order]
        order.append(max(left, key=lambda axis: (abs(unit[world, axis]), -axis)))
    return tuple(order), tuple(1 if unit[world, axis] >= 0 else -1 for world, axis in enumerate(order))


def task_grid(original: Grid, shape: tuple[int, ...], spacing: tuple[float, ...] | None) -> Grid:
    """A grid of ``shape`` in the middle of another one, along its axes, turned to run right, front and up (RAS+).

    Where the spacing is the original's the voxel centres coincide: cropping and padding, no interpolation. None takes
    cubes just large enough for all of the image.
    """
    order, signs = upright(original)
    affine, steps = affine_of(original), spacing_of(original)
    sides = np.array(original.shape)[list(order)]
    own = steps[list(order)]
    if spacing is None:
        largest = float((sides * own / np.array(shape)).max())
        wanted = np.full(3, largest)
    else:
        wanted = np.array(spacing, np.float64)
    axes = np.stack([affine[:3, axis] / steps[axis] * sign for axis, sign in zip(order, signs, strict=True)], axis=1)
    middle = affine[:3, :3] @ ((np.array(original.shape) - 1) / 2) + affine[:3, 3]
    back = (np.array(shape) - 1) / 2
    coincide = np.abs(wanted - own) < 1e-4
    wanted = np.where(coincide, own, wanted)
    # Middles of an odd and an even number of voxels differ by half a voxel; the task's gives way.
    half = np.where(coincide & ((sides - np.array(shape)) % 2 != 0), 0.5, 0.0)
    made = np.eye(4)
    made[:3, :3] = axes * wanted
    made[:3, 3] = middle - made[:3, :3] @ (back + half)
    return grid_of(shape, made)


def _sides(grid: Grid) -> str:
    return " x ".join(map(str, grid.shape))
