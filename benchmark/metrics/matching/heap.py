"""A binary heap of items 0 .. n - 1 whose keys can fall, each at most once in it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@njit(cache=True, nogil=True)
def push(key: Floats, heap: Indices, place: Indices, size: int, item: int) -> int:
    """Insert an item, or let it rise after its key fell; returns the new size. ``place`` is -1 outside the heap."""
    at = place[item]
    if at < 0:
        at = size
        size += 1
    while at > 0:
        parent = (at - 1) >> 1
        if key[heap[parent]] <= key[item]:
            break
        heap[at] = heap[parent]
        place[heap[at]] = at
        at = parent
    heap[at], place[item] = item, at
    return size


@njit(cache=True, nogil=True)
def pop(key: Floats, heap: Indices, place: Indices, size: int) -> int:
    """Remove the item with the smallest key, ``heap[0]``; returns the new size."""
    place[heap[0]] = -1
    size -= 1
    if size == 0:
        return 0
    item, at = heap[size], 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and key[heap[child + 1]] < key[heap[child]]:
            child += 1
        if key[heap[child]] >= key[item]:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at], place[item] = item, at
    return size
