"""The codec of images: linear inside a window of values, compressed outside of it, and never cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import Array
from genmed.volumes.config import VolumeConfig

_COMPRESSION = 8.0
_BRIGHTEST = 99.0
"""Percentile that an image without a fixed scale is measured by."""


@dataclass(frozen=True)
class Window:
    """Code = -1 at ``low`` and 1 at ``high``; beyond them an eighth of the slope.

    Cutting off instead, as is usual, could not be undone: means over cubes of voxels, or any other operator of the
    image itself, need the value that was there.
    """

    low: float
    high: float
    shape: tuple[int, ...]

    def encode(self, part: Tensor) -> Tensor:
        """Values -> codes of the same shape."""
        linear = 2 * (part - self.low) / (self.high - self.low) - 1
        inner = linear.clamp(-1, 1)
        return inner + (linear - inner) / _COMPRESSION

    def decode(self, code: Tensor) -> Tensor:
        """Codes -> values."""
        inner = code.clamp(-1, 1)
        linear = inner + (code - inner) * _COMPRESSION
        return (linear + 1) / 2 * (self.high - self.low) + self.low


def window_for(config: VolumeConfig, values: Array) -> Window:
    """The codec of an image, or of what was read of one."""
    if config.window is not None:
        return Window(*config.window, config.size)
    high = float(np.percentile(values, _BRIGHTEST))
    return Window(0.0, high if high > 0 else 1.0, config.size)


def encoded(config: VolumeConfig, image: Array) -> Tensor:
    """(X, Y, Z) codes of one image."""
    return window_for(config, image).encode(torch.from_numpy(np.asarray(image, np.float32)))
