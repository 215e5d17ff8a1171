"""A stranger's pickle may hold numeric arrays and do nothing."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from medshape_text.sources.restricted_pickle import RefusedPickleError, load_arrays


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_come_through_unchanged(protocol: int) -> None:
    arrays = {"a": np.arange(12.0).reshape(3, 4), "b": np.array([1, 2], dtype=">i4"), "none": None}
    loaded = load_arrays(pickle.dumps(arrays, protocol))
    assert set(loaded) == {"a", "b"}
    assert loaded["a"].dtype == np.float64
    assert np.array_equal(loaded["a"], arrays["a"])
    assert np.array_equal(loaded["b"], [1, 2])


class _Runs:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_command_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(RefusedPickleError):
        load_arrays(pickle.dumps({"mean": _Runs(marker)}, protocol))
    assert not marker.exists()


def call(module: str, name: str, arguments: bytes) -> bytes:
    """Protocol-2 pickle of ``{"a": module.name(*arguments)}``; ``arguments`` are opcodes that leave a tuple."""
    return b"\x80\x02}X\x01\x00\x00\x00ac" + f"{module}\n{name}\n".encode() + arguments + b"Rs."


HUGE = b"J" + struct.pack("<i", 2**31 - 1)


@pytest.mark.parametrize(
    "data",
    [
        call("numpy", "ndarray", HUGE + HUGE + b"\x86\x85"),  # ndarray((huge, huge))
        call("numpy.core.multiarray", "_reconstruct", b"cnumpy\nndarray\n" + HUGE + b"\x85C\x01b\x87"),
        call("numpy", "dtype", b"X\x01\x00\x00\x00O\x85"),  # object arrays could hold anything
        call("numpy", "dtype", b"X\x08\x00\x00\x00V9999999\x85"),
        call("builtins", "eval", b"X\x01\x00\x00\x001\x85"),
        b"\x80\x02r" + struct.pack("<I", 2**31) + b".",  # memo slot far beyond the file
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",  # bytes that are not there
        b"\x80\x02\x8a\xff" + b"\x01" * 255 + b".",  # long integers are not needed
        b"",
        b"\x80\x04",
        b"garbage",
        pickle.dumps([1, 2]),
    ],
    ids=["ndarray", "reconstruct", "object", "void", "eval", "memo", "bytes8", "long", "empty", "cut", "garbage",
         "list"],
)  # fmt: skip
def test_tricks_are_refused(data: bytes) -> None:
    with pytest.raises(RefusedPickleError):
        load_arrays(data)


def test_every_truncation_is_refused() -> None:
    whole = pickle.dumps({"a": np.arange(6.0)}, 4)
    for length in range(len(whole)):
        with pytest.raises(RefusedPickleError):
            load_arrays(whole[:length])
