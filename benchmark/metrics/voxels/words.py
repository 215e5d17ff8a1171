"""Masks packed 64 voxels to a word."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.inside import Mask

Words = NDArray[np.uint64]
WORD = 64


@cache
def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """A plain function of arrays compiled by numba, at its first call: importing numba takes half a second."""
    from numba import njit

    return njit(cache=True, nogil=True)(function)


def pack_rows(inside: Mask) -> Words:
    """Pack the last axis: (..., Z) bool to (..., Z // 64 + 1) words, voxel k being bit k % 64 of word k // 64.

    There is always at least one zero bit behind the last voxel, so that a shift by one voxel loses nothing.
    """
    length = inside.shape[-1]
    octets = np.packbits(inside, axis=-1, bitorder="little")
    rows = np.zeros((*inside.shape[:-1], (length // WORD + 1) * (WORD // 8)), dtype=np.uint8)
    rows[..., : octets.shape[-1]] = octets
    return rows.view("<u8").astype(np.uint64, copy=False)


def unpack_rows(words: Words) -> Mask:
    """The inverse of :func:`pack_rows`, with the padding: (..., W) words to (..., 64 W) bool."""
    octets = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little").view(bool)


def shift_up(words: Words) -> Words:
    """Every voxel moves to the next higher index of the packed axis."""
    moved = words << np.uint64(1)
    moved[..., 1:] |= words[..., :-1] >> np.uint64(WORD - 1)
    return moved


def shift_down(words: Words) -> Words:
    """Every voxel moves to the next lower index of the packed axis; the first one is dropped."""
    moved = words >> np.uint64(1)
    moved[..., :-1] |= words[..., 1:] << np.uint64(WORD - 1)
    return moved
