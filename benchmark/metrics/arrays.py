"""numpy in, numpy out; torch in, torch out. torch itself is imported by whoever passes a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    Array = NDArray[Any] | torch.Tensor
else:
    Array = Any


LARGEST = 1e15
"""Coordinates beyond this have squares that overflow in single precision, or sums of them."""


def as_numpy(array: Array) -> NDArray[Any]:
    """A numpy view or copy; a tensor is detached and brought to the CPU."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().numpy()
    return np.asarray(array)


def like(values: NDArray[np.float64], example: Array) -> Array:
    """``values`` as float64 in the library and on the device of ``example``."""
    if hasattr(example, "detach"):
        import torch

        return torch.as_tensor(values, device=example.device)
    return values


def in_working_precision(points: NDArray[Any]) -> NDArray[Any]:
    """float32 for float32 and float16, which it holds exactly; float64 for everything else."""
    return points.astype(np.float32 if points.dtype in (np.float16, np.float32) else np.float64, copy=False)


def on_accelerator(array: Array) -> bool:
    """Whether this is a tensor on another device than the CPU."""
    return hasattr(array, "detach") and str(array.device) != "cpu"


def point_batches(a: Array, b: Array) -> tuple[NDArray[Any], NDArray[Any], tuple[int, ...]]:
    """Two clouds (..., P, 3) and (..., Q, 3) as (B, P, 3) and (B, Q, 3) of one precision, and the leading shape.

    Raises:
        ValueError: if the shapes do not fit, a cloud has no points or a coordinate is not finite.
    """
    first, second = (in_working_precision(as_numpy(cloud)) for cloud in (a, b))
    for cloud in (first, second):
        if cloud.ndim < 2 or cloud.shape[-1] != 3:
            raise ValueError(f"expected points of shape (..., P, 3), got {cloud.shape}")
        if cloud.shape[-2] == 0:
            raise ValueError("a cloud without points has no distance to anything")
        if not np.isfinite(cloud).all():
            raise ValueError("points must be finite")
    if first.shape[:-2] != second.shape[:-2]:
        raise ValueError(f"batches differ: {first.shape[:-2]} and {second.shape[:-2]}")
    leading, dtype = first.shape[:-2], np.promote_types(first.dtype, second.dtype)
    return (
        first.astype(dtype, copy=False).reshape(-1, *first.shape[-2:]),
        second.astype(dtype, copy=False).reshape(-1, *second.shape[-2:]),
        leading,
    )
