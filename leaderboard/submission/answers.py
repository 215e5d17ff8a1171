"""Predictions of a method that ran elsewhere: a folder with a file a case, named after it, of one array a part."""

from __future__ import annotations

import math
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
from numpy.lib import format as npy

from benchmark.contract import Array, Grid, Prediction, Space
from benchmark.spaces import most_bytes, prediction_problem, stored_type
from leaderboard.asked import Asked
from leaderboard.submission.layout import SubmissionError, listed, printable
from medshape_text.hashing import canonical_json, sha256

_SUFFIXES = (".npz", ".npy")
_MAX_MEMBERS = 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER_BYTES, _WIDEST = 1 << 16, 8
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_UNUSABLE = {"wrong_type", "wrong_shape", "missing_part", "unknown_part"}
"""Problems of a file; others are those of an answer, which is scored worst."""


@dataclass(frozen=True)
class Answers:
    """Files by case id, all of one folder; `digests` has the SHA-256 of each, ``missing`` the cases without one."""

    folder: Path
    asked: Asked
    files: Mapping[str, Path]
    digests: Mapping[str, str]
    missing: Sequence[str]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of case -> SHA-256 of its file."""
        return sha256(canonical_json(dict(self.digests)))

    def prediction(self, case: str) -> Prediction:
        """The answer to a case; its values are not yet checked.

        Raises:
            SubmissionError: code ``prediction`` if it is none, or not the file that was found first.
        """
        data = _bytes(self.files[case], self.asked, case)
        if sha256(data) != self.digests[case]:
            said = f"{self.files[case]} changed while it was read; run the same command again"
            raise SubmissionError("prediction", said)
        return _prediction(self.files[case], data, self.asked, case)


def find_answers(folder: Path, asked: Asked, *, allow_missing: bool = False) -> Answers:
    """Look which cases a folder has predictions of: ``<case id>.npz``, percent-encoded where it has to be.

    It holds an array a part, under its name. Where one part is asked for it may be the only array whatever it is
    called, and the file a ``.npy``. Every file is read once, so that one that cannot be used is found before anything
    is scored.

    Raises:
        SubmissionError: codes ``predictions`` (files that belong to no case, or are of no use) and
            ``missing-cases``, each naming all in one message.
    """
    if not folder.is_dir():
        raise SubmissionError("predictions", f"there is no folder {folder}")
    cases = asked.cases
    known = set(cases)
    files: dict[str, Path] = {}
    foreign = []
    for path in sorted(folder.iterdir()):
        case = unquote(path.stem)
        plain = path.suffix in _suffixes(asked.outputs) and stat.S_ISREG(path.lstat().st_mode)
        if plain and case in known and case not in files:
            files[case] = path
        elif not path.name.startswith("."):
            foreign.append(path.name)
    missing = [case for case in cases if case not in files]
    if foreign or (missing and not allow_missing):
        raise _wrong(folder, _suffixes(asked.outputs), foreign, [] if allow_missing else missing)
    if not files:
        raise SubmissionError("missing-cases", f"{folder} has no prediction of any case (such as {_name(cases[0])})")
    digests, useless = {}, []
    for case in cases:
        if case in files:
            data = _bytes(files[case], asked, case)
            digests[case] = sha256(data)
            try:
                _prediction(files[case], data, asked, case)
            except SubmissionError as error:
                useless.append(f"{printable(files[case].name, 80)} ({error})")
    if useless:
        shown = "; ".join(useless[:5]) + ("" if len(useless) <= 5 else f"; ... ({len(useless)} in all)")
        raise SubmissionError("predictions", f"these files of {folder} cannot be used: {shown}")
    return Answers(folder, asked, files, digests, missing)


def _suffixes(outputs: Mapping[str, Space]) -> Sequence[str]:
    return _SUFFIXES if len(outputs) == 1 else _SUFFIXES[:1]


def _wrong(folder: Path, suffixes: Sequence[str], foreign: list[str], missing: list[str]) -> SubmissionError:
    told = []
    if foreign:
        told.append(f"{len(foreign)} that belong to no case, or are not {' or '.join(suffixes)}: {listed(foreign)}")
    if missing:
        told.append(f"{len(missing)} missing: {listed([_name(case) for case in missing])}")
    advice = " With --allow-missing, missing cases get the worst scores." if missing and not foreign else ""
    code = "predictions" if foreign else "missing-cases"
    return SubmissionError(code, f"{folder} does not fit the cases of the task: {'; '.join(told)}.{advice}")


def _name(case: str) -> str:
    return f"{quote(case, safe=' ')}.npz"


def _most(asked: Asked, case: str) -> int:
    """Bytes of arrays of the widest numbers, uncompressed, with their headers."""
    grid = asked.grids[case]
    return sum(_most_of(space, grid) for space in asked.outputs.values()) + _HEADER_BYTES


def _most_of(space: Space, grid: Grid | None) -> int:
    return most_bytes(space, grid) // stored_type(space).itemsize * _WIDEST + _HEADER_BYTES


def _bytes(path: Path, asked: Asked, case: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_most(asked, case) + 1)
    except OSError as error:
        raise SubmissionError("prediction", f"cannot read {path}: {error.strerror or error}") from error


def _prediction(path: Path, data: bytes, asked: Asked, case: str) -> Prediction:
    if len(data) > _most(asked, case):
        raise SubmissionError("prediction", f"more than {_most(asked, case)} bytes")
    grid = asked.grids[case]
    try:
        if path.suffix == ".npy":
            (name,) = asked.outputs
            found = {name: _array(data)}
        else:
            found = dict(_members(data, asked.outputs, grid))
        parts = {name: _typed(array, asked.outputs.get(name)) for name, array in found.items()}
    except SubmissionError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise anything from NotImplementedError to EOFError
        raise SubmissionError("prediction", printable(str(error) or type(error).__name__)) from error
    prediction = Prediction(parts)
    if (problem := prediction_problem(prediction, asked.outputs, grid)) in _UNUSABLE:
        has = ", ".join(f"{array.dtype} {array.shape} for {printable(name, 40)}" for name, array in parts.items())
        raise SubmissionError("prediction", f"{str(problem).replace('_', ' ')}: it has {has or 'nothing'}")
    return prediction


def _members(data: bytes, outputs: Mapping[str, Space], grid: Grid | None) -> Iterator[tuple[str, Array]]:
    """Arrays of an archive by name, whose list is looked at before anything is unpacked."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        if len(members) > _MAX_MEMBERS or len(set(names)) != len(names):
            raise SubmissionError("prediction", f"an archive of {len(members)} members, or with one of them twice")
        if len(outputs) == len(names) == 1:
            names = list(outputs)
        for name, member in zip(names, members, strict=True):
            most = _most_of(outputs[name], grid) if name in outputs else 0
            if member.compress_type not in _METHODS or member.file_size > most or member.flag_bits & 1:
                told = f"{printable(member.filename, 60)} unpacks to {member.file_size} bytes, or is no part"
                raise SubmissionError("prediction", told)
            yield name, _array(archive.read(member))


def _array(data: bytes) -> Array:
    """The array of a .npy file; Python objects are never loaded."""
    stream = BytesIO(data)
    version = npy.read_magic(stream)
    if version not in _HEADERS:
        raise SubmissionError("prediction", f"format version {version} of .npy")
    shape, fortran, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        raise SubmissionError("prediction", "it holds Python objects, which are never loaded")
    if dtype.kind not in "fiu":
        raise SubmissionError("prediction", f"it holds {dtype}, not numbers")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > len(data) - stream.tell():
        raise SubmissionError("prediction", f"the header declares an array of shape {shape}, the file is smaller")
    flat = np.frombuffer(data, dtype, math.prod(shape), stream.tell())
    return np.ascontiguousarray(flat.reshape(shape[::-1]).T) if fortran else flat.reshape(shape)


def _typed(array: Array, space: Space | None) -> Array:
    """Floating point as methods return it; whole numbers as they are, because a narrower type would wrap them."""
    if space is None or array.dtype.kind != "f" or np.dtype(space.dtype).kind != "f":
        return array
    with np.errstate(over="ignore"):  # what becomes infinite is told by whoever checks it
        return array.astype(space.dtype)
