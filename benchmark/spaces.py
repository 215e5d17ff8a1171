"""What an array of a `Space` must look like, how it is stored and how large it may be.

Everything that meets an array it did not make (the runner a prediction, the leaderboard a submission, the folder
format an external program) judges it here, by its Space and never by the name of a task.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.contract import KINDS, Array, Grid, Prediction, Space
from medshape_text.frame import TRUNCATION

SDF = Space("sdf", "float32", unit="canonical", limits=(-TRUNCATION, TRUNCATION))
"""A signed distance in the canonical frame, on the case's grid."""
OCCUPANCY = Space("occupancy", "float32", limits=(0.0, 1.0))
"""Probability of being inside, on the case's grid."""

MOST_POINTS = 1_000_000
"""Where a Space leaves the length of an axis open it may be this long."""
_SMALLEST_HALF = np.float16(2.0**-24)
_FLOATING = ("sdf", "occupancy", "image", "points")


def check_space(space: Space) -> Space:
    """The space itself, if it makes sense.

    Raises:
        ValueError: for an unknown kind, or names or a type that do not go with it.
    """
    if space.kind not in KINDS:
        raise ValueError(f"a Space is one of {', '.join(KINDS)}, not {space.kind!r}")
    if space.kind in ("labels", "choice") and not space.names:
        raise ValueError(f"a Space of {space.kind} needs the names of its {space.kind}")
    floating = np.issubdtype(np.dtype(space.dtype), np.floating)
    if floating != (space.kind in _FLOATING):
        raise ValueError(f"a Space of kind {space.kind} cannot be of type {space.dtype}")
    return space


def shape_of(space: Space, grid: Grid | None) -> tuple[int | None, ...]:
    """Shape of an array of this space on this grid; None where any length will do.

    Raises:
        ValueError: if the space takes its shape from a grid and there is none.
    """
    if space.kind == "choice":
        return ()
    if space.shape is not None:
        return space.shape
    if space.kind == "points":
        return (None, 3)
    if grid is None:
        raise ValueError(f"the shape of {space.kind} is that of the grid, and the case has none")
    channels = (len(space.names),) if space.kind == "image" and len(space.names) > 1 else ()
    return (*channels, *grid.shape)


def stored_type(space: Space) -> np.dtype[Any]:
    """Type on disk: half precision for distances and probabilities, the smallest integers that hold the names."""
    if space.kind in ("sdf", "occupancy"):
        return np.dtype("<f2")
    if space.kind in ("image", "points"):
        return np.dtype("<f4")
    return np.dtype("u1") if len(space.names) < 256 else np.dtype("<u2")


def most_bytes(space: Space, grid: Grid | None) -> int:
    """The most an array of this space may take on disk, without compression or header."""
    sizes = [MOST_POINTS if size is None else size for size in shape_of(space, grid)]
    return math.prod(sizes) * stored_type(space).itemsize


def problem_of(array: object, space: Space, grid: Grid | None) -> str | None:
    """Why an array cannot be taken for one of this space, as a reason code; None when it can.

    Codes: ``wrong_type``, ``wrong_shape``, ``not_finite``, ``out_of_range`` (labels or choices without a name, images
    beyond what is stored), ``empty`` (a distance or occupancy without a voxel inside, points without any).
    """
    if not isinstance(array, np.ndarray | np.integer) or isinstance(array, np.bool_):
        return "wrong_type"
    values = np.asarray(array)
    if not np.issubdtype(values.dtype, np.floating if space.kind in _FLOATING else np.integer):
        return "wrong_type"
    wanted = shape_of(space, grid)
    if values.ndim != len(wanted) or any(w not in (None, s) for w, s in zip(wanted, values.shape, strict=True)):
        return "wrong_shape"
    if space.kind in _FLOATING and not np.isfinite(values).all():
        return "not_finite"
    return _range_problem(values, space)


def _range_problem(values: Array, space: Space) -> str | None:
    if space.kind == "sdf":
        return None if (values < 0).any() else "empty"
    if space.kind == "occupancy":
        if values.min() < 0 or values.max() > 1:
            return "out_of_range"
        return None if (values > 0.5).any() else "empty"
    if space.kind == "points":
        if not len(values):
            return "empty"
        return "wrong_shape" if len(values) > MOST_POINTS else None
    if space.kind == "image":
        low, high = space.limits or (float(np.finfo("<f4").min), float(np.finfo("<f4").max))
        return "out_of_range" if values.size and (values.min() < low or values.max() > high) else None
    most = len(space.names) if space.kind == "labels" else len(space.names) - 1
    return "out_of_range" if values.size and (values.min() < 0 or values.max() > most) else None


def prediction_problem(prediction: object, outputs: Mapping[str, Space], grid: Grid | None) -> str | None:
    """Why a prediction cannot be scored: the code of its first bad part, ``missing_part`` or ``unknown_part``."""
    if not isinstance(prediction, Prediction) or not isinstance(prediction.parts, Mapping):
        return "wrong_type"
    if outputs.keys() - prediction.parts.keys():
        return "missing_part"
    if prediction.parts.keys() - outputs.keys():
        return "unknown_part"
    for name, space in outputs.items():
        if (problem := problem_of(prediction.parts[name], space, grid)) is not None:
            return problem
    return None


def to_stored(array: Array, space: Space) -> Array:
    """A checked array as it lies on disk: truncated to the space's limits, in `stored_type`.

    The sign of no voxel of a distance changes, and there is one zero, not two.
    """
    values = np.asarray(array)
    kind = stored_type(space)
    if space.kind in _FLOATING and space.limits is not None:
        values = np.clip(values, *space.limits)
    stored = values.astype(kind)
    if space.kind == "sdf":
        stored[(np.asarray(array) < 0) & ~(stored < 0)] = -_SMALLEST_HALF  # else just inside would round to outside
    if space.kind in _FLOATING:
        stored[stored == 0] = 0.0
    return stored


def from_stored(stored: Array, space: Space) -> Array:
    """A stored array in the type that methods and metrics see."""
    return stored.astype(space.dtype)


def stored_form(array: Array, space: Space) -> Array:
    """The values that scores are computed on: what anyone reads back from disk.

    Scoring what is stored lets anyone recompute a run from its predictions bit for bit.
    """
    return from_stored(to_stored(array, space), space)
