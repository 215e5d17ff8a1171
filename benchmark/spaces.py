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

    Codes: ``wrong_type``, ``wrong_shape``, ``not_finite``, ``out_of_range`` (labels or choices without a name, values
    beyond what is stored), ``empty`` (a distance or occupancy without a voxel inside, points without any).
    """
    if not isinstance(array, np.ndarray | np.integer):
        return "wrong_type"
    values = np.asarray(array)
    if not np.issubdtype(values.dtype, np.floating if space.kind in _FLOATING else np.integer):
        return "wrong_type"
    wanted = shape_of(space, grid)
    if not _fits(values.shape, wanted):
        return "wrong_shape"
    if space.kind in _FLOATING and not np.isfinite(values).all():
        return "not_finite"
    return _range_problem(values, space)


def _range_problem(values: Array, space: Space) -> str | None:
    low, high = _allowed(space)
    if values.size and (float(values.min()) < low or float(values.max()) > high):
        return "out_of_range"
    if space.kind == "sdf":
        return None if (values < 0).any() else "empty"
    if space.kind == "occupancy":  # as it is stored: half precision takes what is barely inside for outside
        return None if (to_stored(values, space) > 0.5).any() else "empty"
    return "empty" if space.kind == "points" and not len(values) else None


def _allowed(space: Space) -> tuple[float, float]:
    """Smallest and largest value that can be stored; a distance with limits is truncated, whatever it is."""
    if space.kind == "labels":
        return 0, len(space.names)
    if space.kind == "choice":
        return 0, len(space.names) - 1
    if space.kind == "occupancy":
        return 0, 1
    if space.limits is None:
        most = float(np.finfo(stored_type(space)).max)
        return -most, most
    if space.kind == "sdf":
        return -math.inf, math.inf
    low, high = (float(limit) for limit in np.array(space.limits, stored_type(space)))  # rounding may go beyond
    return min(low, space.limits[0]), max(high, space.limits[1])


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        size <= MOST_POINTS if want is None else size == want for size, want in zip(shape, wanted, strict=True)
    )


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


def stored_bytes(prediction: Prediction, outputs: Mapping[str, Space]) -> list[bytes]:
    """The bytes of every part as they are stored (`to_stored`): little-endian, last index fastest."""
    return [to_stored(prediction.parts[name], space).tobytes() for name, space in outputs.items()]
