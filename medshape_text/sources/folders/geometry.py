"""The surface in a file of a folder: a mesh as it is, or one made of a mask."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medshape_text.hashing import file_sha256, sha256
from medshape_text.reading.meshes import Mesh, parse_mesh
from medshape_text.reading.volumes import Volume, read_volume, volume_suffix
from medshape_text.records import Repair
from medshape_text.sources.folders.items import Item
from medshape_text.sources.folders.listing import shape_suffix
from medshape_text.sources.packages.label_maps import Box, cut_flags, label_surface
from medshape_text.stage import Drop


class ChangedFileError(OSError):
    """A file is not what it was when the folder was listed."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """A surface, what is odd about it, and what was left out; of a mask it is in millimetres."""

    mesh: Mesh
    flags: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()


def read_geometry(folder: Path, item: Item) -> Geometry | Drop:
    """The surface of an item.

    Reasons: ``many-labels``, ``no-faces``, ``too-few-voxels``, as `FolderSource.read` explains them.

    Raises:
        BadShapeError: if the file cannot be used.
        ChangedFileError: if the file changed after the folder was listed.
    """
    path = folder / item.path
    return _of_mask(path, item) if volume_suffix(item.path) else _of_mesh(path, item)


def _of_mesh(path: Path, item: Item) -> Geometry | Drop:
    data = path.read_bytes()
    if sha256(data) != item.sha256:
        raise _changed(path)
    mesh = parse_mesh(shape_suffix(item.path), data)
    if not isinstance(mesh, Mesh):
        return Drop("no-faces", "a cloud of points, not a surface")
    return Geometry(mesh)


def _of_mask(path: Path, item: Item) -> Geometry | Drop:
    volume = _cached_volume(path, item.sha256)
    if not item.value and len(volume.values) > 1:
        first = ", ".join(map(str, volume.values[:5]))
        return Drop(
            "many-labels", f"it holds {len(volume.values)} labels ({first}, …), and no table says what they mean"
        )
    value = item.value or volume.values[0]
    box = _box(volume.labels == value)
    surface = label_surface(volume, value, box)
    if surface is None:
        return Drop("too-few-voxels", "too few voxels, or too thin, to make a surface of")
    return Geometry(Mesh(surface.vertices, surface.faces), cut_flags(volume, box), surface.repairs)


@lru_cache(maxsize=1)
def _cached_volume(path: Path, digest: str) -> Volume:
    """One volume is kept, since its labels are read one after the other."""
    if file_sha256(path) != digest:
        raise _changed(path)
    return read_volume(path)


def _changed(path: Path) -> ChangedFileError:
    return ChangedFileError(errno.ESTALE, f"{path} has changed since the folder was listed; run again")


def _box(mask: NDArray[np.bool_]) -> Box:
    """The bounding box of a mask (I, J, K) with at least one voxel."""
    sides = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (occupied,) = np.nonzero(mask.any(axis=others))
        sides.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(sides)
