"""Which side of every triangle is out: consistent over each patch, outwards as a whole, cavities kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from medshape_text.curate.sdf.clean import cross, sides
from medshape_text.curate.sdf.connectivity import Faces, Labels, Mask, components, find_edges, is_balanced, patches_of
from medshape_text.curate.sdf.rays import Points, boxes, ray_index

_SURE_VOTE = 0.6
"""From this share of its area on, a patch is believed about which of its sides it says is out."""
_SURE_VOLUME = 1e-4
"""Least 36 pi V^2 / A^3 (a ball has 1) for which the volume under an open patch tells its sides."""
_CONTAINER = 1e-3
"""Least share of the whole area for a patch to be looked into for others."""
_PROBES = 32
_SEEN = 4
"""A patch is round a point if at least so many of the six axis-parallel half-rays from it see a surplus of one side."""


@dataclass(frozen=True, eq=False)
class Oriented:
    """Faces with the solid behind them.

    Attributes:
        faces: the array given if nothing changed.
        turned: how many faces were turned.
        reversed: how many patches had most of their area turned.
        buried: (F,) faces of closed shells that wholly lie in the solid of another and face outwards as it does.
    """

    faces: Faces
    turned: int
    reversed: int
    buried: Mask


def orient(points: Points, faces: Faces) -> Oriented:
    """Turn faces until the solid is on their inner side.

    The faces of a patch (joined by edges of two faces) are made to agree. A patch that lies in no other one
    must enclose a positive volume (an open one with the cone over its border). A patch inside another keeps
    the side most of its area says is out, so that a cavity stays one, and turns if the outer one had to;
    where its faces disagree with each other, cavities and solids alternate.

    Args:
        points: (V, 3).
        faces: (F, 3), at least one; equal vertices merged, without pinched and repeated faces.
    """
    nothing = np.zeros(len(faces), bool)
    if is_balanced(faces):  # then parts are patches, and their faces agree
        label, count = components(faces, len(points))
        turned, border = nothing, np.zeros((len(faces), 3), bool)
    else:
        found = find_edges(faces)
        pairs = found.forward + found.backward == 2
        label, turned, count, _ = patches_of(found.of, faces, pairs)
        border = ~pairs[found.of]
    oriented = _turned(faces, turned) if turned.any() else faces
    patches = _measure(points, oriented, label, count, turned, border)
    large = np.flatnonzero(patches.area >= _CONTAINER * patches.area.sum())
    inside = containers(points, oriented, label, count, large) if count > 1 else np.zeros((1, len(large)), bool)
    reverse = _reverse(patches, inside, large)
    change = turned ^ reverse[label]
    buried = _buried(patches, reverse, inside, large)
    if not change.any():
        return Oriented(faces, 0, 0, buried[label])
    return Oriented(_turned(faces, change), int(change.sum()), int((patches.turned ^ reverse).sum()), buried[label])


@dataclass(frozen=True, eq=False)
class _Patches:
    """Per patch: area, volume, whether it is open, whether the volume is certain, which side its area votes for.

    ``turned``: most of the area was turned to agree with the first face; ``vote`` is the share of that majority.
    """

    area: Points
    volume: Points
    open: Mask
    certain: Mask
    turned: Mask
    vote: Points


def _turned(faces: Faces, which: Mask) -> Faces:
    turned = faces.copy()
    turned[which, 0], turned[which, 2] = faces[which, 2], faces[which, 0]
    return turned


def _measure(
    points: Points,
    faces: Faces,
    label: Labels,
    count: int,
    turned: Mask,
    border: Mask,
) -> _Patches:
    """``border`` (F, 3) marks the sides that are no edge of exactly two faces."""
    area, against, open_, apex = _tally(points, faces, label, count, turned, border)
    volume = _volumes(points, faces, label, apex)
    area = np.maximum(area, 1e-100)
    roundness = 36 * np.pi * (volume / area**1.5) ** 2
    certain = roundness > np.where(open_, _SURE_VOLUME, 1e-15)
    share = against / area
    return _Patches(area, volume, open_, certain, share > 0.5, np.maximum(share, 1 - share))


def _reverse(patches: _Patches, inside: Mask, large: NDArray[np.int64]) -> Mask:
    """(P,) whether a patch, after its faces agree with its first one, has to be reversed."""
    voted = patches.turned  # reversed, most of its area has the side it came with
    depth = inside.sum(axis=1)
    outer = depth == 0
    # What no volume decides turns as most of what a volume decides.
    outwards = np.where(patches.certain, patches.volume < 0, voted)
    known = outer & patches.certain
    all_round = bool((patches.area * np.where(outwards ^ voted, 1, -1))[known].sum() > 0)
    outwards = np.where(known | ~outer, outwards, voted ^ all_round)
    result = outwards.copy()
    for patch in np.flatnonzero(~outer):
        holders = large[inside[patch]]
        holders = holders[outer[holders]]
        if not len(holders):
            continue
        holder = holders[np.argmax(patches.area[holders])]
        if patches.vote[patch] >= _SURE_VOTE:
            result[patch] = voted[patch] ^ outwards[holder] ^ voted[holder]
        else:
            result[patch] = outwards[patch] ^ bool(depth[patch] % 2)
    return np.asarray(result)


def _buried(patches: _Patches, reverse: Mask, inside: Mask, large: NDArray[np.int64]) -> Mask:
    """(P,) whether a closed outward patch lies in another one, the innermost around it outward."""
    outward = ((patches.volume < 0) == reverse) & ~patches.open
    depth = inside.sum(axis=1)
    result = np.zeros(len(depth), bool)
    for patch in np.flatnonzero((depth > 0) & outward):
        holders = large[inside[patch]]
        result[patch] = outward[holders[np.argmax(depth[holders])]]
    return result


@njit(cache=True, nogil=True, error_model="numpy")
def _volumes(points: Points, faces: Faces, label: Labels, apex: Points) -> Points:
    volume = np.zeros(len(apex))
    for face in range(len(faces)):
        a, b, c, o = faces[face, 0], faces[face, 1], faces[face, 2], label[face]
        ax, ay, az = points[a, 0] - apex[o, 0], points[a, 1] - apex[o, 1], points[a, 2] - apex[o, 2]
        bx, by, bz = points[b, 0] - apex[o, 0], points[b, 1] - apex[o, 1], points[b, 2] - apex[o, 2]
        cx, cy, cz = points[c, 0] - apex[o, 0], points[c, 1] - apex[o, 1], points[c, 2] - apex[o, 2]
        volume[o] += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return volume / 6


@njit(cache=True, nogil=True, error_model="numpy")
def _tally(
    points: Points, faces: Faces, label: Labels, count: int, turned: Mask, border: Mask
) -> tuple[Points, Points, Mask, Points]:
    """Area, turned area, whether there is a border, and the mean of the border's (else of all) corners."""
    area, against, open_ = np.zeros(count), np.zeros(count), np.zeros(count, np.bool_)
    border_sum, border_count = np.zeros((count, 3)), np.zeros(count)
    whole_sum, whole_count = np.zeros((count, 3)), np.zeros(count)
    for face in range(len(faces)):
        patch = label[face]
        ux, uy, uz, vx, vy, vz = sides(points, faces, face)
        nx, ny, nz = cross(ux, uy, uz, vx, vy, vz)
        own = np.sqrt(nx * nx + ny * ny + nz * nz) / 2
        area[patch] += own
        against[patch] += own * turned[face]
        for corner in range(3):
            start, end = faces[face, corner], faces[face, (corner + 1) % 3]
            whole_count[patch] += 1
            for axis in range(3):
                whole_sum[patch, axis] += points[start, axis]
            if border[face, corner]:
                open_[patch] = True
                border_count[patch] += 1
                for axis in range(3):
                    border_sum[patch, axis] += (points[start, axis] + points[end, axis]) / 2
    apex = np.empty((count, 3))
    for patch in range(count):
        for axis in range(3):
            if open_[patch]:
                apex[patch, axis] = border_sum[patch, axis] / border_count[patch]
            else:
                apex[patch, axis] = whole_sum[patch, axis] / whole_count[patch]
    return area, against, open_, apex


