"""Triangle meshes and PLY clouds, parsed by trimesh once their headers are known to be sound."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medshape_text.reading.headers import check_mesh_header, describe, is_binary_stl, ply_elements
from medshape_text.reading.limits import MAX_FACES, MAX_POINTS, BadShapeError, check_size

Floats = NDArray[np.float64]
MESH_SUFFIXES = (".glb", ".obj", ".off", ".ply", ".stl")
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices (V, 3) and triangles (F, 3) that index them."""

    vertices: Floats
    faces: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points (P, 3)."""

    points: Floats


def parse_mesh(suffix: str, data: bytes) -> Mesh | Cloud:
    """A mesh as its file has it, vertices neither merged nor moved; a PLY file without faces is a cloud.

    Args:
        suffix: one of `MESH_SUFFIXES`.
        data: the whole file. Nothing else is opened: the parser gets no way to resolve other names.

    Raises:
        BadShapeError: if there is no sound mesh in it.
    """
    elements: dict[str, int] = {}
    if suffix == ".ply":
        elements = ply_elements(data)
    else:
        check_mesh_header(suffix, data)
    if suffix == ".stl" and is_binary_stl(data):
        return _binary_stl(data)
    parsed = _parse(suffix, data)
    if suffix == ".ply" and not elements.get("face"):
        if not hasattr(parsed, "vertices"):
            raise BadShapeError("no points")
        points = np.asarray(parsed.vertices, dtype=np.float64).reshape(-1, 3)
        _check_count("vertices", len(points), elements.get("vertex", 0))
        return Cloud(points)
    mesh = _joined(parsed)
    if elements:
        _check_count("vertices", len(mesh.vertices), elements.get("vertex", 0))
        _check_count("faces", len(mesh.faces), elements["face"])
    return mesh


def _binary_stl(data: bytes) -> Mesh:
    """Triangles of a binary STL file whose size was found right: a soup, each with three vertices of its own."""
    triangles = np.frombuffer(data, _STL_TRIANGLE, offset=84)
    if not len(triangles):
        raise BadShapeError("no faces")
    vertices = triangles["corners"].reshape(-1, 3).astype(np.float64)
    return Mesh(vertices, np.arange(len(vertices), dtype=np.int64).reshape(-1, 3))


def _parse(suffix: str, data: bytes) -> Any:  # noqa: ANN401 - trimesh publishes no types
    import trimesh

    logging.getLogger("trimesh").setLevel(logging.ERROR)  # what it warns of (textures) is of no interest here
    try:
        return trimesh.load(
            io.BytesIO(data), file_type=suffix[1:], process=False, skip_materials=True, fix_texture=False
        )
    except MemoryError as error:
        raise BadShapeError("too large", "it does not fit into memory") from error
    except Exception as error:  # parsers of broken files raise anything
        raise BadShapeError("unreadable", describe(error)) from error


def _joined(parsed: Any) -> Mesh:  # noqa: ANN401
    """All triangles of a scene in the order of its geometries; trimesh would join them in that of random names."""
    import trimesh

    scene = parsed if isinstance(parsed, trimesh.Scene) else trimesh.Scene(parsed)
    vertices: list[Any] = []
    faces: list[Any] = []
    first = 0
    for name, geometry in scene.geometry.items():
        if not isinstance(geometry, trimesh.Trimesh):
            continue
        transforms = (scene.graph.get(frame)[0] for frame in scene.graph.geometry_nodes.get(name, ()))
        for matrix in sorted(transforms, key=lambda matrix: matrix.tolist()):
            check_size("vertices", first + len(geometry.vertices), MAX_POINTS)
            check_size("faces", sum(map(len, faces)) + len(geometry.faces), MAX_FACES)
            corners = np.asarray(geometry.vertices, dtype=np.float64)
            if not np.array_equal(matrix, np.eye(4)):
                corners = corners @ matrix[:3, :3].T + matrix[:3, 3]
            vertices.append(corners)
            faces.append(np.asarray(geometry.faces, dtype=np.int64) + first)
            first += len(corners)
    if not sum(map(len, faces)):
        raise BadShapeError("no faces")
    mesh = Mesh(np.concatenate(vertices), np.concatenate(faces))
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        raise BadShapeError("unreadable", "a face has a corner that does not exist")
    return mesh


def _check_count(what: str, found: int, declared: int) -> None:
    if found < declared:
        raise BadShapeError("truncated", f"the header declares {declared} {what}, there are {found}")
