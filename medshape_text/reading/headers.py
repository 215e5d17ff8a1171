"""What mesh files declare about themselves, checked before a library parses them.

Headers can announce arrays that do not exist, scenes can repeat a mesh without end, and files can point to
other files or addresses. All of that is refused here, and so are files cut short, which some parsers read
as smaller meshes.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from typing import Any

from medshape_text.reading import limits
from medshape_text.reading.limits import BadShapeError, check_size

_STL_HEADER, _STL_TRIANGLE = 84, 50
_PLY_HEADER = 2**16
_GLB_HEAD = struct.Struct("<4sII I4s")


def check_lines(data: bytes) -> None:
    """Refuse text of too many lines."""
    check_size("lines", data.count(b"\n") + data.count(b"\r"), limits.MAX_LINES)


def ply_elements(data: bytes) -> dict[str, int]:
    """How many vertices, faces and other elements the header of a PLY file declares.

    Raises:
        BadShapeError: if it is no PLY header, or declares more than is read or the file could hold.
    """
    head, end, _ = data[:_PLY_HEADER].partition(b"end_header")
    if not head.startswith(b"ply") or not end:
        raise BadShapeError("unreadable", "no PLY header")
    if b"format ascii" in head:
        check_lines(data)
    elements: dict[str, int] = {}
    for name, count in re.findall(rb"^[ \t]*element[ \t]+(\S+)[ \t]+(\S+)[ \t\r]*$", head, flags=re.MULTILINE):
        if not count.isdigit() or len(count) > 18:
            raise BadShapeError("unreadable", f"element {name.decode('ascii', 'replace')} has no sound count")
        elements[name.decode("ascii", "replace")] = int(count)
    if elements.get("tristrips"):
        raise BadShapeError("unreadable", "triangle strips are not read")
    check_size("vertices", elements.get("vertex", 0), limits.MAX_POINTS)
    check_size("faces", elements.get("face", 0), limits.MAX_FACES)
    if any(count > len(data) for count in elements.values()):
        raise BadShapeError("truncated", "the header declares more elements than the file has bytes")
    return elements


def declared_triangles(data: bytes) -> int | None:
    """The number of triangles in the header of a binary STL file; None if there is not even a header."""
    return int.from_bytes(data[80:_STL_HEADER], "little") if len(data) >= _STL_HEADER else None


def is_binary_stl(data: bytes) -> bool:
    """Whether a file has exactly the size its number of triangles asks for."""
    count = declared_triangles(data)
    return count is not None and len(data) == _STL_HEADER + _STL_TRIANGLE * count


def check_stl(data: bytes) -> None:
    """Refuse an STL file that is cut short or too large, in either of its two forms.

    Raises:
        BadShapeError: as said.
    """
    count = declared_triangles(data)
    if count is not None and is_binary_stl(data):
        check_size("faces", count, limits.MAX_FACES)
    elif data.lstrip()[:5].lower() == b"solid" and b"\0" not in data[:_PLY_HEADER]:
        check_lines(data)
        if b"endsolid" not in data[-_PLY_HEADER:].lower():
            raise BadShapeError("truncated", "a text STL file that does not end with endsolid")
    elif count is None:
        raise BadShapeError("truncated", f"{len(data)} bytes, the header alone has {_STL_HEADER}")
    else:
        room = (len(data) - _STL_HEADER) / _STL_TRIANGLE
        raise BadShapeError("truncated", f"the header declares {count} triangles, the file has room for {room:g}")


def check_glb(data: bytes) -> None:
    """Refuse a GLB file that needs other files or extensions, or unfolds into more than is read.

    Raises:
        BadShapeError: as said, or if its JSON is not as glTF 2.0 has it.
    """
    if len(data) < _GLB_HEAD.size or data[:4] != b"glTF":
        raise BadShapeError("unreadable", "no GLB header")
    _, version, length, json_length, kind = _GLB_HEAD.unpack_from(data)
    if version != 2 or kind != b"JSON":
        raise BadShapeError("unreadable", "not a GLB file of version 2")
    if length > len(data) or _GLB_HEAD.size + json_length > len(data):
        raise BadShapeError("truncated", f"the header declares {length} bytes, there are {len(data)}")
    check_size("bytes of JSON", json_length, limits.MAX_GLB_HEADER)
    try:
        header = json.loads(data[_GLB_HEAD.size : _GLB_HEAD.size + json_length])
        _check_gltf(header)
    except BadShapeError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadShapeError("unreadable", f"its JSON is not as glTF has it ({type(error).__name__})") from error


def _check_gltf(header: dict[str, Any]) -> None:
    # Images are never looked at (materials are skipped), so theirs may point anywhere.
    if any("uri" in buffer for buffer in header.get("buffers", [])):
        raise BadShapeError("external data", "its geometry lies outside of the file's own binary chunk")
    if header.get("extensionsRequired"):
        raise BadShapeError("unreadable", f"needs {', '.join(map(str, header['extensionsRequired']))}")
    counts = []
    for accessor in header.get("accessors", []):
        if "bufferView" not in accessor or "sparse" in accessor:
            raise BadShapeError("unreadable", "sparse accessors and accessors without data are not read")
        _check_natural(accessor["count"], accessor.get("byteOffset", 0))
        counts.append(accessor["count"])
    for view in header.get("bufferViews", []):
        _check_natural(view["byteLength"], view.get("byteOffset", 0), view.get("byteStride", 1) - 1)
    nodes = header.get("nodes", [])
    scenes = header.get("scenes", [])
    parents = Counter(child for node in nodes for child in node.get("children", []))
    if scenes:
        parents.update(scenes[header.get("scene", 0)].get("nodes", []))
    if any(count > 1 for count in parents.values()):
        raise BadShapeError("unreadable", "a node of its scene has two parents")
    instances = Counter(node["mesh"] for node in nodes if "mesh" in node)
    vertices = indices = 0
    for place, mesh in enumerate(header.get("meshes", [])):
        for part in mesh["primitives"]:
            times = max(1, instances[place])
            vertices += times * max((counts[at] for at in part["attributes"].values()), default=0)
            indices += times * (counts[part["indices"]] if "indices" in part else 0)
    check_size("vertices", vertices, limits.MAX_POINTS)
    check_size("faces", indices // 3, limits.MAX_FACES)


def _check_natural(*numbers: object) -> None:
    for number in numbers:
        if not isinstance(number, int) or number < 0:
            raise BadShapeError("unreadable", f"{number!r} is no count of bytes or elements")


def check_mesh_header(suffix: str, data: bytes) -> None:
    """Whatever can be checked of a mesh file before parsing it, except for PLY (see `ply_elements`)."""
    if suffix == ".stl":
        check_stl(data)
    elif suffix == ".glb":
        check_glb(data)
    else:
        check_lines(data)


def describe(error: BaseException) -> str:
    """One short line of whatever a parser complained about."""
    line = f"{type(error).__name__} {error}"
    return " ".join(line.split())[:120]
