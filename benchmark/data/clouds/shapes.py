"""What a file may hold: what any shape file may, or an SDF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medshape_text.reading.meshes import Cloud, Mesh


@dataclass(frozen=True, eq=False)
class Grid:
    """A signed distance at every voxel (X, Y, Z), negative inside."""

    values: NDArray[np.float32]


Shape = Mesh | Cloud | Grid
