"""Reading the files of a submission once, without following or waiting for anything, and hashing what was read."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from benchmark.records.writer import CASES, OBSERVATIONS, RECORD, TIMINGS
from leaderboard.submission.document import FILE as SUBMISSION
from leaderboard.submission.layout import LIST as FILES
from leaderboard.submission.layout import PREDICTIONS as PARQUET
from leaderboard.verify.limits import Limits
from leaderboard.verify.refusal import RefusedError, shown

TEXTS = (SUBMISSION, RECORD, CASES, TIMINGS, OBSERVATIONS)
PREDICTIONS = (PARQUET, "predictions.npz")
"""Either of them: the form that `submit` writes, and one anybody can write with numpy."""
_PIECE = 2**20
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass
class SubmittedFiles:
    """What lay in a folder at one moment; later changes of the folder change nothing here.

    Attributes:
        name: of the folder.
        texts: name -> bytes of all files but the predictions.
        predictions_name: one of `PREDICTIONS`.
        predictions: a copy of the predictions, without a name on any disk.
        hashes: name -> sha256 of all files.
        sizes: name -> bytes of all files.
    """

    name: str
    texts: dict[str, bytes]
    predictions_name: str
    predictions: BinaryIO
    hashes: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


def read_folder(folder: Path, limits: Limits) -> SubmittedFiles:
    """Read a submission.

    Raises:
        RefusedError: if anything but the files of the layout is there, one is missing, no plain file of its own, or
            too large. Sizes are checked before reading.
    """
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError("no-folder", f"the submission is no folder that can be read: {error.strerror}") from None
    try:
        sizes = _survey(opened, limits)
        found = [name for name in PREDICTIONS if name in sizes]
        missing = [name for name in (*TEXTS, FILES) if name not in sizes]
        if missing or not found:
            wanted = ", ".join(missing) or " or ".join(PREDICTIONS)
            raise RefusedError("missing-file", f"there must be {wanted}")
        if len(found) > 1:
            raise RefusedError("unexpected-file", f"there must be only one of {' and '.join(PREDICTIONS)}")
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the answer
        files = SubmittedFiles(folder.name, {}, found[0], copy, sizes=sizes)
        for name, size in sorted(sizes.items()):
            pieces: list[bytes] = []
            keep = copy.write if name == found[0] else pieces.append
            files.hashes[name] = _read(opened, name, size, keep)
            if name != found[0]:
                files.texts[name] = b"".join(pieces)
        copy.seek(0)
    finally:
        os.close(opened)
    return files


def _survey(folder: int, limits: Limits) -> dict[str, int]:
    """Name -> size of everything in a folder, after looking at every entry without opening it."""
    sizes: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            what = f"{shown(entry.name)} is"
            if stat.S_ISLNK(facts.st_mode):
                raise RefusedError("symbolic-link", f"{what} a symbolic link")
            if entry.name not in (*TEXTS, FILES, *PREDICTIONS):
                raise RefusedError("unexpected-file", f"{what} not part of a submission; remove it")
            if not stat.S_ISREG(facts.st_mode):
                raise RefusedError("not-a-file", f"{what} no plain file")
            if facts.st_nlink != 1:
                raise RefusedError("hard-link", f"{what} a file with {facts.st_nlink} names")
            _check_size(entry.name, facts.st_size, limits)
            sizes[entry.name] = facts.st_size
    return sizes


def _check_size(name: str, size: int, limits: Limits) -> None:
    limit = limits.json_bytes
    if name in PREDICTIONS:
        limit = limits.prediction_bytes
    elif name in (SUBMISSION, FILES):
        limit = limits.yaml_bytes
    if size > limit:
        raise RefusedError("file-too-large", f"{name} has {size} bytes, at most {limit} are read")


def _read(folder: int, name: str, size: int, keep: Callable[[bytes], object]) -> str:
    """Hand a file on in pieces; its sha256."""
    digest, left = hashlib.sha256(), size
    try:
        descriptor = os.open(name, _OPEN, dir_fd=folder)
    except OSError as error:
        raise RefusedError("changed-while-reading", f"{name} cannot be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size != size:
            raise RefusedError("changed-while-reading", f"{name} is not what it was a moment ago")
        while piece := stream.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                break
            digest.update(piece)
            keep(piece)
    if left != 0:
        raise RefusedError("changed-while-reading", f"{name} is not as long as it was a moment ago")
    return digest.hexdigest()
