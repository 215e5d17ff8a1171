"""Headers of NRRD files with their voxels in the same file, plain or packed with gzip; 3D Slicer's segments too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO

import numpy as np
from numpy.typing import NDArray

from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.volume_files import PACKED_VOXELS, PLAIN, Header

_MAX_HEADER, _MAX_LINES = 2**20, 4096
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("float",), "f4"),
    **dict.fromkeys(("double",), "f8"),
}
_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
"""Signs that bring a space's axes to left, back, up."""
_VECTOR = re.compile(r"\(([^()]*)\)")
_LABEL = re.compile(r"segment(\d{1,4})_labelvalue")


def nrrd_header(stream: IO[bytes]) -> Header:
    """What the first lines of a file declare.

    Raises:
        BadShapeError: if they are no such header, the voxels are elsewhere, or nobody says where they lie in space.
    """
    fields, offset = _fields(stream)
    if fields.keys() & {"data file", "datafile"}:
        raise BadShapeError("external data", "its voxels are in another file")
    if any(fields.get(key, "0") != "0" for key in ("byte skip", "byteskip", "line skip", "lineskip")):
        raise BadShapeError("unreadable", "it skips bytes or lines")
    encoding = fields.get("encoding", "")
    if encoding not in ("raw", "gzip", "gz"):
        raise BadShapeError("unreadable", f"encoding {encoding[:40]!r}; raw and gzip are read")
    if fields.get("dimension") != "3":
        raise BadShapeError("unreadable", "not one volume of three dimensions; segments in layers are not read")
    kind = _TYPES.get(fields.get("type", "").lower())
    if kind is None:
        raise BadShapeError("not a label map", f"type {fields.get('type', '')[:40]!r}")
    endian = fields.get("endian", "little" if kind.endswith("1") else "")
    if endian not in ("little", "big"):
        raise BadShapeError("unreadable", "it does not say the order of its bytes")
    dtype = np.dtype(("<" if endian == "little" else ">") + kind)
    return Header(_sizes(fields), dtype, offset, _affine(fields), PLAIN if encoding == "raw" else PACKED_VOXELS,
                  _segments(fields))  # fmt: skip


def _fields(stream: IO[bytes]) -> tuple[dict[str, str], int]:
    """Fields by their names in small letters, and where the header ends."""
    if not stream.read(8).startswith(b"NRRD000"):
        raise BadShapeError("unreadable", "no NRRD header")
    stream.seek(0)
    fields: dict[str, str] = {}
    read = 0
    for _ in range(_MAX_LINES):
        line = stream.readline(_MAX_HEADER - read + 1)
        read += len(line)
        if read > _MAX_HEADER or not line.endswith(b"\n"):
            break
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if not text:
            return fields, read
        if text.startswith("#") or read == len(line):
            continue
        name, separator, value = text.partition(":")
        if separator:
            fields[name.strip().lower()] = value.removeprefix("=").strip()
    raise BadShapeError("unreadable", "an NRRD header that does not end")


def _sizes(fields: Mapping[str, str]) -> tuple[int, int, int]:
    words = fields.get("sizes", "").split()
    if len(words) != 3 or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise BadShapeError("unreadable", "sizes that are not three numbers")
    first, second, third = (int(word) for word in words)
    if min(first, second, third) < 1:
        raise BadShapeError("no voxels", f"sizes {first} {second} {third}")
    return first, second, third


def _affine(fields: Mapping[str, str]) -> NDArray[np.float64]:
    signs = _SPACES.get(fields.get("space", "").lower())
    if signs is None:
        raise BadShapeError("no geometry", "it does not say in which space of a patient it is")
    if any(unit != "mm" for unit in re.findall(r'"([^"]*)"', fields.get("space units", ""))):
        raise BadShapeError("no geometry", "a unit other than mm")
    axes = [_vector(text) for text in _VECTOR.findall(fields.get("space directions", ""))]
    origin = [_vector(text) for text in _VECTOR.findall(fields.get("space origin", "(0,0,0)"))]
    if len(axes) != 3 or len(origin) != 1:
        raise BadShapeError("no geometry", "no three directions and one origin")
    columns = np.array([*axes, *origin], dtype=np.float64)
    affine: NDArray[np.float64] = columns.T * np.array(signs)[:, None]
    return affine


def _vector(text: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise BadShapeError("no geometry", f"({text[:60]}) is no vector of three numbers")
    return numbers


def _segments(fields: Mapping[str, str]) -> dict[int, str]:
    names: dict[int, str] = {}
    for key, value in fields.items():
        matched = _LABEL.fullmatch(key)
        if matched and value.isascii() and value.isdigit() and len(value) < 10:
            name = fields.get(f"segment{matched[1]}_name", "")
            if name:
                names[int(value)] = name[:100]
    return names
