"""What all decoders share: a cell is checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CellError(ValueError):
    """A binary cell is not what its column should hold."""


def binary(row: Mapping[str, Any], column: str, whole: int) -> bytes:
    """The bytes of a column that holds a whole number of ``whole`` bytes.

    Raises:
        CellError: if it does not.
        KeyError: if the row lacks the column.
    """
    data = row[column]
    if not isinstance(data, bytes | bytearray | memoryview) or len(data) == 0 or len(data) % whole:
        found = f"{len(data)} bytes" if isinstance(data, bytes | bytearray | memoryview) else type(data).__name__
        raise CellError(
            f'column "{column}" holds {found}, expected a multiple of {whole} bytes. The "numpy" format of datasets '
            "cuts trailing zero bytes off binary columns: use the plain format."
        )
    return bytes(data)
