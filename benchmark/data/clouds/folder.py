"""The shape files of a folder, and what one of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.clouds.arrays import ARRAY_SUFFIXES, TEXT_SUFFIXES, parse_npy, parse_npz, parse_text
from benchmark.data.clouds.shapes import Shape
from benchmark.errors import DataError
from medshape_text.reading.limits import MAX_BYTES, BadShapeError, check_size
from medshape_text.reading.meshes import MESH_SUFFIXES, parse_mesh

SUFFIXES = tuple(sorted(MESH_SUFFIXES + ARRAY_SUFFIXES + TEXT_SUFFIXES))


@dataclass(frozen=True)
class ShapeFolder:
    """Files of a folder by name: those that may be shapes, in the order of their names, and the others."""

    path: Path
    names: Sequence[str]
    unknown: Sequence[str]


def open_folder(path: Path, recursive: bool = False) -> ShapeFolder:
    """List a folder. Files whose names start with a dot are passed over; linked folders are not entered.

    Args:
        path: of the folder.
        recursive: also its sub-folders; names are then relative paths.

    Raises:
        DataError: if there is no such folder or no file in it has an extension we know.
    """
    if not path.is_dir():
        raise DataError(f"there is no folder {path}")
    try:
        found = sorted(entry.relative_to(path).as_posix() for entry in (path.rglob if recursive else path.glob)("*")
                       if entry.is_file() and not entry.name.startswith("."))  # fmt: skip
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    names = [name for name in found if Path(name).suffix.lower() in SUFFIXES]
    if not names:
        deeper = "" if recursive else " (sub-folders are read with --recursive)"
        raise DataError(f"{path} holds no shapes: no file ends with {', '.join(SUFFIXES)}{deeper}")
    return ShapeFolder(path, names, [name for name in found if Path(name).suffix.lower() not in SUFFIXES])


def read_shape(path: Path) -> Shape:
    """The shape in a file: a mesh (.ply .obj .off .stl .glb), a cloud (.ply .xyz .pts .npy .npz) or an SDF (.npy .npz).

    Files are a stranger's: they are read up to `MAX_BYTES`, nothing they refer to is opened, nothing is unpickled.

    Raises:
        BadShapeError: if it holds no shape, or one with coordinates that are not finite.
    """
    suffix = path.suffix.lower()
    try:
        check_size("bytes", path.stat().st_size, MAX_BYTES)
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadShapeError("unreadable", error.strerror or str(error)) from error
    check_size("bytes", len(data), MAX_BYTES)
    if not data:
        raise BadShapeError("empty file")
    if suffix in MESH_SUFFIXES:
        return parse_mesh(suffix, data)
    if suffix in TEXT_SUFFIXES:
        return parse_text(data)
    if suffix == ".npy":
        return parse_npy(data)
    if suffix == ".npz":
        return parse_npz(data)
    raise BadShapeError("unreadable", f"extension {suffix or 'missing'}")
