"""VTK's XML PolyData files, as far as one pinned template needs them: appended base64 blocks packed by zlib."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from medshape_text.sources.shared import SourceError

_MAX_HEADER, _MAX_ITEMS, _MAX_BLOCKS = 2**16, 2**20, 2**12
_TYPES = {"Int16": "<i2", "Int64": "<i8", "Float32": "<f4"}
_ATTRIBUTES = {"type": "PolyData", "byte_order": "LittleEndian", "header_type": "UInt32"}
_APPENDED = re.compile(rb'<AppendedData\s+encoding="base64"\s*>\s*_')


@dataclass(frozen=True, eq=False)
class PolyData:
    """``points`` (V, 3) float64, triangles ``faces`` (F, 3) int64 and one integer per point, ``region`` (V,)."""

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    region: NDArray[np.int64]


def read_vtp(data: bytes, name: str, region: str) -> PolyData:
    """Parse a ``.vtp`` of triangles whose point array ``region`` says what each point belongs to.

    Document types are refused, so that no entity is ever expanded; every array's size is known from the header
    before anything is unpacked.

    Raises:
        SourceError: for another layout, another size than declared or a damaged block.
    """
    try:
        return _read(data, name, region)
    except (ElementTree.ParseError, binascii.Error, zlib.error, KeyError, ValueError, AttributeError) as error:
        raise SourceError(f"{name} is not the expected VTK file: {error!r}.") from error


def _read(data: bytes, name: str, region: str) -> PolyData:
    start = _APPENDED.search(data[:_MAX_HEADER])
    if start is None:
        raise SourceError(f"{name} has no appended base64 data after a header of at most {_MAX_HEADER} bytes.")
    header = data[: start.start()]
    if b"<!" in header:
        raise SourceError(f"{name} has a document type or a comment; refusing to read it.")
    root = ElementTree.fromstring(header + b"</VTKFile>")  # noqa: S314 - no document type gets here
    if {key: root.get(key) for key in _ATTRIBUTES} != _ATTRIBUTES or root.get("compressor") != "vtkZLibDataCompressor":
        raise SourceError(f"{name} is packed in an unexpected way: {root.attrib}.")
    piece = _one(root, "PolyData/Piece")
    n_points, n_faces = int(piece.attrib["NumberOfPoints"]), int(piece.attrib["NumberOfPolys"])
    if not (0 < n_points <= _MAX_ITEMS and 0 < n_faces <= _MAX_ITEMS):
        raise SourceError(f"{name} declares {n_points} points and {n_faces} faces; refusing to read it.")
    packed = data[start.end() :]

    def array(path: str, count: int) -> NDArray[np.generic]:
        found = _one(piece, path)
        kind = np.dtype(_TYPES[found.attrib["type"]])
        return np.frombuffer(_unpack(packed, int(found.attrib["offset"]), count * kind.itemsize), dtype=kind)

    points = array("Points/DataArray", 3 * n_points).astype(np.float64).reshape(-1, 3)
    regions = array(f"PointData/DataArray[@Name='{region}']", n_points).astype(np.int64)
    ends = array("Polys/DataArray[@Name='offsets']", n_faces).astype(np.int64)
    if not np.array_equal(ends, 3 * np.arange(1, n_faces + 1)):
        raise SourceError(f"{name} has faces that are not triangles.")
    faces = array("Polys/DataArray[@Name='connectivity']", 3 * n_faces).astype(np.int64).reshape(-1, 3)
    if faces.min() < 0 or faces.max() >= n_points or not np.isfinite(points).all():
        raise SourceError(f"{name} has faces without a vertex, or vertices that are not finite.")
    return PolyData(points, faces, regions)


def _one(parent: ElementTree.Element, path: str) -> ElementTree.Element:
    found = parent.findall(path)
    if len(found) != 1:
        raise ValueError(f"{len(found)} times {path}")
    return found[0]


def _unpack(packed: bytes, offset: int, size: int) -> bytes:
    """One array: a header (blocks, bytes of a block and of the last one, packed bytes of each), then the blocks."""
    n_blocks, block_bytes, last_bytes = np.frombuffer(_decode(packed, offset, 12), dtype="<u4").astype(int)
    full = n_blocks - bool(last_bytes)
    if n_blocks > _MAX_BLOCKS or full * block_bytes + last_bytes != size:
        raise ValueError(f"an array has not the declared {size} bytes")
    lengths = [block_bytes] * full + [last_bytes] * bool(last_bytes)
    head_bytes = 4 * (3 + n_blocks)
    packed_bytes = np.frombuffer(_decode(packed, offset, head_bytes), dtype="<u4")[3:].astype(int)
    head_chars = -(-head_bytes // 3) * 4
    stream = _decode(packed, offset + head_chars, int(packed_bytes.sum()))
    blocks, position = [], 0
    for length, count in zip(lengths, packed_bytes, strict=True):
        block = zlib.decompressobj().decompress(stream[position : position + count], length + 1)
        if len(block) != length:
            raise ValueError("a block has not the declared size")
        blocks.append(block)
        position += count
    return b"".join(blocks)


def _decode(packed: bytes, offset: int, size: int) -> bytes:
    """The first ``size`` bytes of the base64 text at ``offset``."""
    chars = packed[offset : offset + -(-size // 3) * 4]
    decoded = base64.b64decode(chars, validate=True)[:size]
    if offset < 0 or len(decoded) != size:
        raise ValueError("an array lies outside the file")
    return decoded
