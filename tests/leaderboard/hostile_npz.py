"""Hostile npz archives: the other form of predictions that is accepted."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hostile import PARSED, Hostile, World
from hostile_cells import cells_of

NAME = "predictions.npz"
Members = list[tuple[zipfile.ZipInfo, bytes]]


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    """An array as numpy writes it."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def pack_members(members: Sequence[tuple[zipfile.ZipInfo, bytes]]) -> bytes:
    """An archive."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")
        for member, data in members:
            archive.writestr(member, data)
    return stream.getvalue()


def member(name: str, kind: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """A member to be."""
    info = zipfile.ZipInfo(name)
    info.compress_type = kind
    return info


def as_npz(edit=lambda members: members, change=lambda data: data):
    """Predictions as an archive; ``edit`` gets the members, ``change`` the bytes of the archive."""

    def spoil(folder: Path, _: World) -> None:
        cells = [(case, np.frombuffer(cell, "<f2").reshape(64, 64, 64)) for case, cell in cells_of(folder)]
        members = [(member(f"{case}.npy"), npy(array)) for case, array in cells]
        (folder / "predictions.parquet").unlink()
        (folder / NAME).write_bytes(change(pack_members(edit(members))))

    return spoil


def _first(data: bytes | None = None, name: str | None = None, kind: int = zipfile.ZIP_DEFLATED, mode: int = 0):
    """Another first member."""

    def edit(members: Members) -> Members:
        info = member(name or members[0][0].filename, kind)
        info.external_attr = mode << 16
        return [(info, members[0][1] if data is None else data), *members[1:]]

    return as_npz(edit)


def _header(text: str) -> bytes:
    padded = text + " " * ((-len(text) - 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + bytes(2 * 64**3)


def _lie(data: bytes) -> bytes:
    """Say in the list of members that the first one unpacks to four gigabytes."""
    changed, place = bytearray(data), data.index(b"PK\x01\x02")
    changed[place + 24 : place + 28] = (2**32 - 2).to_bytes(4, "little")
    return bytes(changed)


def _understate(data: bytes) -> bytes:
    """Say that a long member is as long as it should be."""
    changed, place = bytearray(data), data.index(b"PK\x01\x02")
    for start in (place + 24, data.index(b"PK\x03\x04") + 22):
        changed[start : start + 4] = (128 + 2 * 64**3).to_bytes(4, "little")
    return bytes(changed)


def _encrypt(data: bytes) -> bytes:
    changed, place = bytearray(data), data.index(b"PK\x01\x02")
    changed[place + 8] |= 1
    changed[6] |= 1
    return bytes(changed)


def _overlap(data: bytes) -> bytes:
    """Have every member be the same bytes, under a name of its own."""
    changed, start, offset = bytearray(data), data.index(b"PK\x01\x02"), None
    while (start := data.find(b"PK\x01\x02", start)) >= 0:
        changed[start + 20 : start + 24] = (len(data) - 1).to_bytes(4, "little")
        if offset is None:
            offset = data[start + 42 : start + 46]
        start += 4
    return bytes(changed)


class _Calls:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/hostile-was-here"),))  # noqa: S108 - never to be called


EMPTY = npy(np.zeros((64,) * 3, "<f2"))
OBJECTS = np.array([_Calls()], dtype=object)
CORPUS = [
    Hostile("npz: no archive", "npz-damaged", as_npz(change=lambda _: b"no archive"), PARSED),
    Hostile("npz: cut in half", "npz-damaged", as_npz(change=lambda data: data[: len(data) // 2]), PARSED),
    Hostile("npz: pickled objects", "npz-pickle", _first(npy(OBJECTS, allow_pickle=True)), PARSED),
    Hostile("npz: a bare pickle", "npz-pickle", _first(pickle.dumps(_Calls())), PARSED),
    Hostile("npz: a shape of 10^18", "npz-header", _first(
        _header("{'descr': '<f2', 'fortran_order': False, 'shape': (1000000, 1000000, 1000000), }")
    ), PARSED),
    Hostile("npz: a header that calls", "npz-header", _first(_header("__import__('os').system('id')")), PARSED),
    Hostile("npz: in Fortran order", "npz-header", _first(npy(np.asfortranarray(np.zeros((64,) * 3, "<f2")))), PARSED),
    Hostile("npz: float64", "npz-header", _first(npy(np.zeros((64,) * 3))), PARSED),
    Hostile("npz: an array that is cut", "cell-size", _first(EMPTY[:-2]), PARSED),
    Hostile("npz: four gigabytes declared", "npz-declared-size", as_npz(change=_lie), PARSED),
    Hostile("npz: 200 MB of zeros", "npz-declared-size", _first(EMPTY + bytes(2 * 10**8)), PARSED),
    Hostile("npz: 200 MB of zeros, said to be few", "npz-damaged", as_npz(
        lambda m: [(m[0][0], EMPTY + bytes(2 * 10**8)), *m[1:]], _understate
    ), PARSED),
    Hostile("npz: a path upwards", "npz-path", _first(name="../../etc/cron.d/x.npy"), PARSED),
    Hostile("npz: an absolute path", "npz-path", _first(name="/tmp/x.npy"), PARSED),  # noqa: S108
    Hostile("npz: a Windows path", "npz-path", _first(name="..\\x.npy"), PARSED),
    Hostile("npz: a folder", "npz-member", _first(name="a/x.npy"), PARSED),
    Hostile("npz: a program", "npz-member", _first(name="x.py"), PARSED),
    Hostile("npz: a link", "npz-link", _first(mode=0o120777), PARSED),
    Hostile("npz: encrypted", "npz-encrypted", as_npz(change=_encrypt), PARSED),
    Hostile("npz: packed with lzma", "npz-compression", _first(kind=zipfile.ZIP_LZMA), PARSED),
    Hostile("npz: a member twice", "npz-duplicate-member", as_npz(lambda m: [m[0], m[0], *m[2:]]), PARSED),
    Hostile("npz: names that differ in case", "npz-duplicate-member", as_npz(
        lambda m: [m[0], (member(m[0][0].filename.upper().replace(".NPY", ".npy")), m[0][1]), *m[2:]]
    ), PARSED),
    Hostile("npz: 60,000 members", "npz-members", as_npz(
        lambda m: [*m, *((member(f"{i}.npy", zipfile.ZIP_STORED), b"") for i in range(60_000))]
    ), PARSED),
    Hostile("npz: members that share bytes", "npz-overlap", as_npz(change=_overlap), PARSED),
    Hostile("npz: a case of no split", "case-unknown", _first(name="x.npy"), PARSED),
    Hostile("npz: a cell with nothing inside", "cell-empty", _first(npy(np.full((64,) * 3, 0.1, "<f2"))), PARSED),
]  # fmt: skip
