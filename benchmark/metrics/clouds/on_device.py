"""The same nearest distances where the points are: all pairs on an accelerator, a slice of them at a time.

Plain torch, one operation after the other, so that squares are summed as everywhere else and nothing is fused:
the squared distances have the bits of the compiled search. An accelerator compares all pairs of two clouds
sooner than it walks a tree.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_TEMPORARIES = 3


def nearest_squared_on_device(
    a: Tensor, b: Tensor, max_bytes: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:  # fmt: skip
    """Squared distances to the nearest point of the other cloud, both ways.

    Args:
        a: (B, P, 3), on any device.
        b: (B, Q, 3), on the same device and of the same type.
        max_bytes: memory for differences; less of it takes more steps.

    Returns:
        (B, P) and (B, Q) numpy arrays of the type of the points.

    Raises:
        ValueError: if ``max_bytes`` does not hold the differences of one point.
    """
    batch, points, others = len(a), a.shape[1], b.shape[1]
    row = _TEMPORARIES * others * a.element_size()
    rows = max_bytes // max(row, 1)
    if rows < 1:
        raise ValueError(f"max_bytes={max_bytes} is too little for {others} points; {row} is the least")
    clouds, rows = max(1, min(batch, rows // points)), min(points, rows)
    forth = torch.empty(batch, points, dtype=a.dtype, device=a.device)
    back = torch.full((batch, others), torch.inf, dtype=a.dtype, device=a.device)
    for first in range(0, batch, clouds):
        own = slice(first, first + clouds)
        for start in range(0, points, rows):
            squared = _squared(a[own, start : start + rows], b[own])
            forth[own, start : start + rows] = squared.amin(dim=2)
            back[own] = torch.minimum(back[own], squared.amin(dim=1))
    return forth.cpu().numpy(), back.cpu().numpy()


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """(B, p, Q) from direct differences, x and y first."""
    total = (a[:, :, None, 0] - b[:, None, :, 0]).square_()
    total += (a[:, :, None, 1] - b[:, None, :, 1]).square_()
    total += (a[:, :, None, 2] - b[:, None, :, 2]).square_()
    return total
