"""Which shapes are near enough by their signatures to be worth a look."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from medshape_text.curate.signature import FEATURES

_NOISE = np.array([
    *(7.7e-4, 7.6e-4, 2.6e-4, 1.07e-3),
    *(5.3e-4, 3.42e-3, 3.07e-3, 5.4e-4, 1.10e-3, 5.6e-4, 1.15e-3, 2.03e-3, 6.1e-4, 1.23e-3, 2.17e-3, 3.07e-3),
    *(2.8e-4, 2.8e-4, 2.9e-4, 5.8e-4, 5.9e-4, 1.04e-3),
])  # fmt: skip
"""Standard deviation of each feature between 182 real bones and five kinds of copies, all turned at random: no more
than that, mirrored, thinned to 25 % of the faces, 0.2 voxel of vertex noise, and marching cubes of the SDF (the last
not of fibulae, whose shafts it breaks)."""
_THIN, _THICK = 0.15, 0.25
_THIN_RADIUS, _THICK_RADIUS = 7.2, 16.0
"""Search radius in units of that noise, for shapes whose shortest principal spread is below ``_THIN`` of their radius
of gyration (a femur: 0.08) and above ``_THICK`` (a hemipelvis: 0.27). Turned and thinned copies lie within 7.2, noisy
ones of thick shapes mostly within 16, as do fewer than 0.05 % of the pairs of different thick bones. Of pairs of thin
bones about 1 % are in reach;
a larger radius would be in vain, since their noisy copies cannot be told from other people's bones at this resolution.
"""


class Signatures:
    """All signatures (N, 22) in a k-d tree, each feature in units of its noise."""

    def __init__(self, signatures: NDArray[np.float32]) -> None:
        """Build the tree.

        Raises:
            ValueError: if the array has another number of features or a number that is not finite.
        """
        if signatures.ndim != 2 or signatures.shape[1] != len(FEATURES):
            raise ValueError(
                f"expected signatures of {len(FEATURES)} numbers, got an array of shape {signatures.shape}"
            )
        if not np.isfinite(signatures).all():
            raise ValueError("a signature is not finite")
        self._places = signatures / _NOISE
        self._radius = _radius(signatures)
        self._tree = cKDTree(self._places)

    def near(self, index: int) -> Iterator[int]:
        """Indices above ``index`` in reach of it, in order. Reach is the mean radius of the two: it is symmetric."""
        centre, radius = self._places[index], self._radius[index]
        # the reach of a neighbour is at most 1.3 times as far: its spread differs by less than 16 units of noise
        found = np.asarray(self._tree.query_ball_point(centre, min(1.3 * radius, _THICK_RADIUS)), dtype=np.intp)
        found = np.sort(found[found > index])
        distance = np.linalg.norm(self._places[found] - centre, axis=1)
        yield from found[distance <= (radius + self._radius[found]) / 2].tolist()


def _radius(signatures: NDArray[np.float32]) -> NDArray[np.float64]:
    share = np.clip((signatures[:, 0].astype(np.float64) - _THIN) / (_THICK - _THIN), 0, 1)
    return np.asarray(_THIN_RADIUS + share * (_THICK_RADIUS - _THIN_RADIUS))
