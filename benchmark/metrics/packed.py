"""Dice of many masks by counting bits.

Packing once and comparing often is what pays: a 128^3 mask becomes 256 KiB, and a Dice is one pass over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array
from benchmark.metrics.inside import inside
from benchmark.metrics.overlap import EmptyRule, dice_of_counts
from benchmark.metrics.voxels.words import Words, compiled, pack_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PackedMasks:
    """N masks of one shape, as bits.

    Attributes:
        words: (N, W) uint64, the voxels of every mask in C order, the last word filled up with zeros.
        counts: (N,) int64, voxels inside.
        shape: shape of one mask.
    """

    words: Words
    counts: NDArray[np.int64]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        """How many masks."""
        return len(self.words)


def pack(masks: Array, *, sdf: bool = False) -> PackedMasks:
    """Pack a batch of masks for :func:`packed_dice` and :func:`pairwise_packed_dice`.

    Args:
        masks: (N, ...) bool or integer, inside = nonzero, or with ``sdf`` floating; N >= 1 masks of one shape.
        sdf: floating-point values are signed distances, inside = strictly negative, as for :func:`dice`.

    Raises:
        ValueError: for floating-point values without ``sdf``, an SDF with NaN, or an array without a batch axis.

    >>> pack(np.array([[1, 1, 0], [0, 0, 0]])).counts
    array([2, 0])
    """
    solid = inside(masks, sdf)
    if solid.ndim < 2:
        raise ValueError(f"expected masks of shape (N, ...), got {solid.shape}")
    words = pack_rows(solid.reshape(len(solid), int(np.prod(solid.shape[1:]))))
    return PackedMasks(words, np.bitwise_count(words).sum(axis=1, dtype=np.int64), solid.shape[1:])


def packed_dice(a: PackedMasks, b: PackedMasks, empty: EmptyRule = "nan") -> Floats:
    """Dice ``2|A∩B| / (|A| + |B|)`` of mask i of ``a`` with mask i of ``b``, to the last bit that of ``dice``.

    Args:
        a: N masks.
        b: N masks of the same shape.
        empty: the value when both masks are empty, as for :func:`benchmark.metrics.overlap.dice`.

    Returns:
        (N,) float64.

    Raises:
        ValueError: if the numbers or the shapes of the masks differ.

    >>> packed_dice(pack(np.array([[1, 1, 0]])), pack(np.array([[0, 1, 1]])))
    array([0.5])
    """
    _check_shapes(a, b)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} masks cannot be paired with {len(b)}")
    overlap = np.zeros(len(a), dtype=np.int64)
    for i in range(len(a)):
        compiled(_count_common)(a.words[i : i + 1], b.words[i : i + 1], overlap[i : i + 1, None])
    return dice_of_counts(overlap, a.counts + b.counts, empty)


def pairwise_packed_dice(a: PackedMasks, b: PackedMasks, empty: EmptyRule = "nan") -> Floats:
    """Dice of every mask of ``a`` with every mask of ``b``: (N, M) float64.

    Args:
        a: N masks.
        b: M masks of the same shape.
        empty: the value when both masks are empty.

    Raises:
        ValueError: if the shapes of the masks differ.
    """
    _check_shapes(a, b)
    overlap = np.zeros((len(a), len(b)), dtype=np.int64)
    compiled(_count_common)(a.words, b.words, overlap)
    return dice_of_counts(overlap, a.counts[:, None] + b.counts, empty)


def _count_common(a: Words, b: Words, common: NDArray[np.int64]) -> None:
    """Add to ``common`` (N, M) the bits that rows of ``a`` (N, W) and ``b`` (M, W) share.

    The count within a word is the textbook sum of ever wider fields, which compilers know as an instruction.
    """
    pairs, fours = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    eights, ones = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
    block = 1024  # 8 KiB of every row, so that rows met again come from a near cache
    for start in range(0, a.shape[1], block):
        end = min(start + block, a.shape[1])
        for i in range(a.shape[0]):
            for j in range(b.shape[0]):
                p, q = a[i, start:end], b[j, start:end]
                bits = np.uint64(0)
                for w in range(len(p)):
                    x = p[w] & q[w]
                    x = x - ((x >> np.uint64(1)) & pairs)
                    x = (x & fours) + ((x >> np.uint64(2)) & fours)
                    x = (x + (x >> np.uint64(4))) & eights
                    bits += (x * ones) >> np.uint64(56)
                common[i, j] += np.int64(bits)


def _check_shapes(a: PackedMasks, b: PackedMasks) -> None:
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
