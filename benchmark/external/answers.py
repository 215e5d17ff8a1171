"""Predictions that a program left in a folder, read as the hostile data they may be.

Only regular files with one name are opened, never through a link; nothing larger than its Space allows is read or
unpacked; nothing is unpickled. What is wrong is a reason code of the case, never an exception:
``not_a_file``, ``too_large``, ``unreadable``, ``wrong_affine``, ``reported_error``, and those of `benchmark.spaces`.
"""

from __future__ import annotations

import io
import math
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import spaces
from benchmark.contract import Array, Grid, Prediction, Request, Space
from benchmark.external.exchange import fills_affine_grid, safe_name
from medshape_text.reading.volumes import NEARLY_WHOLE

_HEADERS = 65536
"""Bytes a file may have beside its array."""
_WIDEST = 8
_MOST_MEMBERS = 64
_MOST_TEXT = 4096
_AFFINE_TOLERANCE = 1e-3


class Refused(Exception):  # noqa: N818  (it is an answer, not an error of ours)
    """Why a file is not taken; the reason code is its text."""


def read_answer(folder: Path, request: Request, ended: bool) -> Prediction | str | None:
    """The prediction of a case, a reason code why there is none, or None when it is not finished.

    Args:
        folder: of all predictions.
        request: what was asked.
        ended: whether the program ended well. Until then a file that cannot be read may be half written, and only
            a marker ``<case>.done`` makes it final.
    """
    name = safe_name(request.case_id)
    try:
        with _opened_folder(folder) as top:
            final = ended or _exists(top, f"{name}.done")
            try:
                return _read_case(top, name, request, final)
            except Refused as refused:
                # What was refused for its kind or size stays refused; a torn file may still become whole.
                return str(refused) if final or str(refused) != "unreadable" else None
    except OSError:
        return None
    except Refused as refused:
        return str(refused)


def _read_case(top: int, name: str, request: Request, final: bool) -> Prediction | str | None:
    arrays: dict[str, Array] = {}
    with _optional_folder(top, name) as inner:
        if inner is not None and _exists(inner, "error.txt"):
            _read(inner, "error.txt", _MOST_TEXT)
            return "reported_error"
        for part, space in request.outputs.items():
            found = None if inner is None else _read_part(inner, part, space, request.grid)
            if found is not None:
                arrays[part] = found
    if not arrays and _exists(top, f"{name}.npz"):
        limits = {part: largest_file(space, request.grid) for part, space in request.outputs.items()}
        arrays = unpack_npz(_read(top, f"{name}.npz", sum(limits.values()) + _HEADERS), limits)
    if request.outputs.keys() - arrays.keys():
        if not final:
            return None
        return "missing_part" if arrays or _exists(top, f"{name}.done") else None
    prediction = Prediction(arrays)
    problem = spaces.prediction_problem(prediction, request.outputs, request.grid)
    if problem is not None:
        return problem
    return Prediction({part: _in_type(arrays[part], space) for part, space in request.outputs.items()})


def error_text(folder: Path, case_id: str) -> str:
    """What ``error.txt`` of a case says, on one line; empty if it says nothing."""
    try:
        with _opened_folder(folder) as top, _optional_folder(top, safe_name(case_id)) as inner:
            data = b"" if inner is None else _read(inner, "error.txt", _MOST_TEXT)
    except (OSError, Refused):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in data.decode("utf-8", "replace"))
    return " ".join(printable.split())


def _read_part(inner: int, part: str, space: Space, grid: Grid | None) -> Array | None:
    stem, limit = safe_name(part), largest_file(space, grid)
    if _exists(inner, f"{stem}.npy"):
        return parse_npy(_read(inner, f"{stem}.npy", limit), limit)
    if _exists(inner, f"{stem}.npz"):
        members = unpack_npz(_read(inner, f"{stem}.npz", limit + _HEADERS), None, limit)
        if part not in members and len(members) != 1:
            raise Refused("missing_part")
        return members[part] if part in members else next(iter(members.values()))
    for ending in (".nii.gz", ".nii"):
        if _exists(inner, stem + ending):
            data = _read(inner, stem + ending, limit)
            return _parse_nifti(_gunzipped(data, limit) if ending == ".nii.gz" else data, space, grid)
    return None


def largest_file(space: Space, grid: Grid | None) -> int:
    """The most bytes a file of one array may have, whatever type of up to 8 bytes the program likes to write."""
    values = spaces.most_bytes(space, grid) // spaces.stored_type(space).itemsize
    return values * _WIDEST + _HEADERS


