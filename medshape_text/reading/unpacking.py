"""What gzip packed, piece by piece, by zlib alone: Python's own reader walks the name in a header byte by byte."""

from __future__ import annotations

import zlib
from typing import IO

_CHUNK = 2**18
_GZIP = 31
"""What zlib calls a gzip member with its checksum."""


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
