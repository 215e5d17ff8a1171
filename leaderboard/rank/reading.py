"""Small files of a results folder, none of them trusted: plain, of bounded size, never through a link."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

MOST_BYTES = 2**26
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class UnreadableError(ValueError):
    """A file is not what it should be; ``code`` is kebab-case."""

    def __init__(self, code: str, message: str) -> None:
        """Say what is wrong."""
        super().__init__(message)
        self.code = code


def is_folder(path: Path) -> bool:
    """Whether there is a folder that is no link."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def names_in(folder: Path, *, hidden: bool = False) -> list[str]:
    """Sorted names in a folder; none if it is no folder of its own.

    Without ``hidden``, what begins with a dot is passed over: work in progress, and what file managers and git leave.
    """
    if not is_folder(folder):
        return []
    return sorted(path.name for path in folder.iterdir() if hidden or not path.name.startswith("."))


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A plain file.

    Raises:
        UnreadableError: if it is not there, is a link or anything but a file, or is larger than is read.
    """
    with open_plain(path, most) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise UnreadableError("file-too-large", f"{path.name} has more than {most} bytes")
    return data


def open_plain(path: Path, most: int | None = None) -> BinaryIO:
    """Open a plain file for reading bytes.

    Raises:
        UnreadableError: as `read_bytes`.
    """
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        code = "missing-file" if missing else "not-a-file"
        raise UnreadableError(code, f"{path.name} cannot be read: {error.strerror}") from None
    stream = os.fdopen(descriptor, "rb")
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        stream.close()
        raise UnreadableError("not-a-file", f"{path.name} is no plain file")
    if most is not None and facts.st_size > most:
        stream.close()
        raise UnreadableError("file-too-large", f"{path.name} has {facts.st_size} bytes, at most {most} are read")
    return stream


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object without NaN and infinities.

    Raises:
        UnreadableError: if it is anything else.
    """
    try:
        value = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("json-damaged", f"{name} is no JSON: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise UnreadableError("json-not-an-object", f"{name} is no JSON object")
    return value


def parse_lines(data: bytes, name: str, most: int = 1_000_000) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file.

    Raises:
        UnreadableError: if a line is no object, or there are too many.
    """
    if data.count(b"\n") > most:
        raise UnreadableError("too-many-lines", f"{name} has more than {most} lines")
    return [parse_object(line, name) for line in data.split(b"\n") if line]


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