def containers(
    points: Points, faces: Faces, label: NDArray[np.int32], count: int, large: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which of the ``large`` (G,) patches each patch lies in, with all of 32 points of its surface.

    Two shells that cross are inside neither; the odd crossing between the points goes unnoticed.

    Args:
        points: (V, 3).
        faces: (F, 3), consistent within each patch.
        label: (F,) patch of every face, below ``count``.
        count: number of patches, P.
        large: (G,) the patches to look into.

    Returns:
        (P, G) bool.
    """
    box = boxes(points, faces, label, count)
    low, high = box[:, :3], box[:, 3:]
    below, above = low[:, None] < low[large], high[:, None] > high[large]
    inside = np.asarray(~(below | above).any(axis=-1), dtype=bool)
    inside[large, np.arange(len(large))] = False
    asked = np.flatnonzero(inside.any(axis=1))
    if not len(asked):
        return inside
    order = np.argsort(label, kind="stable")
    first = np.searchsorted(label[order], asked)
    size = np.bincount(label, minlength=count)[asked]
    offset = (np.arange(_PROBES)[None] * size[:, None]) // _PROBES
    probes = points[faces[order[(first[:, None] + offset).ravel()]]].mean(axis=1)
    group = np.full(count, -1, np.int32)
    group[large] = np.arange(len(large))
    holding = np.isin(label, large[inside.any(axis=0)])
    votes = np.zeros((len(probes), len(large)), np.int32)
    for axis in range(3):
        ray_index(points, faces[holding], axis).add_sides(probes, group[label[holding]], votes)
    inside[asked] &= (votes >= _SEEN).reshape(len(asked), _PROBES, -1).all(axis=1)
    return inside