def parse_npy(data: bytes, limit: int) -> Array:
    """The array of an ``.npy`` file of plain numbers.

    Raises:
        Refused: if it is anything else, torn, or declares more than ``limit`` bytes.
    """
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, kind = read(stream)
    except Exception as error:  # numpy raises many kinds for a hostile header
        raise Refused("unreadable") from error
    if kind.hasobject or kind.kind not in "fiub" or kind.itemsize > _WIDEST:
        raise Refused("wrong_type")
    if any(size < 0 for size in shape) or (size := math.prod(shape) * kind.itemsize) > limit:
        raise Refused("too_large")
    body = data[stream.tell() :]
    if len(body) != size:
        raise Refused("unreadable")
    return np.frombuffer(body, kind).reshape(shape, order="F" if fortran else "C")


def unpack_npz(data: bytes, limits: dict[str, int] | None, limit: int = 0) -> dict[str, Array]:
    """Arrays of an ``.npz``, all or those with a limit; what is declared is checked and what is unpacked bounded.

    Raises:
        Refused: if it is anything else, has a name twice, or more bytes than it may.
    """
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise Refused("too_large")
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise Refused("unreadable")
                if limits is not None and name not in limits:
                    raise Refused("unknown_part")
                most = limit - sum(array.nbytes for array in arrays.values()) if limits is None else limits[name]
                if member.file_size > most:
                    raise Refused("too_large")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Refused("unreadable")
                with archive.open(member) as stream:
                    unpacked = stream.read(most + 1)
                if len(unpacked) > most:
                    raise Refused("too_large")
                arrays[name] = parse_npy(unpacked, most)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError) as error:
        raise Refused("unreadable") from error
    return arrays


def _gunzipped(data: bytes, limit: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        unpacked = reader.decompress(data, limit + 1)
    except zlib.error as error:
        raise Refused("unreadable") from error
    if len(unpacked) > limit:
        raise Refused("too_large")
    if not reader.eof:
        raise Refused("unreadable")
    return unpacked


def _parse_nifti(data: bytes, space: Space, grid: Grid | None) -> Array:
    import nibabel

    wanted = spaces.shape_of(space, grid)
    try:
        image: Any = nibabel.Nifti1Image.from_bytes(data)  # nibabel's own annotations are half there
        shape = image.shape
        channels = len(wanted) == 4
        if shape != ((*wanted[1:], wanted[0]) if channels else wanted):
            raise Refused("wrong_shape")
        if fills_affine_grid(wanted, space, grid) and grid is not None:
            difference = np.abs(np.asarray(image.affine) - np.asarray(grid.affine))
            if not np.all(difference <= _AFFINE_TOLERANCE):  # a NaN is a difference, too
                raise Refused("wrong_affine")
        stored = image.get_data_dtype().kind
        if stored not in "fiu":
            raise Refused("wrong_type")
        values = np.asarray(image.dataobj)
    except Refused:
        raise
    except Exception as error:  # a hostile header makes nibabel raise many kinds
        raise Refused("unreadable") from error
    if space.kind == "labels" and values.dtype.kind == "f":  # many tools write whole numbers as floats
        whole = np.rint(values)
        off = NEARLY_WHOLE if stored in "iu" else 0  # in bytes with a scale, 1 of four labels reads 1.004
        if not (np.abs(values - whole) <= off).all() or np.abs(whole).max(initial=0) > 2**31:  # not of NaN either
            raise Refused("wrong_type")
        values = whole.astype(np.int64)
    return np.moveaxis(values, -1, 0) if channels else values


def _in_type(array: Array, space: Space) -> Array:
    """A sound array in the type of its space, the caller's own."""
    if array.dtype.kind == "f":
        bounds = np.finfo(space.dtype)
        array = np.clip(array, bounds.min, bounds.max)
    return np.array(array, dtype=space.dtype, order="C")


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _read(folder: int, name: str, limit: int) -> bytes:
    """All of a regular file that has one name and at most so many bytes."""
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise Refused("not_a_file") from error
    try:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode) or told.st_nlink != 1:
            raise Refused("not_a_file")
        with open(descriptor, "rb", closefd=False) as stream:
            data = b"" if told.st_size > limit else stream.read(limit + 1)
    finally:
        os.close(descriptor)
    if told.st_size > limit or len(data) > limit:
        raise Refused("too_large")
    return data


@contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _optional_folder(top: int, name: str) -> Iterator[int | None]:
    """A folder in a folder; None where there is nothing of that name."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise Refused("not_a_file") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
