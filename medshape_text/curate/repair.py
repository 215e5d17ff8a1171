"""Make a mesh as good as it can be without inventing surface, and say what was done."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medshape_text.curate.inspect import INSIDE_OUT, MANY_COMPONENTS, NON_MANIFOLD, OPEN, topology
from medshape_text.records import Repair, Shape
from medshape_text.stage import Drop, Stage

Points = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Repaired:
    """A mesh and what was done to it; the very arrays given if that is nothing."""

    vertices: Points
    faces: Faces
    repairs: tuple[Repair, ...]


def repair_mesh(vertices: Points, faces: Faces, fragment_area: float, fragment_extent: float) -> Repaired:
    """Repair a mesh whose faces refer to finite vertices only.

    In this order: vertices no face uses are dropped (``dropped-vertices``); unless the mesh is closed, equal
    vertices are merged (``merged-vertices``); faces without area (``dropped-degenerate-faces``) and those
    there twice (``dropped-duplicate-faces``) are dropped; so are connected parts that are small in area and
    in extent (``dropped-fragments``); faces are turned until the solid is behind them
    (``turned-faces``, and ``turned-shells`` counts the patches of which most turned); shells that wholly lie in
    the solid of another are dropped (``dropped-inner-shells``), which cavities do not.
    Holes stay open: the distance field closes them.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        fragment_area: parts of at most this share of the whole area may be fragments,
        fragment_extent: if the longest side of their box is also at most this share of the whole's.
    """
    from medshape_text.curate.sdf import clean, connectivity  # compiled code: slow to import
    from medshape_text.curate.sdf.orient import orient

    done: dict[str, int] = {}

    def note(action: str, count: int) -> None:
        if count:
            done[action] = done.get(action, 0) + count

    points, triangles, unused = _compact(vertices, faces)
    note("dropped-vertices", unused)
    if connectivity.is_balanced(triangles):
        collapsed = clean.collapsed(triangles)
        note("dropped-degenerate-faces", int(collapsed.sum()))
        triangles = triangles[~collapsed] if collapsed.any() else triangles
        twice = clean.repeated(triangles)
        if twice.any() and connectivity.is_balanced(triangles[~twice]):  # else two solids share a wall
            note("dropped-duplicate-faces", int(twice.sum()))
            triangles = triangles[~twice]
    else:
        same = clean.weld(points)
        note("merged-vertices", int((same != np.arange(len(points))).sum()))
        triangles = same[triangles]
        pinched = clean.pinched(points, triangles)
        note("dropped-degenerate-faces", int(pinched.sum()))
        triangles = triangles[~pinched]
        twice = clean.repeated(triangles)
        note("dropped-duplicate-faces", int(twice.sum()))
        triangles = triangles[~twice]
    if len(triangles):
        keep, dropped = _fragments(points, triangles, fragment_area, fragment_extent)
        note("dropped-fragments", dropped)
        triangles = triangles[keep] if dropped else triangles
        found = orient(points, triangles)
        triangles = found.faces
        note("turned-faces", found.turned)
        note("turned-shells", found.reversed)
        if found.buried.any():
            buried = triangles[found.buried]
            note("dropped-inner-shells", connectivity.components(buried, len(points))[1])
            triangles = triangles[~found.buried]
    if not done:
        return Repaired(vertices, faces, ())
    points, triangles, _ = _compact(points, triangles)
    return Repaired(points, triangles, tuple(Repair(action, count) for action, count in done.items()))


def _compact(points: Points, faces: Faces) -> tuple[Points, Faces, int]:
    """The mesh without the vertices it does not use, in their order, and how many those were."""
    used = np.zeros(len(points), bool)
    used[faces.ravel()] = True
    if used.all():
        return points, faces, 0
    number = np.cumsum(used) - 1
    return points[used], number[faces], int((~used).sum())


def _fragments(points: Points, faces: Faces, area_share: float, extent_share: float) -> tuple[NDArray[np.bool_], int]:
    """(F,) faces that are no stray fragments, and how many parts are."""
    from medshape_text.curate.sdf.connectivity import components
    from medshape_text.curate.sdf.rays import boxes

    label, count = components(faces, len(points))
    if count == 1:
        return np.ones(len(faces), bool), 0
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    area = np.bincount(label, np.linalg.norm(np.cross(b - a, c - a), axis=1), minlength=count)
    box = boxes(points, faces, label, count)
    longest = (box[:, 3:] - box[:, :3]).max(axis=1)
    whole = (box[:, 3:].max(axis=0) - box[:, :3].min(axis=0)).max()
    stray = (area <= area_share * area.sum()) & (longest <= extent_share * whole)
    stray[np.argmax(area)] = False
    return ~stray[label], int(stray.sum())


def repair(shape: Shape, *, fragment_area: float, fragment_extent: float, max_open_share: float) -> Shape | Drop:
    """Repair the mesh (:func:`repair_mesh`), record it, and bring facts and flags up to date.

    A mesh that needs nothing keeps its arrays, so that vertices still correspond.

    Returns:
        The shape; or a drop with reason ``no-surface`` (nothing is left) or ``unrepairable`` (more than
        ``max_open_share`` of its edges still lack a face on one side).

    Raises:
        ValueError: if the shape was not inspected.
    """
    from medshape_text.curate.sdf.connectivity import find_edges

    if shape.facts is None:
        raise ValueError(f"{shape.id} has to be inspected before it is repaired")
    mended = repair_mesh(shape.vertices, shape.faces, fragment_area, fragment_extent)
    if not len(mended.faces):
        return Drop("no-surface", f"none of {len(shape.faces)} faces is left: " + _said(mended.repairs))
    unmatched = find_edges(mended.faces).excess != 0
    if unmatched.mean() > max_open_share:
        share = f"{int(unmatched.sum())} of {len(unmatched)} edges lack a face on one side"
        return Drop("unrepairable", share + (f" after {_said(mended.repairs)}" if mended.repairs else ""))
    if not mended.repairs:
        return shape
    found = topology(mended.vertices, mended.faces)
    extent = np.ptp(mended.vertices, axis=0)
    if extent.min() <= 0:
        return Drop("no-surface", "what is left is flat: " + _said(mended.repairs))
    facts = replace(
        shape.facts,
        n_vertices=len(mended.vertices),
        n_faces=len(mended.faces),
        n_components=found.components,
        watertight=found.watertight,
        elongation=float(extent.max() / extent.min()),
    )
    settled = (OPEN, NON_MANIFOLD, MANY_COMPONENTS, INSIDE_OUT)
    flags = (*found.flags, *(flag for flag in shape.flags if flag not in settled))
    return replace(
        shape,
        vertices=mended.vertices,
        faces=mended.faces,
        facts=facts,
        flags=flags,
        repairs=(*shape.repairs, *mended.repairs),
    )


def _said(repairs: tuple[Repair, ...]) -> str:
    return ", ".join(f"{repair.action} {repair.count}" for repair in repairs)


STAGE = Stage("repair", "1", repair, {"fragment_area": 1e-3, "fragment_extent": 0.05, "max_open_share": 0.5})
