"""Predictions as an npz archive: a member ``<case>.npy`` for every case, read without numpy's reader.

Only one header is accepted, byte for byte, so that no header has to be interpreted.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote, unquote

from leaderboard.verify.parsing.frames import CELL_BYTES, FaultError

_TEXT = b"{'descr': '<f2', 'fortran_order': False, 'shape': (64, 64, 64), }"
HEADER = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + _TEXT + b" " * (117 - len(_TEXT)) + b"\n"
_SIZE = len(HEADER) + CELL_BYTES
_SAFE = " "
_DIRECTORY_ENTRY = 2**12
"""Bytes of the list of members there may be for each, at most."""


def member_name(case: str) -> str:
    """What the member of a case is called: percent-encoded where a file name needs it, as in a run folder."""
    return f"{quote(case, safe=_SAFE)}.npy"


def cells(source: BinaryIO, most: int) -> Iterator[tuple[str, bytes]]:
    """Case and cell of every member, in the order of the archive.

    Raises:
        FaultError: with the reason why the archive is refused.
    """
    _check_directory(source, most)
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            for member in members:
                _check_member(member)
            _check_members(members, source.seek(0, 2), most)
            for member in members:
                yield unquote(member.filename.removesuffix(".npy")), _read(archive, member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise FaultError("npz-damaged", f"the archive does not unpack: {ascii(str(error))[:200]}") from None


def _check_directory(source: BinaryIO, most: int) -> None:
    """Look at how many members are declared before they are listed: a list of millions costs gigabytes."""
    size = source.seek(0, 2)
    source.seek(max(0, size - 2**16 - 22))
    tail = source.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < 22:
        raise FaultError("npz-damaged", "the file of predictions is no archive")
    entries, length = struct.unpack("<HL", tail[place + 10 : place + 16])
    # Archives with more members than 16 bits count say so elsewhere; the length of the list bounds those, too.
    wide = entries == 0xFFFF or length == 0xFFFFFFFF
    if (not wide and entries > most) or length > (most + 1) * _DIRECTORY_ENTRY or (wide and most < 0xFFFF):
        raise FaultError("npz-members", f"{entries} members are declared, there are {most} cases")
    source.seek(0)


def _check_member(member: zipfile.ZipInfo) -> None:
    name, told = member.filename, ascii(member.filename)[:100]
    if name.startswith(("/", "\\")) or "\\" in name or ":" in name or ".." in name.split("/"):
        raise FaultError("npz-path", f"a member is called {told}, which leads out of the folder")
    if member.is_dir() or "/" in name or not name.endswith(".npy"):
        raise FaultError("npz-member", f"a member is called {told}, which is no array")
    if (member.external_attr >> 16) & 0o170000 not in (0, 0o100000):
        raise FaultError("npz-link", f"member {told} is no plain file")
    if member.flag_bits & 0x1:
        raise FaultError("npz-encrypted", f"member {told} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FaultError("npz-compression", f"member {told} is compressed in way {member.compress_type}")


def _check_members(members: list[zipfile.ZipInfo], size: int, most: int) -> None:
    names = [member.filename for member in members]
    folded = {name.casefold() for name in names}
    if len(folded) != len(names):
        raise FaultError("npz-duplicate-member", "two members have one name")
    if len(members) > most:
        raise FaultError("npz-members", f"{len(members)} members, there are {most} cases")
    if sum(member.compress_size for member in members) > size:
        raise FaultError("npz-overlap", "members share bytes of the archive")
    for member in members:
        # A pickled array has a header of its own; which of the two faults it is, only its bytes can tell.
        if member.file_size > 4 * _SIZE:
            raise FaultError(
                "npz-declared-size", f"member {ascii(member.filename)[:100]} unpacks to {member.file_size} bytes"
            )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    told = ascii(member.filename)[:100]
    with archive.open(member) as stream:
        data = stream.read(_SIZE + 1)
    if not data.startswith(HEADER):
        header = data[:256].split(b"\n")[0]
        if b"|O" in header or b"'O'" in header or data[:1] == b"\x80":
            raise FaultError("npz-pickle", f"member {told} holds pickled objects")
        raise FaultError("npz-header", f"member {told} is no 64 x 64 x 64 array of '<f2': {ascii(header)[:120]}")
    if len(data) != _SIZE:
        raise FaultError("cell-size", f"member {told} has {len(data)} bytes, not {_SIZE}")
    return data[len(HEADER) :]
