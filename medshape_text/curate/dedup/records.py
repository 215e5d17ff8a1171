"""What deduplication is told of a shape, what it says of two, and which of many are one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

KINDS = ("bytes", "content", "copy", "re-meshed", "rotated", "mirrored")
"""How the second of two shapes came from the first; all but ``mirrored`` are one shape published twice.

``bytes``: read from equal bytes. ``content``: other bytes, the same canonical mesh. ``copy``: the same place and as
good as no distance. ``re-meshed``: the same place (within a degree), another mesh of the same surface. ``rotated``: the
same surface turned, meshed anew or not. ``mirrored``: the mirror image, and no rotation fits.
"""


@dataclass(frozen=True, eq=False)
class Entry:
    """A finished shape as deduplication sees it.

    ``signature`` is that of :mod:`medshape_text.curate.signature`. ``split`` is the one a user declared, else empty.
    ``split_safe`` is False where it is not known whose shape it is (renamed downloads). ``scale`` is that of the
    canonical transform, in canonical units per source unit. ``input_sha256``, ``content_hash``, ``scale`` and
    ``n_faces`` are empty or 0 where they are not known.
    """

    id: str
    subject: str
    category: str
    source: str
    signature: NDArray[np.float32]
    split: str = ""
    input_sha256: str = ""
    content_hash: str = ""
    split_safe: bool = True
    redistributable: bool = True
    scale: float = 0.0
    n_faces: int = 0


@dataclass(frozen=True)
class DuplicatePair:
    """Two shapes that are one; ``first`` is the smaller id.

    ``distance_voxels`` is the mean distance between the surfaces after the best similarity, both ways, in voxels of
    the canonical frame, ``p95_voxels`` its 95th percentile and ``drift_voxels`` what is left of it when noise is
    averaged out (see :mod:`medshape_text.curate.dedup.compare`). ``degrees`` is the rotation between the two, of a
    mirrored pair beside the reflection in a plane of coordinates; ``scale`` is the size of the second over that of
    the first, in units of their sources where both are known.
    """

    first: str
    second: str
    kind: str
    distance_voxels: float = 0.0
    p95_voxels: float = 0.0
    drift_voxels: float = 0.0
    degrees: float = 0.0
    scale: float = 1.0

    @property
    def ends(self) -> tuple[str, str]:
        """Both ids."""
        return self.first, self.second

    @property
    def rigid(self) -> bool:
        """Whether it is the same shape, not its mirror image."""
        return self.kind != "mirrored"


def joined(names: Iterable[str], links: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Sets of names that links join, each in order and all by their first name; a name without links is one by itself.

    >>> joined("abcd", [("d", "b"), ("b", "c")])
    [['a'], ['b', 'c', 'd']]
    """
    sets = DisjointSet(names)
    for first, second in links:
        sets.merge(first, second)
    return sorted(sorted(found) for found in sets.subsets())
