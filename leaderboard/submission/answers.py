"""Predictions of a method that ran elsewhere: a folder with one SDF a case, named after it."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote

from benchmark.contract import Volume
from benchmark.data.clouds.arrays import parse_npy, parse_npz
from benchmark.data.clouds.shapes import Grid
from leaderboard.submission.layout import SubmissionError, listed, printable
from medshape_text.frame import RESOLUTION
from medshape_text.hashing import canonical_json, sha256
from medshape_text.reading.limits import BadShapeError

_PARSERS = {".npy": parse_npy, ".npz": parse_npz}
MAX_FILE_BYTES = RESOLUTION**3 * 8 + (1 << 16)
"""A volume of the widest floats, uncompressed, with its header."""
_MAX_MEMBERS = 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Answers:
    """Files by case id, all of one folder; `digests` has the SHA-256 of each, ``missing`` the cases without one."""

    folder: Path
    files: Mapping[str, Path]
    digests: Mapping[str, str]
    missing: Sequence[str]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of case -> SHA-256 of its file."""
        return sha256(canonical_json(dict(self.digests)))

    def volume(self, case: str) -> Volume:
        """The SDF of a case, (64, 64, 64) float32, not yet checked for what the task asks of it.

        Raises:
            SubmissionError: code ``prediction`` if it is none, or not the file that was found first.
        """
        return read_answer(self.files[case], self.digests[case])


def find_answers(folder: Path, cases: Sequence[str], *, allow_missing: bool = False) -> Answers:
    """Look which cases a folder has predictions of: ``<case id>.npz`` or ``.npy``, percent-encoded where it has to be.

    Every file is read once, so that one that cannot be used is found before anything is scored.

    Raises:
        SubmissionError: codes ``predictions`` (files that belong to no case, or are of no use) and
            ``missing-cases``, each naming all in one message.
    """
    if not folder.is_dir():
        raise SubmissionError("predictions", f"there is no folder {folder}")
    known = set(cases)
    files: dict[str, Path] = {}
    foreign = []
    for path in sorted(folder.iterdir()):
        case = unquote(path.stem)
        plain = path.suffix in _PARSERS and stat.S_ISREG(path.lstat().st_mode)
        if plain and case in known and case not in files:
            files[case] = path
        elif not path.name.startswith("."):
            foreign.append(path.name)
    missing = [case for case in cases if case not in files]
    if foreign or (missing and not allow_missing):
        raise _wrong(folder, foreign, [] if allow_missing else missing)
    if not files:
        raise SubmissionError("missing-cases", f"{folder} has no prediction of any case (such as {_name(cases[0])})")
    digests, useless = {}, []
    for case in cases:
        if case in files:
            data = _bytes(files[case])
            digests[case] = sha256(data)
            try:
                _volume(files[case], data)
            except SubmissionError as error:
                useless.append(f"{printable(files[case].name, 80)} ({error})")
    if useless:
        shown = "; ".join(useless[:5]) + ("" if len(useless) <= 5 else f"; ... ({len(useless)} in all)")
        raise SubmissionError("predictions", f"these files of {folder} cannot be used: {shown}")
    return Answers(folder, files, digests, missing)


def read_answer(path: Path, digest: str) -> Volume:
    """The SDF in a file whose content has this SHA-256.

    Raises:
        SubmissionError: code ``prediction``.
    """
    data = _bytes(path)
    if sha256(data) != digest:
        raise SubmissionError("prediction", f"{path} changed while it was read; run the same command again")
    return _volume(path, data)


def _wrong(folder: Path, foreign: list[str], missing: list[str]) -> SubmissionError:
    told = []
    if foreign:
        told.append(f"{len(foreign)} that belong to no case, or are neither .npz nor .npy: {listed(foreign)}")
    if missing:
        told.append(f"{len(missing)} missing: {listed([_name(case) for case in missing])}")
    advice = " With --allow-missing, missing cases get the worst scores." if missing and not foreign else ""
    code = "predictions" if foreign else "missing-cases"
    return SubmissionError(code, f"{folder} does not fit the cases of the task: {'; '.join(told)}.{advice}")


def _name(case: str) -> str:
    return f"{quote(case, safe=' ')}.npz"


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SubmissionError("prediction", f"cannot read {path}: {error.strerror or error}") from error


def _volume(path: Path, data: bytes) -> Volume:
    if len(data) > MAX_FILE_BYTES:
        raise SubmissionError("prediction", f"more than {MAX_FILE_BYTES} bytes")
    try:
        if path.suffix == ".npz":
            _check_archive(data)
        shape = _PARSERS[path.suffix](data)
    except (BadShapeError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise SubmissionError("prediction", printable(str(error))) from error
    if not isinstance(shape, Grid) or shape.values.shape != (RESOLUTION,) * 3:
        found = f"volume of shape {shape.values.shape}" if isinstance(shape, Grid) else "cloud of points"
        raise SubmissionError("prediction", f"a {found}, not an SDF of 64 x 64 x 64")
    return shape.values


def _check_archive(data: bytes) -> None:
    """Look at an archive's list before anything is unpacked."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > _MAX_MEMBERS or len(set(names)) != len(names):
        raise BadShapeError("unreadable", f"an archive of {len(members)} members, or with one of them twice")
    for member in members:
        if member.compress_type not in _METHODS or member.file_size > MAX_FILE_BYTES or member.flag_bits & 1:
            raise BadShapeError("too large", f"{printable(member.filename, 60)} unpacks to {member.file_size} bytes")
