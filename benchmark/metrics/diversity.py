"""How much several completions of one input differ from each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np

from benchmark.metrics.arrays import Array, as_numpy, like
from benchmark.metrics.base import Signature
from benchmark.metrics.distances import chamfer

TMD_MPC = Signature.of("tmd", "mpc", {"cd": "l2-squared", "directions": "sum", "reduce": "sum-of-means"})
"""Pins the defaults: those of MPC and of the papers that cite it."""
TMD_GENMED = Signature.of("tmd", "genmed", {"cd": "l2", "directions": "sum", "reduce": "mean-over-pairs"})
"""Pins ``reduce="mean", squared=False``: a function in the published GenMed code that its evaluation never calls."""


def total_mutual_difference(
    completions: Array | Sequence[Array], reduce: Literal["mpc", "mean"] = "mpc", squared: bool = True
) -> Array:
    """Total mutual difference (TMD) of k completions of the same input: 0 if all are alike.

    The conventions differ by a factor of k and by the unit, so numbers of one are never ranked with the other.

    Args:
        completions: (..., k, P, 3) points, or a sequence of k clouds (..., P_i, 3).
        reduce: "mpc" sums each completion's mean distance to the others, 2 / (k - 1) times the sum over pairs;
            "mean" is the mean over pairs, which is k times less.
        squared: average squared distances (unit²) or distances (unit), both directions summed; see ``chamfer``.

    Returns:
        float64 of the leading shape (a scalar array for one input), of the library of ``completions``.

    Raises:
        ValueError: for fewer than two completions, another ``reduce``, or clouds that are empty, not finite
            or of unequal batch shape.

    Source:
        Wu et al. 2020, Multimodal Shape Completion via Conditional Generative Adversarial Networks (MPC).

    >>> total_mutual_difference(np.array([[[0.0, 0, 0]], [[1.0, 0, 0]], [[0.0, 0, 0]]])).item()
    4.0
    """
    if reduce not in ("mpc", "mean"):
        raise ValueError(f"reduce must be 'mpc' or 'mean', got {reduce!r}")
    clouds = _one_by_one(completions)
    k = len(clouds)
    if k < 2:
        raise ValueError(f"a difference needs at least two completions, got {k}")
    pairs = [as_numpy(chamfer(a, b, squared=squared)) for a, b in combinations(clouds, 2)]
    total = np.sum(pairs, axis=0, dtype=np.float64)
    return like(np.asarray(2 * total / (k - 1) if reduce == "mpc" else total / len(pairs)), clouds[0])


def _one_by_one(completions: Array | Sequence[Array]) -> list[Array]:
    """The k clouds (..., P, 3)."""
    if isinstance(completions, Sequence):
        return list(completions)
    if completions.ndim < 3:
        raise ValueError(f"expected completions of shape (..., k, P, 3), got {tuple(completions.shape)}")
    return [completions[..., index, :, :] for index in range(completions.shape[-3])]
