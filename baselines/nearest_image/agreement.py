"""How well a training image agrees with an observation, whatever the contrast of either.

A candidate is read through the operator of the observation, as the unknown image was, and the readings are compared by
normalised mutual information: NMI(A, B) = (H(A) + H(B)) / H(A, B), from 1 (independent) to 2 (one-to-one).
Source: Studholme, Hill, Hawkes, Pattern Recognition 32 (1999).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.contract import Observation, Volume

BINS = 32
STEPS = (4, 2, 1)
"""Voxels by which a candidate is shifted, coarse to fine."""
FURTHEST = 16
"""Voxels along each axis that it may be shifted by in all."""
_RANGE = (1.0, 99.5)

Shift = tuple[int, int, int]


def binned(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Bin of each value, (N,), 0 to BINS - 1, linear between two percentiles."""
    if not values.size:
        return np.zeros(0, np.int64)
    low, high = np.percentile(values, _RANGE)
    scaled = (values - low) * (BINS / max(float(high - low), 1e-12))
    return np.asarray(np.clip(scaled, 0, BINS - 1), np.int64)


def mutual_information(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Normalised mutual information of two lists of bins, (N,); 1 where there is nothing to compare."""
    joint = np.bincount(a * BINS + b, minlength=BINS * BINS).reshape(BINS, BINS) / max(1, a.size)
    together = _entropy(joint.ravel())
    return 1.0 if together <= 0 else (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / together


def shifted(volume: NDArray[np.generic], shift: Shift) -> NDArray[np.generic]:
    """A volume (X, Y, Z) moved by whole voxels; at the border it goes on as it is there.

    >>> shifted(np.arange(4.0).reshape(4, 1, 1), (1, 0, 0)).ravel()
    array([0., 0., 1., 2.])
    """
    for axis, steps in enumerate(shift):
        if steps:
            size = volume.shape[axis]
            volume = volume.take(np.clip(np.arange(size) - steps, 0, size - 1), axis=axis)
    return volume


@dataclass(frozen=True, eq=False)
class Agreement:
    """Of candidates (X, Y, Z) with one observation."""

    observation: Observation

    def of(self, candidate: Volume, shift: Shift = (0, 0, 0)) -> float:
        """Normalised mutual information of the candidate, shifted, with what was observed."""
        moved = torch.from_numpy(np.ascontiguousarray(shifted(candidate, shift)))
        read = self.observation.operator(moved).numpy()[self.observation.mask]
        return mutual_information(self._observed, binned(read))

    def best_shift(self, candidate: Volume) -> tuple[float, Shift]:
        """The best agreement that moving to the best neighbour leads to, and the shift; ties go to the earlier one."""
        shift: Shift = (0, 0, 0)
        known = {shift: self.of(candidate)}
        for step in STEPS:
            while True:
                around = [each for each in _neighbours(shift, step) if max(map(abs, each)) <= FURTHEST]
                for each in around:
                    if each not in known:
                        known[each] = self.of(candidate, each)
                best = max(around, key=known.__getitem__)
                if known[best] <= known[shift]:
                    break
                shift = best
        return known[shift], shift

    @cached_property
    def _observed(self) -> NDArray[np.int64]:
        return binned(self.observation.value[self.observation.mask])


def _neighbours(shift: Shift, step: int) -> Iterator[Shift]:
    for axis in range(3):
        for sign in (-1, 1):
            moved = list(shift)
            moved[axis] += sign * step
            yield (moved[0], moved[1], moved[2])


def _entropy(shares: NDArray[np.floating]) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())
