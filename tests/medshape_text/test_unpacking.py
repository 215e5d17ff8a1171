"""Python's gzip module is the independent judge of what a stream holds."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib

import numpy as np
import pytest

from medshape_text.reading.volume_files import Unpacked

NOISE = np.random.default_rng(3).bytes(700_000)
ZEROS = bytes(3_000_000)


def member(data: bytes, name: bytes = b"") -> bytes:
    """One gzip member, with a name in its header if there is one."""
    packed = gzip.compress(data, mtime=0)
    return packed if not name else packed[:3] + b"\x08" + packed[4:10] + name + b"\0" + packed[10:]


@pytest.mark.parametrize("stream", [
    b"",
    member(b""),
    member(b"abc"),
    member(NOISE),
    member(ZEROS),
    member(ZEROS) + member(NOISE) + member(b"") + member(b"x"),
    member(NOISE) + bytes(600_000) + member(b"end") + bytes(5),
    member(b"abc", name=b"liver.nii"),
], ids=["nothing", "empty", "few", "noise", "bomb", "members", "padded", "named"])  # fmt: skip
@pytest.mark.parametrize("step", [7, 2**16, 2**30])
def test_the_content_is_what_pythons_reader_finds(stream: bytes, step: int) -> None:
    if step == 7 and len(stream) > 1000:
        step = 4099
    unpacked, found = Unpacked(io.BytesIO(stream)), b""
    while part := unpacked.read(step):
        found += part
        assert len(part) == step or unpacked.read(1) == b""
    assert found == gzip.decompress(stream)


@pytest.mark.parametrize("stream", [
    b"no gzip at all",
    member(NOISE)[:-5000],
    member(b"abc")[:-1],
    member(b"abc")[:6],
    member(b"abc")[:-8] + bytes(8),
    member(b"abc") + b"rubbish",
], ids=["other", "cut", "cut in the checksum", "cut in the header", "wrong checksum", "rubbish behind"])  # fmt: skip
def test_damage_is_an_error(stream: bytes) -> None:
    with pytest.raises((EOFError, zlib.error)):
        Unpacked(io.BytesIO(stream)).read(2**30)


def test_a_long_name_is_not_read_byte_by_byte() -> None:
    class Counting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return super().read(size)

    stream = Counting(member(b"abc", name=b"n" * 2**22))
    assert Unpacked(stream).read(9) == b"abc"
    assert stream.reads < 100


def test_no_more_than_asked_for_is_unpacked() -> None:
    stream = io.BytesIO(member(bytes(2**28)))
    tracemalloc.start()
    try:
        assert Unpacked(stream).read(10) == bytes(10)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
