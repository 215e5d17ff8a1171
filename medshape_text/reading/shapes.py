"""What a mesh file may hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices (V, 3) and triangles (F, 3) that index them."""

    vertices: Floats
    faces: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points (P, 3)."""

    points: Floats
