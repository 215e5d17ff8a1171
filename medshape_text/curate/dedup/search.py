"""All duplicates of a data set: equal content first, then near-equal geometry across sources, categories and splits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from medshape_text.curate.dedup.compare import LIMITS, Limits, Match, match
from medshape_text.curate.dedup.records import DuplicatePair, Entry
from medshape_text.curate.dedup.surface import SampledSurface, prepare
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
_KEPT = 256
"""Prepared surfaces kept in memory, at most 0.8 MB each."""


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


Samples = Callable[[str], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Id to its surface samples, points and normals, both (N, 3), as the stage ``surface`` makes them."""


def find_duplicates(entries: Sequence[Entry], points: Samples, limits: Limits = LIMITS) -> list[DuplicatePair]:
    """Pairs that link every duplicate to the shape with the smallest id it was found equal to, sorted by ids.

    A shape found equal to a smaller id is not compared with others again: a set of copies is a star, not every pair of
    it is listed. Mirror images are: the stars of a shape and of its mirror image are linked at their centres. The
    result depends on the content of ``entries`` only, not on their order. ``points`` is called for shapes whose
    signatures are close to another one's, for no others.

    Raises:
        ValueError: if an id occurs twice or a signature is not one.
    """
    ordered = sorted(entries, key=lambda entry: entry.id)
    if len({entry.id for entry in ordered}) != len(ordered):
        raise ValueError("an id occurs twice")
    pairs = _equal_content(ordered)
    gone = {pair.second for pair in pairs}
    centres = [entry for entry in ordered if entry.id not in gone]
    if len(centres) < 2:
        return pairs
    signatures = Signatures(np.stack([entry.signature for entry in centres]))
    surfaces = _Surfaces(points)
    assigned = np.zeros(len(centres), dtype=bool)
    for index, entry in enumerate(centres):
        if assigned[index]:
            continue
        for other in signatures.near(index):
            if assigned[other]:
                continue
            found = match(surfaces(entry.id), surfaces(centres[other].id), limits)
            if found is not None:
                pairs.append(_pair(entry, centres[other], found, limits))
                assigned[other] = not found.pose.mirrored
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _equal_content(ordered: Sequence[Entry]) -> list[DuplicatePair]:
    """Shapes of one canonical mesh. Equal input alone says nothing: one mask file holds many structures."""
    first: dict[str, Entry] = {}
    pairs = []
    for entry in ordered:
        if not entry.content_hash:
            continue
        leader = first.setdefault(entry.content_hash, entry)
        if leader is not entry:
            same_bytes = bool(entry.input_sha256) and entry.input_sha256 == leader.input_sha256
            scale = leader.scale / entry.scale if leader.scale and entry.scale else 1.0
            pairs.append(DuplicatePair(leader.id, entry.id, "bytes" if same_bytes else "content", scale=scale))
    return pairs


def _pair(first: Entry, second: Entry, found: Match, limits: Limits) -> DuplicatePair:
    if found.pose.mirrored:
        kind = "mirrored"
    elif found.pose.degrees > limits.still_degrees:
        kind = "rotated"
    else:
        same_mesh = first.n_faces == second.n_faces and found.mean <= limits.same_mean
        kind = "copy" if same_mesh else "re-meshed"
    scale = 1 / found.pose.scale
    if first.scale and second.scale:
        scale *= first.scale / second.scale
    return DuplicatePair(first.id, second.id, kind, round(found.mean, 4), round(found.p95, 4), round(found.drift, 4),
                         round(found.pose.degrees, 2), round(scale, 5))  # fmt: skip


class _Surfaces:
    """Prepared surfaces by id, the most recently used ones kept."""

    def __init__(self, points: Samples) -> None:
        self._points = points
        self._kept: OrderedDict[str, SampledSurface] = OrderedDict()

    def __call__(self, shape_id: str) -> SampledSurface:
        if shape_id in self._kept:
            self._kept.move_to_end(shape_id)
        else:
            self._kept[shape_id] = prepare(*self._points(shape_id))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[shape_id]
