"""Labels of registered training cases, fused: a mean of signed distances, weighted where their images agree.

Source: Artaechevarria, Munoz-Barrutia, Ortiz-de-Solorzano, IEEE TMI 28 (2009), local weighted voting; distances instead
of labels as in Rohlfing and Maurer, MICCAI 2005 ("shape-based averaging").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter

from benchmark.contract import Volume

WINDOW = 5
"""Voxels a side of the neighbourhood in which images are compared."""
POWER = 4.0
LEAST = 1e-3
"""Weight of a case whose image has nothing in common with the other; where all have none they count alike."""
_NOISE = 1e-4


def local_correlation(a: Volume, b: Volume) -> Volume:
    """Squared correlation, (X, Y, Z) in 0 to 1, of two images in the window around each voxel."""
    mean_a, mean_b = uniform_filter(a, WINDOW), uniform_filter(b, WINDOW)
    spread_a = uniform_filter(a * a, WINDOW) - mean_a**2
    spread_b = uniform_filter(b * b, WINDOW) - mean_b**2
    both = uniform_filter(a * b, WINDOW) - mean_a * mean_b
    # The constant keeps noise in flat regions from looking like agreement.
    squared = both**2 / ((np.maximum(spread_a, 0) + _NOISE) * (np.maximum(spread_b, 0) + _NOISE))
    return np.asarray(np.clip(squared, 0, 1), np.float32)


def fused(distances: Sequence[Volume], weights: Sequence[Volume]) -> Volume:
    """The weighted mean of signed distances.

    Args:
        distances: each (C, X, Y, Z).
        weights: each (X, Y, Z), positive.
    """
    total = np.zeros(distances[0].shape, np.float64)
    whole = np.zeros(weights[0].shape, np.float64)
    for distance, weight in zip(distances, weights, strict=True):
        total += distance * weight
        whole += weight
    return np.asarray(total / whole, np.float32)
