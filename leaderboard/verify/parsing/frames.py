"""What the parsing process says: a length, that much JSON, and after the JSON of a cell the cell itself.

Nothing is pickled: the process that reads them must be safe from one that a broken file has taken over.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import BinaryIO, Protocol

CELL_BYTES = 64 * 64 * 64 * 2
"""A prediction: little-endian float16, C order."""
HEADER_BYTES = 2**14
"""Of the JSON of a frame, at most."""
_LENGTH = struct.Struct("<I")


class Readable(Protocol):
    """Something bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or fewer where it ends."""
        ...


class FaultError(Exception):
    """Why the predictions are refused; ``code`` is one of `leaderboard.verify.codes.CODES`."""

    def __init__(self, code: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


def write_frame(stream: BinaryIO, header: Mapping[str, object], cell: bytes = b"") -> None:
    """Write one frame."""
    text = json.dumps(header).encode()
    stream.write(_LENGTH.pack(len(text)) + text + cell)


def read_header(stream: Readable) -> dict[str, object] | None:
    """The JSON of the next frame; None if the stream ended or there is no frame.

    The caller reads the cell that follows.
    """
    prefix = stream.read(_LENGTH.size)
    if len(prefix) != _LENGTH.size or _LENGTH.unpack(prefix)[0] > HEADER_BYTES:
        return None
    text = stream.read(_LENGTH.unpack(prefix)[0])
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None
