"""A volume file before its voxels are looked at: what it declares, and how to undo gzip piece by piece."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

import numpy as np
from numpy.typing import NDArray

PLAIN, PACKED_VOXELS, PACKED_WHOLE = "plain", "packed voxels", "packed whole"
"""Whether gzip packs nothing, the voxels behind a plain header, or the file as a whole."""
_CHUNK = 2**18
_GZIP = 31
"""What zlib calls a gzip member with its checksum."""


@dataclass(frozen=True, eq=False)
class Header:
    """Voxels of ``dtype`` in Fortran order, ``shape`` (I, J, K), that begin after ``offset`` bytes.

    Of a file that is packed as a whole, ``offset`` counts unpacked bytes. ``affine`` (3, 4) maps indices of voxel
    centres to millimetres; x points to the subject's left, y backwards and z upwards. ``names`` are what the file
    calls its labels, if it does. A voxel of value v stands for ``scale[0] * v + scale[1]``.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[np.generic]
    offset: int
    affine: NDArray[np.float64]
    packing: str
    names: Mapping[int, str] = field(default_factory=dict)
    scale: tuple[float, float] = (1.0, 0.0)

    @property
    def voxels(self) -> int:
        """How many there are."""
        return math.prod(self.shape)


class Unpacked:
    """The content of a gzip stream, several members one after the other, zeros between and behind them."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Unpack from where ``stream`` is; nothing is read yet."""
        self._stream = stream
        self._packed = b""
        self._begin()

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer only at the end.

        Raises:
            EOFError: if the stream ends within a member.
            zlib.error: if it is no gzip, or a checksum is wrong.
        """
        parts = []
        while size > 0 and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _begin(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def _some(self, most: int) -> bytes:
        """At least one byte, unless all members are read."""
        while True:
            if self._member.eof:
                self._packed = self._member.unused_data
                self._begin()
            while not self._begun:
                if not self._fill():
                    return b""
                self._packed = self._packed.lstrip(b"\0")
                self._begun = bool(self._packed)
            ended = not self._fill()
            found = self._member.decompress(self._packed, most)
            self._packed = self._member.unconsumed_tail
            if found:
                return found
            if ended and not self._member.eof:
                raise EOFError("the packed stream ends early")

    def _fill(self) -> bool:
        """Have packed bytes at hand; False at the end of the stream."""
        self._packed = self._packed or self._stream.read(_CHUNK)
        return bool(self._packed)
