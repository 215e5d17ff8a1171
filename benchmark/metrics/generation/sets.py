"""What is compared: a generated and a reference set of point clouds, checked, and identical shapes told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import LARGEST, Array, as_numpy, in_working_precision
from benchmark.metrics.clouds.trees import Coordinates, Indices, Trees, build_trees

Clouds = Array | Sequence[Array | None]


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """The distinct clouds of one set.

    Attributes:
        clouds: (U) distinct clouds, in the order of their first appearance.
        group: (N,) the distinct cloud of every shape, -1 for a failed one.
        first: (U,) lowest index of a shape that is this cloud; ascending.
        copies: (U,) how many shapes are.
    """

    clouds: list[Coordinates]
    group: Indices
    first: Indices
    copies: Indices

    @property
    def failed(self) -> NDArray[np.bool_]:
        """(N,) which shapes are missing, empty or not finite."""
        return np.asarray(self.group < 0)


@dataclass(frozen=True, eq=False)
class SetPair:
    """Both sets, and the trees of their distinct clouds: the generated ones first."""

    generated: ShapeSet
    reference: ShapeSet

    @cached_property
    def trees(self) -> Trees:
        """Of M = U_generated + U_reference clouds."""
        return build_trees([*self.generated.clouds, *self.reference.clouds])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything a score can depend on."""
        digest = hashlib.sha256()
        for side in (self.generated, self.reference):
            digest.update(np.asarray(side.group, dtype="<i8").tobytes())
            for cloud in side.clouds:
                digest.update(f"{cloud.shape}{cloud.dtype.str}".encode() + cloud.tobytes())
        return digest.hexdigest()

    @cached_property
    def alone(self) -> NDArray[np.bool_]:
        """(M,) which clouds have no copy in their set, and so are no candidates for themselves."""
        return np.asarray(np.concatenate([self.generated.copies, self.reference.copies]) == 1)

    def candidates(self, row: int, own: bool) -> tuple[Indices, Indices]:
        """The clouds of the own or the other set of a cloud, and the lowest index of a shape that is each of them."""
        ours = len(self.generated.clouds)
        if (row < ours) == own:
            return np.arange(ours), self.generated.first
        return np.arange(ours, ours + len(self.reference.clouds)), self.reference.first

    @property
    def diameter(self) -> float:
        """Diagonal of the box around all points: no two points are farther apart."""
        low, high = self.trees.low.min(axis=1), self.trees.high.max(axis=1)
        return float(np.linalg.norm(high.astype(np.float64) - low))


def read_sets(generated: Clouds, reference: Clouds) -> SetPair:
    """Check both sets.

    Args:
        generated: (N, P, 3), or a sequence of N clouds (P_i, 3). None, a cloud without points, or one with
            a coordinate that is not finite is a failed generation.
        reference: the same, without failures.

    Raises:
        ValueError: if the reference set is empty or holds a bad cloud, nothing was generated, a cloud has
            another shape than (P, 3), or coordinates are too large to be squared.
    """
    ours, theirs = [_cloud(each, "generated", n) for n, each in enumerate(generated)], []
    for index, each in enumerate(reference):
        cloud = _cloud(each, "reference", index)
        if cloud is None:
            raise ValueError(f"reference shape {index} is missing, empty or not finite; the truth must be sound")
        theirs.append(cloud)
    if not ours or not theirs:
        raise ValueError(f"both sets need shapes: {len(ours)} generated, {len(theirs)} reference")
    single = all(cloud is None or cloud.dtype == np.float32 for cloud in [*ours, *theirs])
    dtype = np.dtype(np.float32 if single else np.float64)
    return SetPair(_distinct(ours, dtype), _distinct(theirs, dtype))


def _cloud(cloud: Array | None, side: str, index: int) -> NDArray[Any] | None:
    if cloud is None:
        return None
    points = as_numpy(cloud)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"{side} shape {index} has shape {points.shape}, expected (P, 3)")
    if len(points) == 0:
        return None
    points = in_working_precision(points)
    if not np.isfinite(points).all():
        return None
    if np.abs(points).max() > LARGEST:
        raise ValueError(f"{side} shape {index} has coordinates beyond 1e15, whose squares overflow; rescale it")
    return points


def _distinct(clouds: Sequence[NDArray[Any] | None], dtype: np.dtype[Any]) -> ShapeSet:
    seen: dict[bytes, int] = {}
    kept: list[Coordinates] = []
    group, first = np.full(len(clouds), -1, np.int64), []
    for index, cloud in enumerate(clouds):
        if cloud is None:
            continue
        points = np.ascontiguousarray(cloud, dtype=dtype) + dtype.type(0)  # -0 and 0 are one number
        key = hashlib.sha256(points.tobytes()).digest() + len(points).to_bytes(8, "little")
        if key not in seen:
            seen[key] = len(kept)
            kept.append(points)
            first.append(index)
        group[index] = seen[key]
    copies = np.bincount(group[group >= 0], minlength=len(kept)).astype(np.int64)
    return ShapeSet(kept, group, np.array(first, dtype=np.int64), copies)
